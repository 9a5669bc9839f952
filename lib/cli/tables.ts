// Flags that every command with a table has, and the table they ask for.
import { expandCalendar } from '../data/calendar';
import { type CsvTable, csvSchema, usualMissing } from '../data/csv';
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
      categories: { value: 'A,B', doc: 'columns to take as categories although they look like numbers' },
      ignore: { value: 'A,B', doc: 'columns to leave out' },
      times: { value: 'A,B', doc: 'columns of times (milliseconds since 1970) to replace by month, day, weekday and time of day' },
    },
  },
  {
    title: 'Delimited text',
    flags: {
      ...(flagsOfSchema(textSchema) as Record<string, Flag>),
      missing: {
        value: 'A,B',
        doc: `texts (other than numbers) that mean a missing value, in place of the usual ${usualMissing.join(', ')}; the empty field always is one`,
      },
    },
  },
];

/** The table of --data, as it is read. Lines that were skipped are told on standard error. */
export async function readAsked(
  path: string,
  { flags, signal }: Input,
  options: { readonly categories?: readonly string[] } = {},
): Promise<Table> {
  const categories = [...listFlag(flags, 'categories'), ...(options.categories ?? [])];
  const table = await readTable(path, {
    ...fromFlags(textSchema, flags),
    categories,
    ...(flags.missing === undefined ? {} : { missing: listFlag(flags, 'missing') }),
    signal,
  });
  tellSkipped(table as Partial<CsvTable>);
  return table;
}

/** A table without the columns to ignore, and with calendar features for times: those of the flags, and more. */
export function asAsked(table: Table, { flags }: Input, times: readonly string[] = []): Table {
  const ignored = listFlag(flags, 'ignore');
  return expandTimes(withoutColumns(table, ignored), [...new Set([...listFlag(flags, 'times'), ...times])]);
}

/** The table of --data, as the other flags want it. */
export const openTable = async (path: string, input: Input): Promise<Table> => asAsked(await readAsked(path, input), input);

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
