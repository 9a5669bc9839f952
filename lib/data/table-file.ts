// A table from a source of any kind that tensorwood reads, by what its first bytes say it is.
import { openSource, type Source } from '../files/source';
import { checkIsOptions } from '../schema';
import { type CsvOptions, readCsv } from './csv';
import { readParquet } from './parquet';
import type { Table } from './table';

/** Reads a table: Parquet by its first bytes, else delimited text. Options that only text needs are left aside for Parquet. */
export async function readTable(source: Source, options: CsvOptions = {}): Promise<Table> {
  checkIsOptions('readTable', options);
  const opened = await openSource('readTable', source, { signal: options.signal });
  const head = await opened.head('readTable', 4);
  if (head.toString('latin1') !== 'PAR1') return readCsv(opened, options);
  const { columns, categories, signal } = options;
  return readParquet(opened, {
    ...(columns === undefined ? {} : { columns }),
    ...(categories === undefined ? {} : { categories }),
    ...(signal === undefined ? {} : { signal }),
  });
}
