// Tables from files of any kind: told apart by their first bytes, whatever their names say.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { resolvePeer } from '../../lib/data/peer';
import { readTable } from '../../lib/data/table-file';

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

  it('refuses a file that is absent, and options that are no object', async () => {
    await expect(readTable(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    await expect(readTable(join(folder, 'absent'), null as never)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });
});
