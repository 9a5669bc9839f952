// Flags that every command with a table has, and the table they ask for.
import { expandCalendar } from '../data/calendar';
import { type CsvTable, csvSchema, usualMissing } from '../data/csv';
import type { ReadTable } from '../data/notes';
import { type Column, createTable, type Table, withoutColumns } from '../data/table';
import { readColumnNames, readTable } from '../data/table-file';
import { fail } from '../errors';
import type { OpenedSource } from '../files/source';
import { counted, fromFlags } from '../schema';
import type { Forest } from '../trees/forest';
import { type Flag, flagsOfSchema, type Input, listFlag, type Section } from './command';
import { noteLines } from './note-lines';
import { kinds, type Reading, readingFor } from './reading';

const { threads: _, ...textSchema } = csvSchema;

export const tableSections: readonly Section[] = [
  {
    title: 'Table',
    flags: {
      data: { value: 'FILE', doc: 'table to read: CSV (any delimiter) or Parquet; - is standard input' },
      columns: { value: 'A,B', list: true, doc: 'read only these columns' },
      categories: { value: 'A,B', list: true, doc: 'columns to take as categories although they look like numbers' },
      ignore: { value: 'A,B', list: true, doc: 'columns to leave out' },
      times: {
        value: 'A,B',
        list: true,
        doc: 'columns of times (dates, or milliseconds since 1970) to replace by month, day, weekday and time of day',
      },
    },
  },
  {
    title: 'Delimited text',
    flags: {
      ...(flagsOfSchema(textSchema) as Record<string, Flag>),
      names: { value: 'A,B', list: true, doc: "names of the columns, in place of the header's" },
      numbers: { value: 'A,B', list: true, doc: 'columns that must be numbers; other text is a bad value' },
      dates: { value: 'A,B', list: true, doc: 'columns that must be dates; other text is a bad value' },
      missing: {
        value: 'A,B',
        list: true,
        doc: `texts (other than numbers) that mean a missing value, in place of the usual ${usualMissing.join(', ')}; the empty field always is one`,
      },
    },
  },
];

/** A table as it is read, and what the flags say of its columns. */
export interface Asked {
  readonly table: ReadTable;
  readonly ignore: readonly string[];
  readonly times: readonly string[];
  readonly keep: readonly string[];
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  readonly dates: readonly string[];
}

interface AskedBeside {
  /** Columns to take as categories, besides those of the flag. */
  readonly categories?: readonly string[];
  /** The model that the table is for. */
  readonly like?: Forest;
  /** How the table that the model learned from was read. */
  readonly reading?: Reading;
  /** A column to read beside those of --columns. */
  readonly label?: string;
}

const columnFlags = ['categories', 'numbers', 'dates', 'columns', 'ignore', 'times', 'keep'] as const;

type ColumnLists = Readonly<Record<(typeof columnFlags)[number], readonly string[]>>;

/**
 * The table of --data. Columns to ignore are not read, unless they are to be kept beside the predictions. Lines that were skipped are told on standard
 * error.
 */
export async function readAsked(source: OpenedSource, { flags, signal }: Input, beside: AskedBeside = {}): Promise<Asked> {
  const { reading = {} } = beside;
  const { numbers: _, categories: __, dates: ___, ...spelling } = readingFor(reading, flags, []);
  const splitting = {
    ...spelling,
    ...fromFlags(textSchema, flags),
    ...(flags.missing === undefined ? {} : { missing: listFlag(flags, 'missing') }),
    ...(flags.names === undefined ? {} : { names: listFlag(flags, 'names') }),
    ...(beside.like === undefined ? {} : { like: beside.like }),
    signal,
  };
  const isDoubtful = columnFlags.some((flag) => ((flags[flag] ?? []) as readonly string[]).some((value) => /[",\s]/.test(value)));
  const isKnown = kinds.some((kind) => reading[kind] !== undefined);
  const names = isDoubtful || isKnown ? await readColumnNames(source, splitting) : [];
  const given = Object.fromEntries(columnFlags.map((flag) => [flag, listFlag(flags, flag, names)])) as unknown as ColumnLists;
  const known = readingFor(reading, flags, names);
  const lists = { ...given, ...Object.fromEntries(kinds.map((kind) => [kind, [...given[kind], ...(known[kind] ?? [])]])) };
  const columns = columnsOf(lists, beside.label);
  const isRead = (name: string): boolean => !lists.ignore.includes(name) || lists.keep.includes(name);
  const table = await readTable(source, {
    ...splitting,
    categories: [...lists.categories.filter(isRead), ...(beside.categories ?? [])],
    numbers: lists.numbers.filter(isRead),
    dates: lists.dates.filter(isRead),
    ignore: lists.ignore.filter((name) => !isRead(name)),
    ...(columns === undefined ? {} : { columns }),
  });
  tellSkipped(table as Partial<CsvTable>);
  return { table, ...lists };
}

/** The columns that are asked for, with the label and those to keep; undefined where none are named. */
const columnsOf = ({ columns, keep }: ColumnLists, label: string | undefined): string[] | undefined =>
  columns.length === 0 ? undefined : [...new Set([...columns, ...(label === undefined ? [] : [label]), ...keep])];

const isTableFlag = (flag: string): boolean => tableSections.some(({ flags }) => Object.hasOwn(flags, flag));

/** What was guessed of columns that are used, a line each. */
export const guessesOf = ({ table, ignore }: Asked): string[] =>
  noteLines(
    table.notes.filter(({ column }) => column === undefined || !ignore.includes(column)),
    isTableFlag,
  );

/** The same on standard error. @param used columns that matter; all where none are named */
export function tellGuesses(asked: Asked, used?: readonly string[]): void {
  const notes = asked.table.notes.filter(({ column }) => column === undefined || used === undefined || used.includes(column));
  for (const line of guessesOf({ ...asked, table: { ...asked.table, notes } })) process.stderr.write(`note: ${line}\n`);
}

/** A table without the columns to ignore, and with calendar features for times: those of the flags, and more. */
export function asAsked({ table, ignore, times }: Asked, more: readonly string[] = []): Table {
  const rest = withoutColumns(
    table,
    ignore.filter((name) => table.columns.some((c) => c.name === name)),
  );
  return [...new Set([...times, ...more])].reduce((t, name) => expandCalendar(t, name), rest);
}

function tellSkipped({ skipped }: Partial<CsvTable>): void {
  if (skipped === undefined || skipped.count === 0) return;
  const first = skipped.first.slice(0, 3).map(({ line, reason }) => `line ${line}: ${reason}`);
  process.stderr.write(`skipped ${counted(skipped.count, 'bad line')} (${first.join('; ')}${skipped.count > 3 ? '; …' : ''})\n`);
}

/** The column with 1 where its number is at least `least`, else 0; missing stays missing. */
export function atLeast(column: Column, least: number): Column {
  if (column.kind !== 'number')
    fail(
      'ERR_TENSORWOOD_DATA',
      `label: expected numbers in column '${column.name}' for --at-least, got categories; read it as numbers with --numbers`,
    );
  return { ...column, values: Float32Array.from(column.values, (v) => (Number.isNaN(v) ? v : v >= least ? 1 : 0)) };
}

/** A table with a column added or replaced. */
export const withColumn = (table: Table, column: Column): Table =>
  createTable([...table.columns.filter((c) => c.name !== column.name), column]);
