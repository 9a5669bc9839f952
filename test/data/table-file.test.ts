// Tables from files of any kind: told apart by their first bytes, whatever their names say.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../lib/data/csv';
import { resolvePeer } from '../../lib/data/peer';
import { readTable, type TableOptions } from '../../lib/data/table-file';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood table '));
afterAll(() => rmSync(folder, { recursive: true }));

describe('readTable', () => {
  it('reads text with the options of text', async () => {
    const path = join(folder, 'towns.parquet');
    writeFileSync(path, 'town;zip\nOslo;0150\n-;0151\n');
    const table = await readTable(path, { categories: ['zip'], missing: ['-'] });
    expect(table.columns).toMatchObject([
      { name: 'town', codes: Int32Array.of(0, -1) },
      { name: 'zip', categories: ['0150', '0151'] },
    ]);
  });

  it('reads Parquet, and leaves aside what text alone needs', async () => {
    const path = join(folder, 'flights.csv');
    copyFileSync(resolvePeer('test', 'vega-datasets', 'data/flights-3m.parquet'), path);
    const table = await readTable(path, { columns: ['delay'], delimiter: ';', missing: ['-'] });
    expect(table.columns.map((c) => [c.name, c.kind])).toEqual([['delay', 'number']]);
    expect(table.notes).toEqual([{ message: 'the file is Parquet, for which { delimiter }, { missing } mean nothing: left aside' }]);
  });

  const doors = join(__dirname, '../golden/doors.parquet');
  it.each([
    [{ numbers: ['digit'] }, "has no column 'digit', did you mean 'digits'?"],
    [{ dates: ['dat'] }, "has no column 'dat'"],
    [{ numbers: ['digits'] }, "expected numbers in column 'digits'"],
    [{ dates: ['digits'] }, "expected dates in column 'digits'"],
    [{ dates: ['double'] }, "expected dates in column 'double'"],
  ])('refuses of Parquet %j', async (options, message) => {
    await expect(readTable(doors, options)).rejects.toThrow(message);
  });

  it('takes numbers and dates of Parquet for such', async () => {
    const { columns, notes } = await readTable(doors, { columns: ['int32', 'date'], numbers: ['int32', 'date'], dates: ['date'] });
    expect([columns.map(({ kind }) => kind), notes]).toEqual([['number', 'number'], []]);
  });

  const wide = (value: string): string => `a,b,c\n1,${value},x\n2,${value},y\n`;
  const libsvm = '1 1:2 2:3\n0 2:4\n';

  it.each<[string, string, TableOptions, string[]]>([
    [
      'lines that end in carriage returns alone',
      wide('3').repeat(200_000).replaceAll('\n', '\r'),
      { header: 'yes', ignore: ['b'] },
      ['a', 'c'],
    ],
    [
      'a quoted field longer than what the dialect is told by',
      `${wide('3')}1,"${'text '.repeat(300_000)}",z\n`,
      { ignore: ['b'] },
      ['a', 'c'],
    ],
    ['columns that are asked for', wide('3'), { columns: ['c', 'a'], ignore: ['a'] }, ['c']],
    ['categories that are ignored', wide('3'), { categories: ['a'], ignore: ['a'] }, ['b', 'c']],
    ['libsvm', libsvm, { ignore: ['f1'] }, ['label', 'f2']],
    ['columns of libsvm', libsvm, { columns: ['f1', 'label'], ignore: ['label'] }, ['f1']],
  ])('leaves out what is to be ignored: %s', async (_, text, options, names) => {
    for (const read of [readTable, readCsv]) expect((await read({ text }, options)).columns.map((c) => c.name)).toEqual(names);
  });

  it.each<[string, string, TableOptions]>([
    ['all columns', wide('3'), { ignore: ['a', 'b', 'c'] }],
    ['all that are asked for', wide('3'), { columns: ['a'], ignore: ['a'] }],
    ['all of libsvm', libsvm, { columns: ['f1'], ignore: ['f1'] }],
  ])('refuses to ignore %s', async (_, text, options) => {
    await expect(readTable({ text }, options)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: "readCsv: expected ignore to be some of the columns to read of '<text>', got all of them",
    });
  });

  it.each(['columns', 'ignore', 'categories', 'numbers', 'dates'])(
    'tells the nearest name where %s names a column that there is not',
    async (option) => {
      const refusal = (text: string, name: string) => expect(readTable({ text }, { [option]: [name] })).rejects;
      await refusal('town,km\nOslo,1\n', 'Towns').toMatchObject({
        code: 'ERR_TENSORWOOD_ARGUMENT',
        message: "readCsv: '<text>' has no column 'Towns', did you mean 'town'? (columns: town, km)",
      });
      await refusal('town,km\nOslo,1\n', 'price').toMatchObject({ message: "readCsv: '<text>' has no column 'price' (columns: town, km)" });
      if (option === 'columns' || option === 'ignore')
        await refusal(libsvm, 'labels').toThrow("has no column 'labels', did you mean 'label'? (columns: label, f1 to f2)");
    },
  );

  it.each(['columns', 'ignore', 'categories', 'numbers', 'dates', 'names', 'missing'])(
    'refuses %s that is no list of texts',
    async (option) => {
      for (const wrong of ['a', [1], { a: 1 }, null])
        await expect(readTable({ text: 'a\n1\n' }, { [option]: wrong })).rejects.toMatchObject({
          code: 'ERR_TENSORWOOD_ARGUMENT',
          message: expect.stringContaining(`readCsv: expected ${option} to be an array of strings, got `),
        });
      await expect(readTable({ text: 'a\n1\n' }, { columns: [] })).rejects.toThrow(
        'expected columns to be the names of some columns, got []',
      );
    },
  );

  it('refuses a file that is absent, and options that are no object', async () => {
    await expect(readTable(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    await expect(readTable(join(folder, 'absent'), null as never)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });
});
