// A table from a source of any kind that tensorwood reads, by what its first bytes say it is.
import { openSource, type Source } from '../files/source';
import { checkIsOptions } from '../schema';
import { type CsvOptions, readCsv } from './csv';
import type { ReadTable } from './notes';
import { readParquet } from './parquet';
import { withoutColumns } from './table';

export interface TableOptions extends CsvOptions {
  /** Columns to leave out; of Parquet, unread. */
  readonly ignore?: readonly string[];
}

/** Reads a table: Parquet by its first bytes, else delimited text. Options that only text needs are left aside for Parquet. */
export async function readTable(source: Source, options: TableOptions = {}): Promise<ReadTable> {
  checkIsOptions('readTable', options);
  const opened = await openSource('readTable', source, { signal: options.signal });
  const head = await opened.head('readTable', 4);
  if (head.toString('latin1') !== 'PAR1') {
    const { ignore = [], ...rest } = options;
    const table = await readCsv(opened, rest);
    return { ...table, ...withoutColumns(table, ignore) };
  }
  const { columns, categories, ignore, signal } = options;
  return readParquet(opened, {
    ...(columns === undefined ? {} : { columns }),
    ...(categories === undefined ? {} : { categories }),
    ...(ignore === undefined ? {} : { ignore }),
    ...(signal === undefined ? {} : { signal }),
  });
}
