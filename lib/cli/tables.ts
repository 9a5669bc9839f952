// Flags that every command with a table has, and the table they ask for.
import { expandCalendar } from '../data/calendar';
import { type CsvOptions, type CsvTable, csvSchema, usualMissing } from '../data/csv';
import { noteLines, type ReadTable } from '../data/notes';
import { type Column, createTable, type Table, withoutColumns } from '../data/table';
import { readTable } from '../data/table-file';
import { fail } from '../errors';
import { fromFlags } from '../schema';
import { type Flag, flagsOfSchema, type Input, listFlag, type Section } from './command';

const { threads: _, ...textSchema } = csvSchema;

export const tableSections: readonly Section[] = [
  {
    title: 'Table',
    flags: {
      data: { value: 'FILE', doc: 'table to read: CSV (any delimiter) or Parquet' },
      columns: { value: 'A,B', doc: 'read only these columns' },
      categories: { value: 'A,B', doc: 'columns to take as categories although they look like numbers' },
      ignore: { value: 'A,B', doc: 'columns to leave out' },
      times: {
        value: 'A,B',
        doc: 'columns of times (dates, or milliseconds since 1970) to replace by month, day, weekday and time of day',
      },
    },
  },
  {
    title: 'Delimited text',
    flags: {
      ...(flagsOfSchema(textSchema) as Record<string, Flag>),
      names: { value: 'A,B', doc: "names of the columns, in place of the header's" },
      numbers: { value: 'A,B', doc: 'columns that must be numbers; other text is a bad value' },
      dates: { value: 'A,B', doc: 'columns that must be dates; other text is a bad value' },
      missing: {
        value: 'A,B',
        doc: `texts (other than numbers) that mean a missing value, in place of the usual ${usualMissing.join(', ')}; the empty field always is one`,
      },
    },
  },
];

/** What a command knows of the table of --data before it is read. */
export interface Expected {
  readonly categories?: readonly string[];
  /** The model that it is for, and whose columns alone are worth a note. */
  readonly like?: CsvOptions['like'];
  /** A column to read beside those of --columns. */
  readonly label?: string;
}

/** The table of --data, as it is read. Lines that were skipped are told on standard error. */
export async function readAsked(path: string, { flags, signal }: Input, expected: Expected = {}): Promise<ReadTable> {
  const list = (name: string): string[] | undefined => (flags[name] === undefined ? undefined : listFlag(flags, name));
  const columns = list('columns');
  const { like, label } = expected;
  const table = await readTable(path, {
    ...fromFlags(textSchema, flags),
    ...given({ names: list('names'), numbers: list('numbers'), dates: list('dates'), missing: list('missing'), like }),
    ...given({ columns: columns && label !== undefined && !columns.includes(label) ? [...columns, label] : columns }),
    categories: [...listFlag(flags, 'categories'), ...(expected.categories ?? [])],
    signal,
  });
  tellSkipped(table as Partial<CsvTable>);
  return table;
}

/** The options that are not undefined. */
const given = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

/** What was guessed of columns that are used, a line each. */
export const guessesOf = ({ notes }: ReadTable, { flags }: Input): string[] =>
  noteLines(notes.filter(({ column }) => column === undefined || !listFlag(flags, 'ignore').includes(column)));

/** The same on standard error. */
export const tellGuesses = (table: ReadTable, input: Input): void => {
  for (const line of guessesOf(table, input)) process.stderr.write(`note: ${line}\n`);
};

/** A table without the columns to ignore, and with calendar features for times: those of the flags, and more. */
export function asAsked(table: Table, { flags }: Input, times: readonly string[] = []): Table {
  const ignored = listFlag(flags, 'ignore');
  return expandTimes(withoutColumns(table, ignored), [...new Set([...listFlag(flags, 'times'), ...times])]);
}

const expandTimes = (table: Table, times: readonly string[]): Table => times.reduce((t, name) => expandCalendar(t, name), table);

function tellSkipped({ skipped }: Partial<CsvTable>): void {
  if (skipped === undefined || skipped.count === 0) return;
  const first = skipped.first.slice(0, 3).map(({ line, reason }) => `line ${line}: ${reason}`);
  process.stderr.write(`skipped ${skipped.count} bad lines (${first.join('; ')}${skipped.count > 3 ? '; …' : ''})\n`);
}

/** The column with 1 where its number is at least `least`, else 0; missing stays missing. */
export function atLeast(column: Column, least: number): Column {
  if (column.kind !== 'number')
    fail('ERR_TENSORWOOD_DATA', `label: expected numbers in column '${column.name}' for --at-least, got categories`);
  return { ...column, values: Float32Array.from(column.values, (v) => (Number.isNaN(v) ? v : v >= least ? 1 : 0)) };
}

/** A table with a column added or replaced. */
export const withColumn = (table: Table, column: Column): Table =>
  createTable([...table.columns.filter((c) => c.name !== column.name), column]);
