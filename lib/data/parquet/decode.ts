// Decodes the columns of a Parquet file by the optional package hyparquet, a column of a row group at a time. Read as hostile input: what the file says of
// itself is held against its bytes before memory is taken for it.
import { fail, TensorwoodError } from '../../errors';
import { OpenedSource, type ReadInto } from '../../files/source';
import { throwIfAborted } from '../../realm';
import { listed, suggestion } from '../../schema';
import type { Note } from '../notes';
import { loadPeer } from '../peer';
import { type ChunkReading, type Field, type Library, type Metadata, readChunk } from './chunk';
import { type ColumnParts, gatherCategories, gatherNumbers } from './columns';
import { type Meaning, meaningOf } from './meaning';
import type { Unpack } from './pages';

/** What to decode, as it crosses to another thread. */
export interface Job {
  readonly source: Pick<OpenedSource, 'name' | 'content' | 'size'>;
  readonly columns?: readonly string[] | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly numbers?: readonly string[] | undefined;
  readonly dates?: readonly string[] | undefined;
  /** Only tell the names of the columns. */
  readonly namesOnly?: true;
}

export interface Told {
  /** Of all columns, read or not. */
  readonly names: readonly string[];
  /** What was left out. */
  readonly notes: readonly Note[];
}

interface Reading extends ChunkReading {
  readonly name: string;
  readonly metadata: Metadata;
}

const mostGroupRows = 2 ** 26; // the decoder holds those of one column as JavaScript values
const subject = 'readParquet';

/**
 * Hands over one column after the other.
 * @throws as readParquet does
 */
export async function decodeParquet(job: Job, found: (column: ColumnParts) => void, signal?: AbortSignal): Promise<Told> {
  const { name, content, size } = job.source;
  const source = new OpenedSource(name, content, size);
  const decode = async (readInto: ReadInto): Promise<Told> => {
    const reading = await open(source, readInto, signal);
    const all = schemaOf(reading);
    const names = all.map((field) => field.element.name);
    if (job.namesOnly) return { names, notes: [] };
    if (reading.metadata.num_rows === 0n) fail('ERR_TENSORWOOD_DATA', `${subject}: '${name}' holds no rows`);
    const { fields, notes } = choose(reading, all, job);
    for (const { field, meaning } of fields) found(await readColumn(reading, field, { meaning, category: isCategory(job, field), signal }));
    return { names, notes };
  };
  return source.read(subject, decode, signal);
}

function schemaOf({ library, metadata, name }: Reading): readonly Field[] {
  try {
    return library.parquetSchema(metadata).children;
  } catch (error) {
    return failFormat(name, 'has a malformed schema', error);
  }
}

const isCategory = (job: Job, field: Field): boolean => job.categories?.includes(field.element.name) ?? false;

const failFormat = (name: string, what: string, error?: unknown): never =>
  fail('ERR_TENSORWOOD_FORMAT', `${subject}: '${name}' ${what}`, error);

async function open(source: OpenedSource, readInto: ReadInto, signal: AbortSignal | undefined): Promise<Reading> {
  const { name, size } = source;
  const slice = async (from: number, to = size): Promise<ArrayBuffer> => {
    if (!(from >= 0 && from <= to && to <= size)) throw new Error(`bytes ${from} to ${to} of ${size} are named`);
    const bytes = new Uint8Array(to - from);
    await readInto(bytes, from);
    return bytes.buffer;
  };
  const library = await loadPeer<Library>(subject, 'hyparquet');
  const tail = size < 12 ? '' : Buffer.from(await slice(size - 4)).toString('latin1');
  if (tail === 'PARE') failFormat(name, 'is an encrypted Parquet file');
  if (tail !== 'PAR1') failFormat(name, 'is not a Parquet file, or is cut: it does not end as one');
  const metadata = await library
    .parquetMetadataAsync({ byteLength: size, slice }, { geoparquet: false }) // whose reader does not end where a count is below zero
    .catch((error: Error) => {
      if (error instanceof TensorwoodError || signal?.aborted) throw error;
      return failFormat(name, `is not a Parquet file: ${error.message}`, error);
    });
  checkRows(name, metadata);
  return { name, library, metadata, slice, unpackers: await unpackersFor(library, metadata) };
}

/** What the groups say must add up, since memory is taken by it. */
function checkRows(name: string, { num_rows, row_groups }: Metadata): void {
  let sum = 0n;
  for (const { num_rows: rows } of row_groups) {
    if (typeof rows !== 'bigint' || rows < 0n) failFormat(name, 'has a malformed row group');
    if (rows > mostGroupRows) failFormat(name, `has a row group of ${rows} rows; write it in groups of at most ${mostGroupRows}`);
    sum += rows;
  }
  if (sum !== num_rows) failFormat(name, `has ${num_rows} rows, of which its row groups hold ${sum}`);
}

async function unpackersFor(library: Library, metadata: Metadata): Promise<Reading['unpackers']> {
  const codecs = new Set<string>(metadata.row_groups.flatMap((g) => g.columns.map((c) => c.meta_data?.codec ?? 'UNCOMPRESSED')));
  const own: Record<string, Unpack> = {
    UNCOMPRESSED: (bytes) => bytes,
    SNAPPY(bytes, length) {
      const page = new Uint8Array(length);
      library.snappyUncompress(bytes, page);
      return page;
    },
  };
  if ([...codecs].every((codec) => Object.hasOwn(own, codec))) return own;
  const { compressors } = await loadPeer<{ compressors: Record<string, Unpack> }>(subject, 'hyparquet-compressors');
  return { ...own, ...compressors };
}

interface Chosen {
  readonly field: Field;
  readonly meaning: Exclude<Meaning, { kind: 'unreadable' }>;
}

/** The columns that are asked for. One that cannot be read is refused when it is asked for by its name, and else left out, which is said. */
function choose({ name }: Reading, all: readonly Field[], job: Job): { fields: Chosen[]; notes: Note[] } {
  const { columns, categories, ignore, numbers, dates } = job;
  const names = all.map((f) => f.element.name);
  const unknown = [columns, categories, ignore, numbers, dates].flatMap((asked) => asked ?? []).find((asked) => !names.includes(asked));
  if (unknown !== undefined)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `${subject}: '${name}' has no column '${unknown}'${suggestion(unknown, names)} (columns: ${listed(names)})`,
    );
  const wanted = all.filter(({ element }) => (columns?.includes(element.name) ?? true) && !ignore?.includes(element.name));
  const [fields, notes]: [Chosen[], Note[]] = [[], []];
  for (const field of wanted) {
    const column = field.element.name;
    const meaning = meaningOfField(field);
    if (meaning.kind !== 'unreadable') {
      checkKind(job, column, meaning);
      fields.push({ field, meaning });
    } else if (columns?.includes(column) || categories?.includes(column))
      failFormat(
        name,
        `has in column '${column}' what is ${meaning.reason}, which no column of a table can hold; leave it out with { ignore }`,
      );
    else notes.push({ column, message: `is ${meaning.reason}, which no column of a table can hold: left out` });
  }
  if (fields.length === 0) failFormat(name, `has no column that can be read (columns: ${listed(names)})`);
  return { fields, notes };
}

/** @throws ERR_TENSORWOOD_DATA when a column that must be numbers or dates is none: spellings in text are for the reader of delimited text */
function checkKind({ source, numbers, dates }: Job, column: string, meaning: Chosen['meaning']): void {
  const isTime = meaning.kind === 'number' && meaning.times === true;
  const expected =
    dates?.includes(column) && !isTime ? 'dates' : numbers?.includes(column) && meaning.kind === 'text' ? 'numbers' : undefined;
  if (expected === undefined) return;
  const got = meaning.kind === 'text' ? 'text' : 'numbers';
  fail(
    'ERR_TENSORWOOD_DATA',
    `${subject}: expected ${expected} in column '${column}' of '${source.name}', got ${got}; write them as ${expected} of Parquet`,
  );
}

function meaningOfField({ element, children }: Field): Meaning {
  if (children.length === 0 && element.repetition_type !== 'REPEATED') return meaningOf(element);
  const kind = element.logical_type?.type ?? element.converted_type ?? (children.length === 0 ? 'LIST' : 'STRUCT');
  return { kind: 'unreadable', reason: `nested (${kind})` };
}

interface Wanted {
  readonly meaning: Chosen['meaning'];
  readonly category: boolean;
  readonly signal: AbortSignal | undefined;
}

async function readColumn(reading: Reading, { element }: Field, { meaning, category, signal }: Wanted): Promise<ColumnParts> {
  const { name } = element;
  const rows = Number(reading.metadata.num_rows);
  const column = meaning.kind === 'text' || category ? gatherCategories(name, meaning, rows) : gatherNumbers(name, meaning, rows);
  try {
    for (const group of reading.metadata.row_groups) {
      throwIfAborted(signal);
      if (group.num_rows > 0n) for (const cells of await readChunk(reading, element, group)) column.take(cells);
    }
    return column.finish();
  } catch (error) {
    if (error instanceof TensorwoodError || signal?.aborted) throw error;
    return fail(
      'ERR_TENSORWOOD_FORMAT',
      `${subject}: cannot decode column '${name}' of '${reading.name}': ${(error as Error).message}`,
      error,
    );
  }
}
