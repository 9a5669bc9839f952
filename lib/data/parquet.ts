// Parquet files to tables, by the optional package hyparquet. A thread of its own decodes; where its file is not beside this one, as in a bundle, or may not
// start one, the calling thread does.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { codes, describe, type ErrorCode, fail } from '../errors';
import { copyInTurns } from '../files/gather';
import { type OpenedSource, openSource, type Source } from '../files/source';
import { untilAborted } from '../realm';
import { checkOptions } from '../schema';
import { finishInTurns, type Work } from '../turns';
import { differentNote, type ReadTable } from './notes';
import type { CategoryParts, ColumnParts } from './parquet/columns';
import { decodeParquet, type Job, type Told } from './parquet/decode';
import type { Message } from './parquet/worker';
import { type CategoryColumn, type Column, createTable } from './table';

export interface ParquetOptions {
  /** Read only these columns. Default: all that a table can hold; the others are named in the notes. */
  readonly columns?: readonly string[];
  /** Columns to leave out, unread. */
  readonly ignore?: readonly string[];
  /** Columns to read as categories even if they hold numbers. */
  readonly categories?: readonly string[];
  /** Columns that must hold numbers; text is refused. */
  readonly numbers?: readonly string[];
  /** Columns that must hold dates or timestamps; text and other numbers are refused. */
  readonly dates?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Reads Parquet data into columns, off the calling thread; on it, a column of a row group at a time, in a bundle, which has no file for another thread, and
 * where Node's permissions allow none.
 *
 * - Integers, decimals, floats and booleans (0 and 1) become numbers: Float32Array where that is exact for all of a column, else Float64Array.
 * - Dates and timestamps become milliseconds since 1970 (f64, with their fraction; `times` is set), times of day milliseconds since midnight.
 * - Text, enums and JSON become categories, sorted by their UTF-8 bytes; UUIDs in their usual spelling; bytes as text where all are UTF-8, else as
 *   hexadecimal digits. In `categories`, numbers keep all their digits, and times are ISO 8601.
 * - Nulls, NaN and the empty text are missing (NaN, code -1).
 * - Nested columns (lists, maps, structs, variants), intervals, BSON and shapes of maps are left out.
 *
 * `notes` says what was left out, and where a column lost something.
 *
 * @throws the signal's reason; ERR_TENSORWOOD_PEER when hyparquet (or, for other codecs than Snappy, hyparquet-compressors) is not installed,
 *   ERR_TENSORWOOD_FILE when the file cannot be read, ERR_TENSORWOOD_FORMAT when it is no Parquet, is damaged, or a column asked for by name cannot be
 *   held by a table, ERR_TENSORWOOD_DATA when it holds no rows, or text in `numbers` or `dates`, ERR_TENSORWOOD_MEMORY when it needs more than there is
 */
export async function readParquet(source: Source, options: ParquetOptions = {}): Promise<ReadTable> {
  checkOptions('readParquet', options, ['columns', 'ignore', 'categories', 'numbers', 'dates', 'signal']);
  const { signal, columns, ignore, categories, numbers, dates } = options;
  const asked = { columns, ignore, categories, numbers, dates };
  for (const [name, names] of Object.entries(asked)) checkNames(name, names);
  const { name, content, size } = await openSource('readParquet', source, { signal });
  const { parts, told } = await decode({ source: { name, content, size }, ...asked }, signal);
  const read: Column[] = [];
  for (const part of parts) read.push(part.kind === 'number' ? withoutNotes(part) : await withTexts(part, signal));
  const table = createTable(read);
  const guessed = table.columns.filter((column) => !categories?.includes(column.name) && isDifferent(column, table.rows));
  const different = guessed.map((column) => differentNote(column.name, (column as CategoryColumn).categories.length));
  return { ...table, notes: [...told.notes, ...parts.flatMap(({ notes }) => notes), ...different] };
}

/** The names of all columns, those that no table can hold too. @throws as readParquet does */
export async function readParquetNames({ name, content, size }: OpenedSource, signal?: AbortSignal): Promise<readonly string[]> {
  return (await decode({ source: { name, content, size }, namesOnly: true }, signal)).told.names;
}

const few = 20; // different texts, however many rows there are

/** As native/data/csv_columns.cpp says it of text. */
const isDifferent = (column: Column, rows: number): boolean =>
  column.kind === 'category' && column.categories.length > few && 2 * column.categories.length > rows;

function checkNames(option: string, names: unknown): void {
  if (names === undefined || (Array.isArray(names) && names.every((name) => typeof name === 'string'))) return;
  fail('ERR_TENSORWOOD_ARGUMENT', `readParquet: expected ${option} to be an array of column names, got ${describe(names)}`);
}

const withoutNotes = <P extends ColumnParts>({ notes: _, ...column }: P): Omit<P, 'notes'> => column;

async function withTexts({ kind, name, codes, text, ends }: CategoryParts, signal: AbortSignal | undefined): Promise<Column> {
  return { kind, name, codes, categories: await finishInTurns(textsOf(text, ends), signal) };
}

const turnBytes = 2 ** 16;

function* textsOf(text: Uint8Array, ends: Float64Array): Work<string[]> {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const texts: string[] = [];
  let [start, turned] = [0, 0];
  for (const end of ends) {
    texts.push(bytes.toString('utf8', start, end));
    start = end;
    if (start - turned < turnBytes) continue;
    turned = start;
    yield;
  }
  return texts;
}

interface Decoded {
  readonly parts: readonly ColumnParts[];
  readonly told: Told;
}

const workerFile = join(__dirname, 'parquet', 'worker.js');
const youngMegabytes = 16; // a third of what is usual: large arrays do not live there, and it is paid for beside that of this thread

async function decode(job: Job, signal: AbortSignal | undefined): Promise<Decoded> {
  if (mayStartThread() && existsSync(workerFile)) return decodeApart(await shared(job, signal), signal);
  const parts: ColumnParts[] = [];
  return { told: await decodeParquet(job, (part) => parts.push(part), signal), parts };
}

/** Node's permission model, where it is on, allows threads only when it is told. */
function mayStartThread(): boolean {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  return permission === undefined || permission.has('worker');
}

/** Bytes in memory that both threads see: sending them would copy them in one go. */
async function shared(job: Job, signal: AbortSignal | undefined): Promise<Job> {
  const { source } = job;
  if (typeof source.content === 'string') return job;
  const content = new Uint8Array(new SharedArrayBuffer(source.size));
  await copyInTurns(content, source.content, signal);
  return { ...job, source: { ...source, content } };
}

async function decodeApart(job: Job, signal: AbortSignal | undefined): Promise<Decoded> {
  const worker = new Worker(workerFile, { workerData: job, resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes } });
  const parts: ColumnParts[] = [];
  const told = new Promise<Told>((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if ('column' in message) parts.push(message.column);
      else if ('told' in message) resolve(message.told);
      else reject(message.error);
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('its thread ended')));
  });
  try {
    return { parts, told: await untilAborted(signal, (orAbort) => orAbort(told)) };
  } catch (error) {
    if (signal?.aborted) throw error;
    return failApart(job, error as { code?: string; message: string });
  } finally {
    await worker.terminate();
  }
}

const isCode = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(codes, code);

/** An error of the other thread, in this one. */
function failApart({ source: { name } }: Job, error: { readonly code?: string; readonly message: string }): never {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    fail(
      'ERR_TENSORWOOD_MEMORY',
      `readParquet: not enough memory to decode '${name}'; read fewer columns at a time, with { columns }`,
      error,
    );
  if (isCode(error.code)) fail(error.code, error.message);
  return fail('ERR_TENSORWOOD_FORMAT', `readParquet: cannot decode '${name}': ${error.message}`, error);
}
