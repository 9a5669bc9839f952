// Weights on disk: the safetensors format (github.com/huggingface/safetensors, "Format"). Eight bytes of header length, a JSON header
// {name: {dtype, shape, data_offsets}, __metadata__: {text: text}}, then the data without holes. Read as hostile input: nothing is allocated before the
// header has been checked against the size of the file.
import { TextEncoder } from 'node:util';
import { describe, fail, TensorwoodError } from '../errors';
import { openSource, type ReadInto, type ReadOptions, type Source } from '../files/source';
import { checkTarget, type Target, writeTo } from '../files/target';
import { typedArrayName } from '../realm';
import { checkIsOptions } from '../schema';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import { finishInTurns, inPieces, sorted, type Work } from '../turns';
import { parseMembers, parseText, RepeatedKey } from './json-members';
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
function* checkLayout(path: string, entries: readonly Entry[], dataBytes: number): Work<void> {
  let end = 0;
  yield* inPieces(entries.length, (from, to) => {
    for (const entry of entries.slice(from, to)) {
      if (entry.begin !== end)
        refuse(path, `has ${entry.begin < end ? 'overlapping data' : 'a hole in the data'} before tensor '${entry.name}'`);
      end = entry.end;
    }
  });
  if (end > dataBytes) refuse(path, `is truncated: ${end} bytes of data expected, ${dataBytes} there`);
  if (end < dataBytes) refuse(path, `has ${dataBytes - end} bytes that belong to no tensor`);
}

const metadataKey = '__metadata__';

const refuseMetadata = (path: string): never => refuse(path, 'has metadata that is not text');

function parseMetadata(path: string, value: unknown = {}): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((v) => typeof v !== 'string')) refuseMetadata(path);
  return value as Record<string, string>;
}

/** Metadata that is too long to be read in one go; its texts may be, too. */
function* parseLargeMetadata(path: string, bytes: Uint8Array): Work<Record<string, string>> {
  const readText = (_: string, value: Uint8Array): Work<string> => (value[0] === 0x22 ? parseText(value) : refuseMetadata(path));
  const metadata: Record<string, string> = {};
  let count = 0;
  for (const [key, value] of yield* parseMembers(bytes, readText)) {
    if (typeof value !== 'string') refuseMetadata(path);
    Object.defineProperty(metadata, key, { value, enumerable: true, writable: true, configurable: true }); // __proto__ is a key like another
    if (++count % 256 === 0) yield;
  }
  return metadata;
}

interface Members {
  readonly tensors: ReadonlyMap<string, unknown>;
  readonly metadata: Readonly<Record<string, string>>;
}

function* readMembers(path: string, bytes: Uint8Array): Work<Members> {
  let metadata: Record<string, string> | undefined;
  function* readLarge(key: string, value: Uint8Array): Work<unknown> {
    if (key !== metadataKey) return refuse(path, `has ${value.length} bytes for what it says of tensor '${shortName(key)}'`);
    if (value[0] !== 0x7b) refuseMetadata(path);
    metadata = yield* parseLargeMetadata(path, value);
  }
  try {
    const tensors = yield* parseMembers(bytes, readLarge);
    metadata ??= parseMetadata(path, tensors.get(metadataKey));
    tensors.delete(metadataKey);
    return { tensors, metadata };
  } catch (error) {
    if (error instanceof TensorwoodError) throw error;
    if (error instanceof RepeatedKey) return refuse(path, `has the key '${error.key}' twice in its header`);
    return refuse(path, 'has a header that is not JSON');
  }
}

const shortName = (name: string): string => (name.length > 80 ? `${name.slice(0, 80)}…` : name);

function* parseHeader(path: string, bytes: Uint8Array, fileBytes: number): Work<Header> {
  const { tensors, metadata } = yield* readMembers(path, bytes);
  const found: Entry[] = [];
  for (const [name, value] of tensors) {
    found.push(parseEntry(path, name, value));
    if (found.length % 256 === 0) yield;
  }
  const entries = yield* sorted(found, (a, b) => a.begin - b.begin || a.end - b.end);
  const dataStart = 8 + bytes.length;
  yield* checkLayout(path, entries, fileBytes - dataStart);
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
