// Large JSON objects, a piece after the other, so that nothing holds the event loop: the bytes are cut at commas of the object itself, and JSON.parse reads
// each piece. A member that is longer than a piece stands alone, and whoever asked for the object says how its value is read.
import { TextDecoder } from 'node:util';
import type { Work } from '../turns';

const pieceBytes = 2 ** 14; // parsed at once
const longest = 2 * pieceBytes;
const turnBytes = 2 ** 17; // looked at between two turns
const longestKey = 2 ** 20; // bytes

const letter = (text: string): number => text.charCodeAt(0);
const [quote, backslash, comma, colon, unicode] = [letter('"'), letter('\\'), letter(','), letter(':'), letter('u')];
const opening = new Set(['{', '['].map(letter));
const closing = new Set(['}', ']'].map(letter));
const endOfObject = letter('}');
const blanks = new Set([' ', '\t', '\n', '\r'].map(letter));

const failSyntax = (what: string): never => {
  throw new SyntaxError(what);
};

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return failSyntax('no UTF-8');
  }
}

/** Where the text whose quote is at `at` ends: behind its second quote. */
function* endOfText(bytes: Uint8Array, at: number): Work<number> {
  let turn = at + turnBytes;
  for (let i = at + 1; i < bytes.length; i++) {
    if (bytes[i] === quote) return i + 1;
    if (bytes[i] === backslash) i++;
    if (i < turn) continue;
    turn = i + turnBytes;
    yield;
  }
  return failSyntax('a text does not end');
}

/** The ends of the pieces of an object: at commas of its own, and at its closing bracket. Behind it are blanks only. */
function* cutsOf(bytes: Uint8Array): Work<number[]> {
  const cuts: number[] = [];
  let [depth, cut, member, turn, closed] = [0, 0, 0, turnBytes, false];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (closed && !blanks.has(byte)) failSyntax('more behind the object');
    if (byte === quote) i = (yield* endOfText(bytes, i)) - 1;
    else if (opening.has(byte)) depth++;
    else if (closing.has(byte)) closed = --depth === 0;
    if (closed && closing.has(byte) && byte !== endOfObject) failSyntax('another bracket at the end');
    if (closed ? byte === endOfObject : byte === comma && depth === 1) {
      if (i - member >= pieceBytes && member > cut) cuts.push(member);
      if (i - cut >= pieceBytes || closed) {
        cuts.push(i);
        cut = i;
      }
      member = i;
    }
    if (i < turn) continue;
    turn = i + turnBytes;
    yield;
  }
  if (!closed) failSyntax('an object does not end');
  return cuts;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && blanks.has(bytes[at]!)) at++;
  return at;
}

/** A key that is there twice. */
export class RepeatedKey extends Error {
  constructor(readonly key: string) {
    super(`the key '${key}' twice`);
  }
}

// JSON.parse keeps the last of two equal keys without a word, so the keys are looked at in the text, which is known to be valid JSON.
function checkKeys(text: string): void {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (open.at(-1)!.has(key)) throw new RepeatedKey(key);
      open.at(-1)!.add(key);
    }
  }
}

/** Reads the value of a member that is longer than a piece. */
export type ReadLarge = (key: string, value: Uint8Array) => Work<unknown>;

function* readPiece(piece: Uint8Array, readLarge: ReadLarge): Work<[string, unknown][]> {
  if (piece.length <= longest) {
    const object = `{${decode(piece)}}`;
    const found = Object.entries(JSON.parse(object) as Record<string, unknown>);
    checkKeys(object);
    return found;
  }
  const from = skipBlanks(piece, 0);
  if (piece[from] !== quote) failSyntax('a key is no text');
  const end = yield* endOfText(piece, from);
  if (end - from > longestKey) failSyntax('a key is too long');
  const mark = skipBlanks(piece, end);
  if (piece[mark] !== colon) failSyntax('a key without a value');
  const key = JSON.parse(decode(piece.subarray(from, end))) as string;
  return [[key, yield* readLarge(key, piece.subarray(skipBlanks(piece, mark + 1)))]];
}

/**
 * The members of an object in their order. Object.entries would move names such as '0', and a second key of one name would be lost.
 * @throws SyntaxError when it is no JSON object in UTF-8, RepeatedKey
 */
export function* parseMembers(bytes: Uint8Array, readLarge: ReadLarge): Work<Map<string, unknown>> {
  if (bytes[0] !== letter('{')) failSyntax('no object');
  const members = new Map<string, unknown>();
  const cuts = yield* cutsOf(bytes);
  let from = 1;
  for (const to of cuts) {
    const piece = bytes.subarray(from, to);
    if (cuts.length > 1 && skipBlanks(piece, 0) === piece.length) failSyntax('a comma without a member');
    for (const [key, value] of yield* readPiece(piece, readLarge)) {
      if (members.has(key)) throw new RepeatedKey(key);
      members.set(key, value);
    }
    from = to + 1;
    yield;
  }
  return members;
}

/** A long text, cut between letters. @throws as parseMembers does */
export function* parseText(bytes: Uint8Array): Work<string> {
  const end = yield* endOfText(bytes, 0);
  if (skipBlanks(bytes, end) !== bytes.length) failSyntax('more behind a text');
  const parts: string[] = [];
  let from = 1;
  for (let i = 1; i < end; i++) {
    const isInside = (bytes[i]! & 0xc0) === 0x80; // a letter
    if (i === end - 1 || (i - from >= pieceBytes && !isInside)) {
      parts.push(JSON.parse(`"${decode(bytes.subarray(from, i))}"`) as string);
      from = i;
      yield;
    }
    if (bytes[i] === backslash) i += bytes[i + 1] === unicode ? 5 : 1;
  }
  return parts.join('');
}
