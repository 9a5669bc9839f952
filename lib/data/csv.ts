// CSV files to tables. The reader is native/data/csv.h: all threads, off the event loop. One source of options for the API and the command line.
import { TextDecoder } from 'node:util';
import { describe, fail } from '../errors';
import { type OpenedSource, openSource, type Source } from '../files/source';
import { type CsvColumn, type CsvContent, type CsvSpec, native, type RuntimeHandle, runJob } from '../native';
import { boolean, checkOptions, choice, integer, type Options, parse, show, text } from '../schema';
import { finishInTurns, inPieces, type Work } from '../turns';
import { notesOf } from './csv-notes';
import type { ReadTable } from './notes';
import { type Column, createTable, type NumberArray } from './table';

export const csvSchema = {
  delimiter: text('', 'character between fields (tab is one), a space for runs of them; empty = the most regular of , ; tab | or spaces'),
  quote: text('"', 'character around fields that hold delimiters or line ends; empty = quotes mean nothing'),
  decimal: choice(['detect', '.', ','], 'detect', 'decimal point; detect = a comma in columns where commas can be nothing else'),
  thousands: text('', 'character between groups of three digits, as , in 1,234; empty = none'),
  dateOrder: choice(
    ['ymd', 'dmy', 'mdy'],
    'ymd',
    'order of day, month and year in dates such as 31/01/2024; those of ISO 8601 are read too',
  ),
  skipLines: integer(0, [0, 1_000_000], 'lines to leave out above the header, such as a title'),
  header: choice(['detect', 'yes', 'no'], 'detect', 'whether the first line names the columns'),
  trim: boolean(true, 'drop spaces around fields that are not quoted'),
  badLines: choice(['fail', 'skip'], 'fail', 'what to do with lines of a wrong number of fields'),
  badValues: choice(['fail', 'missing'], 'fail', 'what to do with a field that is none of the numbers that its column must hold'),
  threads: integer(0, [0, 1024], 'threads that read; 0 = the cores of this process'),
} as const;

/** Of CsvOptions. */
export const csvOptionNames: readonly string[] = [
  ...Object.keys(csvSchema),
  ...['names', 'columns', 'ignore', 'categories', 'numbers', 'dates', 'like', 'missing', 'signal'],
];

export interface CsvOptions extends Options<typeof csvSchema> {
  /** Names of the columns, instead of the header's. */
  readonly names?: readonly string[];
  /** Read only these columns. Default: all. */
  readonly columns?: readonly string[];
  /** Columns to leave out, unread. */
  readonly ignore?: readonly string[];
  /** Columns to read as categories even if they look like numbers. */
  readonly categories?: readonly string[];
  /**
   * Columns that must be numbers: any other text is a bad value (`badValues`). Identifiers, true and false, ISO dates, 12%, $1,234.50 and 1 234
   * are numbers in them, too.
   */
  readonly numbers?: readonly string[];
  /** Columns that must be dates (`dateOrder`): milliseconds since 1970, read as UTC where no zone is given. */
  readonly dates?: readonly string[];
  /** A model, whose columns are read as it knows them, where there are such: `readCsv('new.csv', { like: forest })`. */
  readonly like?: KnownColumns;
  /** Spellings of a missing value; default usualMissing. The empty field always is one. In a column of categories, one in quotes is a name. */
  readonly missing?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What a model knows of its columns: a forest is such. */
export interface KnownColumns {
  readonly signature: { readonly names: readonly string[]; readonly categories: readonly (readonly string[] | number | null)[] };
}

export interface CsvTable extends ReadTable {
  /** '' for files of libsvm. */
  readonly delimiter: string;
  readonly header: boolean;
  /** Lines that were skipped; the first hundred with their number (from 1) and what is wrong. */
  readonly skipped: { readonly count: number; readonly first: readonly { line: number; reason: string }[] };
}

/** Spellings of a missing value where none are named: those of pandas, Excel's errors, and ?. */
export const usualMissing = [
  ...[
    'NA',
    'N/A',
    'n/a',
    '<NA>',
    '#N/A',
    '#N/A N/A',
    '#NA',
    'NaN',
    'nan',
    '-NaN',
    '-nan',
    'NaT',
    'null',
    'NULL',
    'Null',
    'None',
    'nil',
    '?',
  ],
  ...['1.#IND', '-1.#IND', '1.#QNAN', '-1.#QNAN', '#DIV/0!', '#VALUE!', '#REF!', '#NAME?', '#NUM!', '#NULL!'],
];

/** Missing among numbers, names elsewhere. */
const usualDashes = ['-', '--', '.', '–', '—'];

/**
 * Reads CSV (RFC 4180, and what files in the wild add) into columns: numbers as Float32Array, or Float64Array where that would lose
 * digits (integers beyond 2^24, more than seven digits, sizes beyond a float); everything else as categories, sorted by their bytes. A column is numeric when all its fields are numbers or missing,
 * and none is an identifier: zeros before a digit (01234), or an integer beyond 2^53; inf is a number, and - is missing among them. A column of true and
 * false is 1 and 0; one of dates as ISO 8601 writes them is milliseconds since 1970
 * (`times`). Of libsvm files: columns label, qid and f1, f2, ..., 0 where a line leaves one out. `numbers`, `categories` and `dates` decide otherwise. `notes` of the table say what was in doubt, and what decides it otherwise.
 *
 * @throws ERR_TENSORWOOD_FILE (cannot be read), _FORMAT (not delimited text, or not in UTF-8), _DATA (no rows, or bad lines: the first is named with its
 *   number), _ARGUMENT (a column is named that there is not, with the nearest that there is)
 */
export async function readCsv(source: Source, options: CsvOptions = {}): Promise<CsvTable> {
  checkOptions('readCsv', options, csvOptionNames);
  const { names, columns, ignore, categories, numbers, dates, missing, like, signal, ...rest } = options;
  const values = parse('readCsv', csvSchema, rest);
  for (const [option, texts] of Object.entries({ names, columns, ignore, categories, numbers, dates, missing })) checkTexts(option, texts);
  if (columns?.length === 0) fail('ERR_TENSORWOOD_ARGUMENT', 'readCsv: expected columns to be the names of some columns, got []');
  const spec: CsvSpec = {
    ...values,
    delimiter: /^(?:tab|\\t)$/i.test(values.delimiter) ? '\t' : values.delimiter,
    decimal: values.decimal === 'detect' ? '' : values.decimal,
    dateOrder: values.dateOrder[0]!,
    header: { detect: -1, yes: 1, no: 0 }[values.header],
    skipBadLines: values.badLines === 'skip',
    badValuesMissing: values.badValues === 'missing',
    names: names ?? [],
    columns: columns ?? [],
    ignore: ignore ?? [],
    categories: categories ?? [],
    numbers: numbers ?? [],
    dates: dates ?? [],
    ...knownOf(like),
    missing: missing ?? usualMissing,
    missingNumbers: missing === undefined ? usualDashes : [],
  };
  const opened = await openSource('readCsv', source, { signal });
  await refuseJson(opened);
  const runtime = native().createRuntime('cpu', values.threads, '');
  try {
    return await readOpened(runtime, opened, spec, signal);
  } finally {
    native().dispose(runtime);
  }
}

function checkTexts(option: string, texts: unknown): void {
  if (texts === undefined || (Array.isArray(texts) && texts.every((text) => typeof text === 'string'))) return;
  fail('ERR_TENSORWOOD_ARGUMENT', `readCsv: expected ${option} to be an array of strings, got ${show(texts)}`);
}

/** JSON and JSON Lines are text, and would be read as a table of pieces. */
async function refuseJson(opened: OpenedSource): Promise<void> {
  const head = Buffer.from(await opened.head('readCsv', 2 ** 16))
    .toString('utf8')
    .replace(/^\ufeff?\s*/, '');
  const isJson = /^\{\s*"(?:[^"\\]|\\.)*"\s*:/.test(head) || /^\[\s*(?:\[|\{\s*")/.test(head) || (/^[[{]/.test(head) && isWhole(head));
  if (!isJson) return;
  const cure = 'write it as CSV first; createTable() makes a table of columns that a program has';
  fail('ERR_TENSORWOOD_FORMAT', `readCsv: '${opened.name}' is JSON, not delimited text; ${cure}`);
}

/** Whether the first line is JSON by itself. */
function isWhole(text: string): boolean {
  try {
    return typeof JSON.parse(text.split(/[\r\n]/, 1)[0]!) === 'object';
  } catch {
    return false;
  }
}

function knownOf(like: KnownColumns | undefined): Pick<CsvSpec, 'knownCategories' | 'knownNumbers'> {
  if (like === undefined) return { knownCategories: [], knownNumbers: [] };
  const { names, categories } = (like as Partial<KnownColumns> | null)?.signature ?? {};
  if (!Array.isArray(names) || !Array.isArray(categories))
    return fail('ERR_TENSORWOOD_ARGUMENT', `readCsv: expected like to be a forest, got ${describe(like)}`);
  const isNamed = (i: number): boolean => Array.isArray(categories[i]);
  return { knownCategories: names.filter((_, i) => isNamed(i)), knownNumbers: names.filter((_, i) => !isNamed(i)) };
}

async function readOpened(
  runtime: RuntimeHandle,
  { content, name }: OpenedSource,
  spec: CsvSpec,
  signal: AbortSignal | undefined,
): Promise<CsvTable> {
  const found = await runJob(() => native().openCsv(runtime, content, name, spec), signal);
  try {
    const columns: Column[] = [];
    while (columns.length < found.columns.length)
      for (const column of await readColumns(found, columns.length, signal)) columns.push(column);
    const table = createTable(columns);
    const skipped = { count: found.badCount, first: found.bad };
    return { ...table, delimiter: found.delimiter, header: found.header, skipped, notes: notesOf(found.doubts) };
  } finally {
    native().dispose(found.csv);
  }
}

const columnsAtOnce = 1024; // arrays take their time to make, and the event loop waits for those of one call

async function readColumns({ csv, rows, columns }: CsvContent, first: number, signal: AbortSignal | undefined): Promise<Column[]> {
  const some = columns.slice(first, first + columnsAtOnce);
  const parts = some.map((column) => ({ column, target: createTarget(column, rows), text: createText(column) }));
  const texts = parts.flatMap(({ column, text }) => (column.type === 'category' ? [text.bytes, text.offsets] : []));
  const targets = parts.map((part) => part.target);
  await runJob(() => native().readCsv(csv, first, targets, texts), signal);
  const read: Column[] = [];
  for (const part of parts) read.push(await createColumn(part, signal));
  return read;
}

type Target = Float32Array | Float64Array | Int32Array;

function createTarget(column: CsvColumn, rows: number): Target {
  if (column.type === 'category') return new Int32Array(rows);
  return column.type === 'f64' ? new Float64Array(rows) : new Float32Array(rows);
}

/** Categories as UTF-8 laid end to end; number i is bytes [offsets[i], offsets[i + 1]). */
interface Text {
  readonly bytes: Uint8Array;
  readonly offsets: Float64Array;
}

const createText = ({ categories, textBytes }: CsvColumn): Text => ({
  bytes: new Uint8Array(textBytes),
  offsets: new Float64Array(categories + 1),
});

interface Part {
  readonly column: CsvColumn;
  readonly target: Target;
  readonly text: Text;
}

async function createColumn({ column: { name, type, times }, target, text }: Part, signal: AbortSignal | undefined): Promise<Column> {
  if (type !== 'category') return { kind: 'number', name, values: target as NumberArray, ...(times ? { times: true } : {}) };
  return { kind: 'category', name, codes: target as Int32Array, categories: await finishInTurns(splitText(name, text), signal) };
}

function* splitText(name: string, { bytes, offsets }: Text): Work<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const strings = new Array<string>(offsets.length - 1);
  yield* inPieces(strings.length, (from, to) => {
    for (let i = from; i < to; i++) strings[i] = decode(decoder, name, bytes.subarray(offsets[i], offsets[i + 1]));
  });
  return strings;
}

function decode(decoder: InstanceType<typeof TextDecoder>, name: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    const shown = Buffer.from(bytes).toString('latin1');
    const cure = 'convert the file, as by iconv -f latin1 -t utf-8';
    return fail('ERR_TENSORWOOD_FORMAT', `readCsv: expected UTF-8 in column '${name}', got the bytes of '${shown}'; ${cure}`, error);
  }
}
