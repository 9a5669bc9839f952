// A table from a source of any kind that tensorwood reads, by what its first bytes say it is.
import { OpenedSource, openSource, type Source } from '../files/source';
import { throwIfAborted } from '../realm';
import { checkOptions } from '../schema';
import { type CsvOptions, csvOptionNames, csvSchema, readCsv } from './csv';
import type { Note, ReadTable } from './notes';
import { readParquet, readParquetNames } from './parquet';

export type TableOptions = CsvOptions;

/** Reads a table: Parquet by its first bytes, else delimited text. Options that only text needs are left aside for Parquet, which a note says. */
export async function readTable(source: Source, options: TableOptions = {}): Promise<ReadTable> {
  checkOptions('readTable', options, csvOptionNames);
  const opened = await openSource('readTable', source, { signal: options.signal });
  if (!(await isParquet(opened))) return readCsv(opened, options);
  const { columns, categories, ignore, numbers, dates, signal } = options;
  const table = await readParquet(opened, {
    ...(columns === undefined ? {} : { columns }),
    ...(categories === undefined ? {} : { categories }),
    ...(ignore === undefined ? {} : { ignore }),
    ...(numbers === undefined ? {} : { numbers }),
    ...(dates === undefined ? {} : { dates }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { ...table, notes: [...leftAside(options), ...table.notes] };
}

/** A note of the options that were given and mean nothing for Parquet. */
function leftAside(options: TableOptions): Note[] {
  const { threads: _, ...ofText } = csvSchema;
  const given = [...Object.keys(ofText), 'names', 'missing'].filter((name) => options[name as keyof TableOptions] !== undefined);
  if (given.length === 0) return [];
  const named = given.map((name) => `{ ${name} }`).join(', ');
  return [{ message: `the file is Parquet, for which ${named} mean${given.length === 1 ? 's' : ''} nothing: left aside` }];
}

const isParquet = async (opened: OpenedSource): Promise<boolean> =>
  Buffer.from(await opened.head('readTable', 4)).toString('latin1') === 'PAR1';

const lineFeed = 0x0a;
const headBytes = 2 ** 20; // what the reader of text tells its dialect by

/**
 * The names of the columns of a table, without its rows; none where the first lines cannot be read, which the reader of all of it tells better. Of the
 * options, those that say how text is split count.
 */
export async function readColumnNames(source: Source, options: CsvOptions = {}): Promise<string[]> {
  const { columns: _, ignore: __, categories: ___, numbers: ____, dates: _____, like: ______, ...splitting } = options;
  const opened = await openSource('readTable', source, { signal: options.signal });
  if (await isParquet(opened)) return [...(await readParquetNames(opened, options.signal))];
  const head = await opened.head('readTable', headBytes);
  const whole = head.length < opened.size ? head.subarray(0, head.lastIndexOf(lineFeed) + 1) : head;
  const read = async (source: OpenedSource): Promise<string[]> => {
    const { columns, delimiter } = await readCsv(source, { ...splitting, badLines: 'skip', badValues: 'missing' });
    if (delimiter === '' && source !== opened) return read(opened); // later lines of libsvm may have more columns
    return columns.map((c) => c.name);
  };
  return read(new OpenedSource(opened.name, whole, whole.length)).catch(() => {
    throwIfAborted(options.signal);
    return [];
  });
}
