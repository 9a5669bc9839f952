// Parquet files that are damaged, or lie about what they hold: typed errors, and no memory taken by their word.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParquet } from '../../lib/data/parquet';
import type { Column } from '../../lib/data/table';
import { bytesOf, dictionary, type HandColumn, page, parquetFile, type Struct, struct, texts, varint } from './parquet-file';

const golden = (name: string): string => join(__dirname, '..', 'golden', 'parquet', `${name}.parquet`);
const compiled = createRequire(__filename)('../../dist/index.js') as { readParquet: typeof readParquet };
const one = bytesOf(Int32Array.of(1, -2));
const rowsOf = (column: Column): number => (column.kind === 'number' ? column.values : column.codes).length;

const format = (reason: RegExp) => ({ code: 'ERR_TENSORWOOD_FORMAT', message: expect.stringMatching(reason) });
const optional = { 3: 1 };
const levels = (...runs: readonly Buffer[]): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.reduce((sum, run) => sum + run.length, 0));
  return Buffer.concat([length, ...runs]);
};
const run = (values: number, value: number): Buffer => Buffer.concat([varint(2 * values), Buffer.of(value)]);
const coded = (values: number, body: Buffer): Buffer =>
  Buffer.concat([dictionary(2, texts('a', 'b')), page(values, body, { encoding: 8 })]);

describe('a file that lies about what it holds is refused, and takes no memory by its word', () => {
  const x = (pages: Buffer, element: Struct = {}, type: HandColumn['type'] = 'INT32'): HandColumn => ({
    name: 'x',
    type: type!,
    pages,
    element,
  });
  it.each<[string, Buffer, RegExp]>([
    ['2^31 rows in the footer', parquetFile([x(page(2, one))], 2, 2 ** 31), /2147483648 rows, of which its row groups hold 2/],
    ['2^31 rows in a row group', parquetFile([x(page(2, one))], 2 ** 31), /row group of 2147483648 rows/],
    ['2^26 rows in a row group', parquetFile([x(page(2, one))], 2 ** 26), /ends inside a page header/],
    ['2^62 rows', parquetFile([x(page(2, one))], 2n ** 62n), /row group of 4611686018427387904 rows/],
    ['rows below zero', parquetFile([x(page(2, one))], -1), /malformed row group/],
    ['2^31 values in a page', parquetFile([x(page(2 ** 31 - 1, one))], 2), /claims 2147483647 values where 2 rows are/],
    ['values below zero', parquetFile([x(page(-2, one))], 2), /claims -2 values/],
    ['2^26 values in a page of 8 bytes', parquetFile([x(page(2 ** 26, one))], 2 ** 26), /cannot decode column 'x'/],
    ['fewer values than rows', parquetFile([x(page(1, one))], 2), /ends inside a page header/],
    [
      'a run of 2^30 levels',
      parquetFile([x(page(2, Buffer.concat([levels(run(2 ** 30, 1)), one])), optional)], 2),
      /run claims 1073741824 values where 2 are left/,
    ],
    [
      'a run of 2^30 codes',
      parquetFile([x(coded(2, Buffer.concat([Buffer.of(1), run(2 ** 30, 1)])), {}, 'BYTE_ARRAY')], 2),
      /run claims 1073741824/,
    ],
    [
      '2^31 packed codes of no bits',
      parquetFile([x(coded(2, Buffer.concat([Buffer.of(0), varint(2 ** 29 + 1)])), {}, 'BYTE_ARRAY')], 2),
      /run claims/,
    ],
    [
      'a code that is not in the dictionary',
      parquetFile([x(coded(2, Buffer.concat([Buffer.of(2), run(2, 3)])), {}, 'BYTE_ARRAY')], 2),
      /code is not in its dictionary/,
    ],
    [
      'codes without a dictionary',
      parquetFile([x(page(2, Buffer.concat([Buffer.of(1), run(2, 1)]), { encoding: 8 }), {}, 'BYTE_ARRAY')], 2),
      /lacks its dictionary/,
    ],
    [
      'a dictionary of 2^31 values',
      parquetFile([x(Buffer.concat([dictionary(2 ** 31 - 1, texts('a')), page(2, one)]))], 2),
      /dictionary claims 2147483647 values in 5 bytes/,
    ],
    ['a page of 2^31 bytes', parquetFile([x(page(2, one, { size: 2 ** 31 - 1 }))], 2), /page of 2147483647 bytes unpacks to 8/],
    [
      '2^31 bytes under Snappy',
      parquetFile([{ ...x(page(2, one, { size: 2 ** 31 - 1 })), meta: { 4: 1 } }], 2),
      /cannot decode column 'x'/,
    ],
    ['text of 2^32 bytes', parquetFile([x(page(1, Buffer.from('ffffffff', 'hex')), {}, 'BYTE_ARRAY')], 1), /cannot decode column 'x'/],
    ['a column beyond the file', parquetFile([{ ...x(page(2, one)), meta: { 7: 2n ** 40n } }], 2), /bytes 4 to 1099511627780 of/],
    ['a column before the file', parquetFile([{ ...x(page(2, one)), meta: { 9: -4n } }], 2), /bytes -4 to/],
    ['an unknown codec', parquetFile([{ ...x(page(2, one)), meta: { 4: 3 } }], 2), /packed by LZO/],
    ['an unknown encoding', parquetFile([x(page(2, one, { encoding: 42 }))], 2), /cannot decode column 'x'/],
    ['an unknown kind of page', parquetFile([x(struct({ 1: 7, 2: 0, 3: 0 }))], 2), /page of kind 7/],
  ])('%s', async (_, file, reason) => {
    await expect(readParquet(file)).rejects.toMatchObject(format(reason));
    await expect(compiled.readParquet(file)).rejects.toMatchObject(format(reason));
  });

  it('a footer longer than the file, or of nothing', async () => {
    for (const length of [0, 100, 2 ** 31, 2 ** 32 - 1]) {
      const tail = Buffer.alloc(8, 'PAR1');
      tail.writeUInt32LE(length);
      await expect(readParquet(Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(20), tail]))).rejects.toMatchObject(
        format(/not a Parquet file/),
      );
    }
  });

  it.each(['types', 'required', 'encodings-1', 'encodings-2', 'zstd'])(
    'any changed byte of %s gives a table or a typed error',
    async (name) => {
      const good = readFileSync(golden(name));
      const rows = (await readParquet(good)).rows;
      for (let i = 0; i < 150; i++) {
        const bytes = Buffer.from(good);
        bytes[Math.floor(((i * 0.6180339887) % 1) * bytes.length)]! ^= 1 << (i % 8);
        const outcome = await readParquet(bytes).catch((error) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: expect.stringMatching(/_(FORMAT|DATA|ARGUMENT|PEER)$/) });
        else expect(outcome.columns.every((c: Column) => rowsOf(c) === outcome.rows) && outcome.rows === rows).toBe(true);
      }
    },
  );
});
