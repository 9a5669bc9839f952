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
  });

  it('refuses a file that is absent, and options that are no object', async () => {
    await expect(readTable(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    await expect(readTable(join(folder, 'absent'), null as never)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });
});
