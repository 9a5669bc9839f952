// A stream as bytes in memory: Node's and the web's streams, and whatever else gives bytes or text when it is iterated. Waiting for the next piece ends
// with the signal, and the stream is told to stop; a stream that does not end is refused where memory would.
import { TextEncoder } from 'node:util';
import { isUint8Array } from 'node:util/types';
import { describe, fail, TensorwoodError } from '../errors';
import { throwIfAborted, untilAborted } from '../realm';
import { takeTurns } from '../turns';

/** A ReadableStream of any realm. */
export interface WebStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

export type Stream = AsyncIterable<Uint8Array | string> | WebStream;

/** Pieces one after the other, and how to end them early. */
interface Pieces {
  /** Resolves to the next one; some iterators answer without a promise. */
  next(): Promise<Piece> | Piece;
  stop(): unknown;
}

interface Piece {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

interface Naming {
  /** The beginning of the error sentence. */
  readonly subject: string;
  /** What is read, for messages. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

const pieceBytes = 2 ** 22; // copied at once: about 1 ms
const blockBytes = 2 ** 20;
const pieceLetters = 2 ** 20;
const leastLetters = 2 ** 14;
const lookBytes = 2 ** 24; // between looks at the memory that is left

export const isStream = (value: unknown): value is Stream =>
  typeof (value as WebStream)?.getReader === 'function' ||
  typeof (value as Partial<AsyncIterable<unknown>>)?.[Symbol.asyncIterator] === 'function';

function piecesOf(stream: Stream): Pieces {
  if ('getReader' in stream) {
    const reader = stream.getReader();
    return { next: () => reader.read(), stop: () => reader.cancel() };
  }
  const iterator = stream[Symbol.asyncIterator]();
  const { destroy } = stream as { destroy?: () => void }; // of Node's streams: their iterators only end between two pieces
  return { next: () => iterator.next(), stop: () => (typeof destroy === 'function' ? destroy.call(stream) : iterator.return?.()) };
}

/** What is wrong with the stopping is of no interest: there is an error to tell already. */
async function stop(pieces: Pieces): Promise<void> {
  try {
    await pieces.stop();
  } catch {}
}

/**
 * All bytes of a stream; text as UTF-8.
 * @throws the signal's reason; ERR_TENSORWOOD_FILE when the stream fails, _MEMORY when it does not end in time, _ARGUMENT when it was read before, or
 *   gives something else
 */
export async function gather(stream: Stream, naming: Naming): Promise<Uint8Array> {
  const { subject, name, signal } = naming;
  const { readableEnded, locked } = stream as { readableEnded?: boolean; locked?: boolean };
  if (readableEnded === true || locked === true)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a stream that nobody has read, got '${name}', which was read before`);
  const pieces = piecesOf(stream);
  try {
    throwIfAborted(signal); // what was opened meanwhile is told to stop, too
    return await join(await collect(pieces, naming), naming);
  } catch (error) {
    stop(pieces);
    if (error instanceof TensorwoodError || signal?.aborted) throw error;
    return fail(
      'ERR_TENSORWOOD_FILE',
      `${subject}: cannot read '${name}': ${(error as Error | undefined)?.message ?? String(error)}`,
      error,
    );
  }
}

/** Copies pieces into blocks: their owner may use their memory again, and small ones would take more than they hold. */
class Blocks {
  readonly #full: Uint8Array[] = [];
  #last = new Uint8Array();
  #used = 0;
  /** Of all pieces. */
  bytes = 0;

  add(piece: Uint8Array): void {
    const first = Math.min(piece.length, this.#last.length - this.#used);
    this.#last.set(piece.subarray(0, first), this.#used);
    this.#used += first;
    this.bytes += piece.length;
    if (first < piece.length) this.#begin(piece.subarray(first));
  }

  #begin(piece: Uint8Array): void {
    if (this.#used > 0) this.#full.push(this.#last);
    this.#last = new Uint8Array(Math.max(piece.length, Math.min(blockBytes, this.bytes)));
    this.#last.set(piece);
    this.#used = piece.length;
  }

  all(): Uint8Array[] {
    return [...this.#full, this.#last.subarray(0, this.#used)];
  }
}

function collect(pieces: Pieces, naming: Naming): Promise<Blocks> {
  const blocks = new Blocks();
  const text = createEncoder();
  const endTurn = takeTurns(naming.signal);
  let looked = 0;
  const add = async (parts: Iterable<Uint8Array>): Promise<void> => {
    for (const part of parts) {
      blocks.add(part);
      await endTurn();
      if (blocks.bytes - looked < lookBytes) continue;
      looked = blocks.bytes;
      checkMemory(looked, naming);
    }
  };
  return untilAborted(naming.signal, async (orAbort) => {
    const next = (): Promise<Piece> => orAbort(Promise.resolve(pieces.next()));
    for (let piece = await next(); piece.done !== true; piece = await next()) {
      await add(partsOf(piece.value, text, naming));
      await endTurn(); // a stream that always has a piece, be it an empty one, would let nobody else have a turn
    }
    await add(text.end());
    return blocks;
  });
}

function partsOf(piece: unknown, text: Encoder, { subject, name }: Naming): Iterable<Uint8Array> {
  if (typeof piece === 'string') return text.encode(piece);
  if (isUint8Array(piece)) return [...text.end(), ...cut(piece)];
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected bytes or text from '${name}', got ${describe(piece)}`);
}

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
}

interface Encoder {
  encode(text: string): Iterable<Uint8Array>;
  /** What is left. */
  end(): Uint8Array[];
}

/** Text to UTF-8. Short pieces wait for more: each array costs as much as thousands of letters. So does half of a letter that two UTF-16 units make. */
function createEncoder(): Encoder {
  const encoder = new TextEncoder();
  let waiting = '';
  return {
    *encode(text) {
      for (let from = 0; from < text.length; from += pieceLetters) {
        waiting += text.slice(from, from + pieceLetters);
        if (waiting.length < leastLetters) continue;
        const whole = waiting.length - (/[\ud800-\udbff]/.test(waiting.at(-1)!) ? 1 : 0);
        yield encoder.encode(waiting.slice(0, whole));
        waiting = waiting.slice(whole);
      }
    },
    end() {
      const rest = waiting === '' ? [] : [encoder.encode(waiting)];
      waiting = '';
      return rest;
    },
  };
}

/** `bytes` are held, and all of them will be copied once. */
export function checkMemory(bytes: number, { subject, name }: Naming): void {
  if (process.availableMemory() > bytes) return;
  fail('ERR_TENSORWOOD_MEMORY', `${subject}: expected '${name}' to end, got ${bytes} bytes and no memory for more`);
}

/** One array of all blocks. */
async function join(blocks: Blocks, { signal, ...naming }: Naming): Promise<Uint8Array> {
  const parts = blocks.all();
  if (parts.length === 1) return parts[0]!;
  checkMemory(blocks.bytes, naming);
  const whole = new Uint8Array(blocks.bytes);
  let at = 0;
  const endTurn = takeTurns(signal);
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    await endTurn();
  }
  return whole;
}

/** Copies all of `from`; other events have their turn meanwhile where it is long. */
export async function copyInTurns(to: Uint8Array, from: Uint8Array, signal?: AbortSignal): Promise<void> {
  const endTurn = takeTurns(signal);
  for (let done = 0; done < from.length; done += pieceBytes) {
    if (done > 0) await endTurn();
    to.set(from.subarray(done, done + pieceBytes), done);
  }
}
