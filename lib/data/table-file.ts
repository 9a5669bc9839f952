// A table from a file of any kind that tensorwood reads, by what the file says it is.
import { open } from 'node:fs/promises';
import { fail } from '../errors';
import { type CsvOptions, readCsv } from './csv';
import { readParquet } from './parquet';
import type { Table } from './table';

/** The first bytes of a file; fewer when it is shorter. @throws ERR_TENSORWOOD_FILE */
export async function readHead(subject: string, path: string, bytes: number): Promise<Buffer> {
  const file = await open(path).catch((error: Error) =>
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${path}': ${error.message}`, error),
  );
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    return fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${path}': ${(error as Error).message}`, error);
  } finally {
    await file.close();
  }
}

/** Reads a table: Parquet by its first bytes, else delimited text. Options that only text needs are left aside for Parquet. */
export async function readTable(path: string, options: CsvOptions = {}): Promise<Table> {
  const head = await readHead('readTable', path, 4);
  if (head.toString('latin1') !== 'PAR1') return readCsv(path, options);
  const { columns, categories, signal } = options;
  return readParquet(path, {
    ...(columns === undefined ? {} : { columns }),
    ...(categories === undefined ? {} : { categories }),
    ...(signal === undefined ? {} : { signal }),
  });
}
