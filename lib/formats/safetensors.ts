// Weights on disk: the safetensors format (github.com/huggingface/safetensors, "Format"). Eight bytes of header length, a JSON header
// {name: {dtype, shape, data_offsets}, __metadata__: {text: text}}, then the data without holes. Read as hostile input: nothing is allocated before the
// header has been checked against the size of the file.
import { TextDecoder, TextEncoder } from 'node:util';
import { describe, fail, TensorwoodError } from '../errors';
import { openSource, type ReadInto, type ReadOptions, type Source } from '../files/source';
import { checkTarget, type Target, writeTo } from '../files/target';
import { typedArrayName } from '../realm';
import { checkIsOptions } from '../schema';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import { finishInTurns, type Work } from '../turns';
import { bitsOf, readers, type StoredData, type StoredDType, writtenAs } from './safetensors-types';

const longestHeader = 100_000_000; // bytes, the limit of the reference implementation

/** One tensor of a file: row-major; bf16 as its bits, bool as 0 and 1. */
export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: Shape;
  readonly data: StoredData;
}

/** What the header says of one tensor; `code` is the format's own name of the type, and `begin` counts bytes from the start of the data. */
export interface Entry {
  readonly name: string;
  readonly code: string;
  /** What it is read as; absent where it cannot be read. */
  readonly dtype?: StoredDType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly Entry[]; // in order of their data
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataStart: number; // bytes from the start of the file
}

const refuse = (path: string, what: string): never => fail('ERR_TENSORWOOD_FORMAT', `safetensors: '${path}' ${what}`);

// JSON.parse keeps the last of two equal keys without a word, so the keys are looked at in the text, which is known to be valid JSON.
function findRepeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

function parseEntry(path: string, name: string, value: unknown): Entry {
  const known = isRecord(value) ? value : {};
  const { dtype, shape, data_offsets: offsets } = known;
  if (typeof dtype !== 'string' || !/^[A-Z][A-Z0-9_]*$/.test(dtype))
    return refuse(path, `has tensor '${name}' of dtype ${JSON.stringify(dtype)}; expected a name such as ${[...bitsOf.keys()].join(', ')}`);
  if (!isCounts(shape)) return refuse(path, `has tensor '${name}' with a malformed shape`);
  if (!isCounts(offsets) || offsets.length !== 2) return refuse(path, `has tensor '${name}' with malformed data_offsets`);
  const [begin, end] = offsets as [number, number];
  const bits = bitsOf.get(dtype);
  if (end < begin || (bits !== undefined && end - begin !== (sizeOf(shape) * bits) / 8))
    return refuse(path, `has tensor '${name}' whose data_offsets do not hold ${dtype} ${showShape(shape)}`);
  const reader = readers.get(dtype);
  return { name, code: dtype, ...(reader === undefined ? {} : { dtype: reader.dtype }), shape, begin, end };
}

// In order of offsets each tensor must begin where the one before ended, and the last must end with the file: no overlap, no hole, nothing beyond.
function checkLayout(path: string, entries: readonly Entry[], dataBytes: number): void {
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end)
      refuse(path, `has ${entry.begin < end ? 'overlapping data' : 'a hole in the data'} before tensor '${entry.name}'`);
    end = entry.end;
  }
  if (end > dataBytes) refuse(path, `is truncated: ${end} bytes of data expected, ${dataBytes} there`);
  if (end < dataBytes) refuse(path, `has ${dataBytes - end} bytes that belong to no tensor`);
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.values(value).some((v) => typeof v !== 'string')) refuse(path, 'has metadata that is not text');
  return value as Record<string, string>;
}

const pieceLetters = 2 ** 16; // parsed at once
const pieceBytes = 2 ** 20;

/** UTF-8 to text, a piece after the other. @throws when it is not UTF-8 */
function* decodeText(bytes: Uint8Array): Work<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parts.push(decoder.decode(bytes.subarray(at, at + pieceBytes), { stream: true }));
    yield;
  }
  return parts.join('') + decoder.decode();
}

/** Where a JSON object may be cut: at commas of its own, some letters apart. */
function* piecesOf(text: string): Generator<string> {
  let [depth, from] = [0, 1];
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === ',' && depth === 1 && index - from >= pieceLetters) {
      yield text.slice(from, index);
      from = index + 1;
      if (
        text
          .slice(from, from + 64)
          .trimStart()
          .startsWith('}')
      )
        throw new SyntaxError('a comma before the end');
    }
  }
  yield text.slice(from, text.trimEnd().length - 1);
}

/** The entries of a header. Object.entries would move names such as '0', and a second key of one name would be lost. */
function* parseEntries(path: string, bytes: Uint8Array): Work<Map<string, unknown>> {
  const entries = new Map<string, unknown>();
  try {
    const text = yield* decodeText(bytes);
    if (!text.startsWith('{') || !text.trimEnd().endsWith('}')) refuse(path, 'has a header that is not a JSON object');
    for (const piece of piecesOf(text)) {
      const object = `{${piece}}`;
      const found = JSON.parse(object) as Record<string, unknown>;
      const repeated = findRepeatedKey(object) ?? Object.keys(found).find((key) => entries.has(key));
      if (repeated !== undefined) refuse(path, `has the key '${repeated}' twice in its header`);
      for (const [key, value] of Object.entries(found)) entries.set(key, value);
      yield;
    }
  } catch (error) {
    if (error instanceof TensorwoodError) throw error;
    return refuse(path, 'has a header that is not JSON');
  }
  return entries;
}

function* parseHeader(path: string, bytes: Uint8Array, fileBytes: number): Work<Header> {
  const found = yield* parseEntries(path, bytes);
  const metadata = parseMetadata(path, found.get('__metadata__'));
  found.delete('__metadata__');
  const entries: Entry[] = [];
  for (const [name, value] of found) {
    entries.push(parseEntry(path, name, value));
    if (entries.length % 256 === 0) yield;
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  yield;
  const dataStart = 8 + bytes.length;
  checkLayout(path, entries, fileBytes - dataStart);
  return { entries, metadata, dataStart };
}

interface Reading {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly readInto: ReadInto;
  readonly signal: AbortSignal | undefined;
}

async function readHeader({ path, size, readInto, signal }: Reading): Promise<Header> {
  if (size < 8) refuse(path, `is truncated: ${size} bytes`);
  const prefix = new Uint8Array(8);
  await readInto(prefix, 0);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) refuse(path, `is not a safetensors file, or has a header of ${length} bytes`);
  if (length > BigInt(size - 8)) refuse(path, `is truncated: a header of ${length} bytes expected, ${size - 8} there`);
  const bytes = new Uint8Array(Number(length));
  await readInto(bytes, 8);
  return finishInTurns(parseHeader(path, bytes, size), signal);
}

async function withSource<T>(subject: string, source: Source, options: ReadOptions, use: (reading: Reading) => Promise<T>): Promise<T> {
  checkIsOptions(subject, options);
  const { signal } = options;
  const opened = await openSource(subject, source, { signal });
  return opened.read(subject, (readInto) => use({ path: opened.name, size: opened.size, readInto, signal }), signal);
}

async function readEntry(
  { path, readInto, signal }: Reading,
  { name, code, shape, begin, end }: Entry,
  dataStart: number,
): Promise<StoredTensor> {
  const reader = readers.get(code);
  if (reader === undefined)
    return refuse(path, `has tensor '${name}' of dtype ${code}, which cannot be read; leave it out with { accept }`);
  const bytes = new Uint8Array(end - begin);
  await readInto(bytes, dataStart + begin);
  const data = await finishInTurns(
    reader.read(bytes, (reason) => refuse(path, `has tensor '${name}', which ${reason}`)),
    signal,
  );
  return { dtype: reader.dtype, shape, data };
}

/**
 * The header alone: names, types, shapes and metadata of a file of any size.
 * @throws ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is no valid safetensors file
 */
export const inspectSafetensors = (source: Source, options: ReadOptions = {}): Promise<Header> =>
  withSource('inspectSafetensors', source, options, readHeader);

/**
 * Reads tensors, each into memory of its own: those that `accept` chooses by name; by default all that can be read, and `skipped` names the others. F16,
 * F8_E5M2 and F8_E4M3 are widened to f32 and F64 is rounded to it; I8, I16 and U16 become i32, U32 and U64 become i64. C64, F8_E8M0, F6 and F4 cannot be read.
 * @throws ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is no valid safetensors file, or a tensor that `accept`
 *   chooses cannot be read
 */
export function readSafetensors(
  source: Source,
  options: ReadOptions & { readonly accept?: (name: string) => boolean } = {},
): Promise<{ tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>>; skipped: readonly Entry[] }> {
  return withSource('readSafetensors', source, options, async (reading) => {
    const header = await readHeader(reading);
    const tensors = new Map<string, StoredTensor>();
    const isReadable = ({ dtype }: Entry): boolean => dtype !== undefined;
    const chosen =
      options.accept === undefined ? header.entries.filter(isReadable) : header.entries.filter(({ name }) => options.accept!(name));
    for (const entry of chosen) tensors.set(entry.name, await readEntry(reading, entry, header.dataStart));
    const skipped = options.accept === undefined ? header.entries.filter((entry) => !isReadable(entry)) : [];
    return { tensors, metadata: header.metadata, skipped };
  });
}

function checkTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  if (name === '__metadata__') fail('ERR_TENSORWOOD_ARGUMENT', "writeSafetensors: the name '__metadata__' is the format's own");
  if (!Object.hasOwn(writtenAs, dtype) || typedArrayName(data) !== writtenAs[dtype].array)
    fail('ERR_TENSORWOOD_DTYPE', `writeSafetensors: expected tensor '${name}' of dtype ${dtype} as its typed array, got ${describe(data)}`);
  if (data.length !== sizeOf(shape))
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `writeSafetensors: expected ${sizeOf(shape)} elements in tensor '${name}' ${showShape(shape)}, got ${data.length}`,
    );
}

/**
 * Writes tensors and metadata, into a file atomically: the old one stays until the new one is complete on disk. Widest types first and then by name, so that every
 * tensor is aligned and equal contents give equal bytes.
 * @throws ERR_TENSORWOOD_FILE when the disk is full or the folder cannot be written; ERR_TENSORWOOD_SHAPE or _DTYPE when data does not fit its shape or type
 */
export async function writeSafetensors(
  target: Target,
  tensors: Iterable<readonly [string, StoredTensor]>,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  checkTarget('writeSafetensors', target);
  const all = [...tensors];
  for (const [name, tensor] of all) checkTensor(name, tensor);
  const sorted = all.map(([name, tensor]) => ({ name, tensor, code: writtenAs[tensor.dtype].code, width: tensor.data.BYTES_PER_ELEMENT }));
  sorted.sort((a, b) => b.width - a.width || (a.name < b.name ? -1 : 1));
  const header = new Map<string, unknown>(options.metadata ? [['__metadata__', options.metadata]] : []);
  let begin = 0;
  for (const { name, tensor, code } of sorted) {
    if (header.has(name)) fail('ERR_TENSORWOOD_ARGUMENT', `writeSafetensors: the name '${name}' is there twice`);
    const end = begin + tensor.data.byteLength;
    header.set(name, { dtype: code, shape: tensor.shape, data_offsets: [begin, end] });
    begin = end;
  }
  await writeTo('writeSafetensors', target, [...frameHeader(header), ...sorted.map((s) => s.tensor.data)]);
}

// Written entry by entry, since an object would move names such as '0' to its front. Spaces fill it up to a multiple of 8, which aligns the data.
function frameHeader(header: ReadonlyMap<string, unknown>): Uint8Array[] {
  const text = `{${[...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20);
  padded.set(bytes);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [prefix, padded];
}
