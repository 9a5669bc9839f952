// Parquet files to tables, by the optional package hyparquet. It decodes on the calling thread, a column of a row group at a time.

import { fail } from '../errors';
import { type OpenedSource, openSource, type Source } from '../files/source';
import { throwIfAborted } from '../realm';
import { checkIsOptions, listed } from '../schema';
import { loadPeer } from './peer';
import { type Column, createTable, type Table } from './table';

export interface ParquetOptions {
  /** Read only these columns. Default: all. */
  readonly columns?: readonly string[];
  /** Columns to read as categories even if they hold numbers. */
  readonly categories?: readonly string[];
  readonly signal?: AbortSignal;
}

type Library = typeof import('hyparquet', { with: { 'resolution-mode': 'import' }});
type Metadata = Awaited<ReturnType<Library['parquetMetadataAsync']>>;
type Cell = number | bigint | string | boolean | null | undefined;
type Cells = ArrayLike<Cell>;

interface Field {
  readonly name: string;
  readonly category: boolean;
}

interface Reading {
  readonly library: Library;
  readonly file: Awaited<ReturnType<Library['asyncBufferFromFile']>>;
  readonly metadata: Metadata;
  readonly compressors: object | undefined;
  readonly path: string;
}

const exactInFloat = 2 ** 24;

// Times as milliseconds since 1970, like Date.
const timesAsNumbers = {
  timestampFromMilliseconds: (t: bigint) => Number(t),
  timestampFromMicroseconds: (t: bigint) => Number(t) / 1e3,
  timestampFromNanoseconds: (t: bigint) => Number(t) / 1e6,
  dateFromDays: (days: number) => days * 86_400_000,
};

/**
 * Reads a Parquet file into columns: strings as categories (sorted), numbers as Float32Array or, when a number beyond 2^24 would not be exact,
 * Float64Array; booleans as 0 and 1; dates and times as milliseconds since 1970. Nulls are missing (NaN, code -1).
 *
 * @throws ERR_TENSORWOOD_PEER when hyparquet (or, for other codecs than Snappy, hyparquet-compressors) is not installed, ERR_TENSORWOOD_FILE when the
 *   file cannot be read, ERR_TENSORWOOD_FORMAT when it is not Parquet or a column is nested, ERR_TENSORWOOD_DATA when it holds no rows
 */
export async function readParquet(source: Source, options: ParquetOptions = {}): Promise<Table> {
  checkIsOptions('readParquet', options);
  const opened = await openSource('readParquet', source, { signal: options.signal });
  const reading = await open(opened);
  const rows = Number(reading.metadata.num_rows);
  if (rows === 0) fail('ERR_TENSORWOOD_DATA', `readParquet: '${opened.name}' holds no rows`);
  const columns: Column[] = [];
  for (const field of fieldsOf(reading, options)) columns.push(await readColumn(reading, field, rows, options.signal));
  return createTable(columns);
}

/** The names of all columns. */
export async function readParquetNames(opened: OpenedSource): Promise<string[]> {
  const { library, metadata } = await open(opened);
  return library.parquetSchema(metadata).children.map((field) => field.element.name);
}

async function open({ name: path, content }: OpenedSource): Promise<Reading> {
  const library = await loadPeer<Library>('readParquet', 'hyparquet');
  const file = await fileOf(library, content).catch((error: Error) => {
    return fail('ERR_TENSORWOOD_FILE', `readParquet: cannot read '${path}': ${error.message}`, error);
  });
  const metadata = await library.parquetMetadataAsync(file).catch((error: Error) => {
    return fail('ERR_TENSORWOOD_FORMAT', `readParquet: '${path}' is not a Parquet file: ${error.message}`, error);
  });
  const codecs = new Set(metadata.row_groups.flatMap((g) => g.columns.map((c) => c.meta_data?.codec ?? 'UNCOMPRESSED')));
  codecs.delete('UNCOMPRESSED');
  codecs.delete('SNAPPY');
  const compressors =
    codecs.size === 0 ? undefined : (await loadPeer<{ compressors: object }>('readParquet', 'hyparquet-compressors')).compressors;
  return { library, file, metadata, compressors, path };
}

/** What the library reads from: a plain file by its path, or bytes. */
async function fileOf(library: Library, content: string | Uint8Array): Promise<Reading['file']> {
  if (typeof content === 'string') return library.asyncBufferFromFile(content);
  const slice = (from: number, to?: number): ArrayBuffer => Uint8Array.prototype.slice.call(content, from, to).buffer;
  return { byteLength: content.length, slice };
}

function fieldsOf({ metadata, path, library }: Reading, options: ParquetOptions): Field[] {
  const fields = library.parquetSchema(metadata).children;
  const names = fields.map((f) => f.element.name);
  const unknown = [...(options.columns ?? []), ...(options.categories ?? [])].find((name) => !names.includes(name));
  if (unknown !== undefined)
    fail('ERR_TENSORWOOD_ARGUMENT', `readParquet: '${path}' has no column '${unknown}' (columns: ${listed(names)})`);
  const wanted = fields.filter((f) => options.columns?.includes(f.element.name) ?? true);
  return wanted.map(({ element, children }) => {
    if (children.length > 0 || element.repetition_type === 'REPEATED')
      fail('ERR_TENSORWOOD_FORMAT', `readParquet: column '${element.name}' of '${path}' is nested; choose the others with { columns }`);
    const text = element.type === 'BYTE_ARRAY' && element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL';
    return { name: element.name, category: text || (options.categories?.includes(element.name) ?? false) };
  });
}

async function readColumn(reading: Reading, field: Field, rows: number, signal: AbortSignal | undefined): Promise<Column> {
  const { library, file, metadata, compressors, path } = reading;
  const sink = field.category ? createCategories(field.name, rows) : createNumbers(field.name, rows);
  let row = 0;
  for (const group of metadata.row_groups) {
    throwIfAborted(signal);
    const rowStart = row;
    row += Number(group.num_rows);
    await library
      .parquetRead({
        file,
        metadata,
        ...(compressors === undefined ? {} : { compressors }),
        columns: [field.name],
        rowStart,
        rowEnd: row,
        parsers: timesAsNumbers,
        onChunk: (chunk) => sink.take(chunk.columnData as Cells, chunk.rowStart),
      })
      .catch((error: Error) => {
        fail('ERR_TENSORWOOD_FORMAT', `readParquet: cannot decode column '${field.name}' of '${path}': ${error.message}`, error);
      });
  }
  return sink.finish();
}

interface Sink {
  take(cells: Cells, row: number): void;
  finish(): Column;
}

function createNumbers(name: string, rows: number): Sink {
  const values = new Float64Array(rows).fill(Number.NaN);
  let wide = false;
  return {
    take(cells, row) {
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        if (cell === null || cell === undefined) continue;
        const value = Number(cell);
        values[row + i] = value;
        if ((value > exactInFloat || value < -exactInFloat) && Math.fround(value) !== value) wide = true;
      }
    },
    finish: () => ({ kind: 'number', name, values: wide ? values : Float32Array.from(values) }),
  };
}

function createCategories(name: string, rows: number): Sink {
  const codes = new Int32Array(rows).fill(-1);
  const codeOf = new Map<Cell, number>();
  return {
    take(cells, row) {
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        if (cell === null || cell === undefined) continue;
        let code = codeOf.get(cell);
        if (code === undefined) {
          code = codeOf.size;
          codeOf.set(cell, code);
        }
        codes[row + i] = code;
      }
    },
    finish() {
      const found = Array.from(codeOf.keys(), (cell, code) => ({ cell, code }));
      found.sort((a, b) => (typeof a.cell === 'string' ? compareText(a.cell, String(b.cell)) : Number(a.cell) - Number(b.cell)));
      const rank = new Int32Array(found.length);
      found.forEach(({ code }, i) => {
        rank[code] = i;
      });
      for (let i = 0; i < codes.length; i++) if (codes[i]! >= 0) codes[i] = rank[codes[i]!]!;
      return { kind: 'category', name, codes, categories: found.map(({ cell }) => String(cell)) };
    },
  };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
