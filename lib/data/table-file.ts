// A table from a file of any kind that tensorwood reads, by what the file says it is.
import { checkIsOptions } from '../schema';
import { type CsvOptions, readCsv } from './csv';
import { readHead } from './file-head';
import { readParquet } from './parquet';
import type { Table } from './table';

/** Reads a table: Parquet by its first bytes, else delimited text. Options that only text needs are left aside for Parquet. */
export async function readTable(path: string, options: CsvOptions = {}): Promise<Table> {
  checkIsOptions('readTable', options);
  const head = await readHead('readTable', path, 4);
  if (head.toString('latin1') !== 'PAR1') return readCsv(path, options);
  const { columns, categories, signal } = options;
  return readParquet(path, {
    ...(columns === undefined ? {} : { columns }),
    ...(categories === undefined ? {} : { categories }),
    ...(signal === undefined ? {} : { signal }),
  });
}
