// Weights on disk: the safetensors format (github.com/huggingface/safetensors, "Format"). Eight bytes of header length, a JSON header
// {name: {dtype, shape, data_offsets}, __metadata__: {text: text}}, then the data without holes. Read as hostile input: nothing is allocated before the
// header has been checked against the size of the file.
import { TextDecoder, TextEncoder } from 'node:util';
import { describe, fail } from '../errors';
import { openSource, type ReadInto, type ReadOptions, type Source } from '../files/source';
import { checkTarget, type Target, writeTo } from '../files/target';
import { typedArrayName } from '../realm';
import { checkIsOptions } from '../schema';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';

const longestHeader = 100_000_000; // bytes, the limit of the reference implementation

const codecs = {
  F32: { dtype: 'f32', bytes: 4, array: Float32Array },
  F16: { dtype: 'f32', bytes: 2, array: Uint16Array }, // widened to f32 on reading, never written
  BF16: { dtype: 'bf16', bytes: 2, array: Uint16Array },
  I64: { dtype: 'i64', bytes: 8, array: BigInt64Array },
  I32: { dtype: 'i32', bytes: 4, array: Int32Array },
  U8: { dtype: 'u8', bytes: 1, array: Uint8Array },
  BOOL: { dtype: 'bool', bytes: 1, array: Uint8Array },
} as const;

type Code = keyof typeof codecs;
const isCode = (code: unknown): code is Code => typeof code === 'string' && Object.hasOwn(codecs, code);
const codeOf = (dtype: StoredDType): Code => (Object.keys(codecs) as Code[]).find((c) => c !== 'F16' && codecs[c].dtype === dtype)!;

/** i64 exists in files only. */
export type StoredDType = (typeof codecs)[Code]['dtype'];

/** One tensor of a file: row-major; bf16 as its bits, bool as 0 and 1. */
export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: Shape;
  readonly data: Float32Array | Uint16Array | Int32Array | Uint8Array | BigInt64Array;
}

/** What the header says of one tensor; `code` is the format's own name of the type, and `begin` counts bytes from the start of the data. */
export interface Entry {
  readonly name: string;
  readonly code: Code;
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
  if (!isCode(dtype))
    return refuse(path, `has tensor '${name}' of dtype ${JSON.stringify(dtype)}; expected one of ${Object.keys(codecs).join(', ')}`);
  if (!isCounts(shape)) return refuse(path, `has tensor '${name}' with a malformed shape`);
  if (!isCounts(offsets) || offsets.length !== 2) return refuse(path, `has tensor '${name}' with malformed data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== sizeOf(shape) * codecs[dtype].bytes)
    return refuse(path, `has tensor '${name}' whose data_offsets do not hold ${dtype} ${showShape(shape)}`);
  return { name, code: dtype, shape, begin, end };
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

function parseHeader(path: string, bytes: Uint8Array, fileBytes: number): Header {
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    refuse(path, 'has a header that is not JSON');
  }
  if (!text.startsWith('{') || !isRecord(header)) return refuse(path, 'has a header that is not a JSON object');
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) refuse(path, `has the key '${repeated}' twice in its header`);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(path, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataStart = 8 + bytes.length;
  checkLayout(path, entries, fileBytes - dataStart);
  return { entries, metadata: parseMetadata(path, header.__metadata__), dataStart };
}

/** One file while it is read. */
interface Reading {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly readInto: ReadInto;
}

async function readHeader({ path, size, readInto }: Reading): Promise<Header> {
  if (size < 8) refuse(path, `is truncated: ${size} bytes`);
  const prefix = new Uint8Array(8);
  await readInto(prefix, 0);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) refuse(path, `is not a safetensors file, or has a header of ${length} bytes`);
  if (length > BigInt(size - 8)) refuse(path, `is truncated: a header of ${length} bytes expected, ${size - 8} there`);
  const bytes = new Uint8Array(Number(length));
  await readInto(bytes, 8);
  return parseHeader(path, bytes, size);
}

async function withSource<T>(subject: string, source: Source, options: ReadOptions, use: (reading: Reading) => Promise<T>): Promise<T> {
  checkIsOptions(subject, options);
  const { signal } = options;
  const opened = await openSource(subject, source, { signal });
  return opened.read(subject, (readInto) => use({ path: opened.name, size: opened.size, readInto }), signal);
}

// IEEE 754 binary16 to binary32, by the value: (-1)^s 2^(e-15) (1 + m/1024).
function widenHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

async function readEntry({ path, readInto }: Reading, entry: Entry, dataStart: number): Promise<StoredTensor> {
  const { array, dtype } = codecs[entry.code];
  const data = new array(sizeOf(entry.shape));
  await readInto(new Uint8Array(data.buffer), dataStart + entry.begin);
  if (entry.code === 'BOOL' && (data as Uint8Array).some((v) => v > 1))
    refuse(path, `has tensor '${entry.name}' with a bool that is not 0 or 1`);
  return { dtype, shape: entry.shape, data: entry.code === 'F16' ? Float32Array.from(data as Uint16Array, widenHalf) : data };
}

/**
 * The header alone: names, types, shapes and metadata of a file of any size.
 * @throws ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is no valid safetensors file
 */
export const inspectSafetensors = (source: Source, options: ReadOptions = {}): Promise<Header> =>
  withSource('inspectSafetensors', source, options, readHeader);

/**
 * Reads tensors, by default all; `accept` chooses by name. Each lies in memory of its own. f16 is widened to f32.
 * @throws ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is no valid safetensors file
 */
export function readSafetensors(
  source: Source,
  options: ReadOptions & { readonly accept?: (name: string) => boolean } = {},
): Promise<{ tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>> }> {
  return withSource('readSafetensors', source, options, async (reading) => {
    const header = await readHeader(reading);
    const tensors = new Map<string, StoredTensor>();
    for (const entry of header.entries) {
      if (options.accept?.(entry.name) ?? true) tensors.set(entry.name, await readEntry(reading, entry, header.dataStart));
    }
    return { tensors, metadata: header.metadata };
  });
}

function checkTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  if (name === '__metadata__') fail('ERR_TENSORWOOD_ARGUMENT', "writeSafetensors: the name '__metadata__' is the format's own");
  const code = codeOf(dtype);
  if (code === undefined || typedArrayName(data) !== codecs[code].array.name)
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
  const sorted = [...tensors].map(([name, tensor]) => ({ name, tensor, code: codeOf(tensor.dtype) }));
  for (const { name, tensor } of sorted) checkTensor(name, tensor);
  sorted.sort((a, b) => codecs[b.code].bytes - codecs[a.code].bytes || (a.name < b.name ? -1 : 1));
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
