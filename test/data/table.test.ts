// Tables: what is refused, and what rows and categories become.
import { describe, expect, it } from 'vitest';
import { columnOf, createTable, numbersOf, takeRows, withoutColumns } from '../../lib/data/table';

const size = { kind: 'number', name: 'size', values: Float32Array.of(1, Number.NaN, 3) } as const;
const town = { kind: 'category', name: 'town', codes: Int32Array.of(1, 0, -1), categories: ['Oslo', 'Rome'] } as const;
const table = createTable([size, town]);

describe('table', () => {
  it('refuses two columns of a name and columns of different lengths', () => {
    expect(() => createTable([size, size])).toThrowError(/'size' twice/);
    expect(() => createTable([size, { ...size, name: 'other', values: new Float32Array(2) }])).toThrowError(/expected 3 rows .* got 2/);
  });

  it('finds a column, and suggests the nearest name when there is none', () => {
    expect(columnOf(table, 'town')).toBe(town);
    expect(() => columnOf(table, 'sise')).toThrowError(/did you mean 'size'\?/);
  });

  it('gives the numbers of a column in place, and refuses categories', () => {
    expect(numbersOf(table, 'size')).toBe(size.values);
    expect(() => numbersOf(table, 'town')).toThrowError(/expected numbers in column 'town', got categories/);
  });

  it('takes rows in any order, with repeats', () => {
    const taken = takeRows(table, Uint32Array.of(2, 0, 0));
    expect(taken.columns[0]).toMatchObject({ values: Float32Array.of(3, 1, 1) });
    expect(taken.columns[1]).toMatchObject({ codes: Int32Array.of(-1, 1, 1) });
  });

  it('takes no row that is not there', () => {
    expect(() => takeRows(table, Uint32Array.of(0, 3))).toThrowError(/takeRows: expected rows in \[0, 2\], got 3/);
    expect(() => takeRows(table, Int32Array.of(-1))).toThrowError(/got -1/);
    expect(() => takeRows(table, [0.5] as never)).toThrowError(/got 0.5/);
    expect(() => takeRows(table, Uint8Array.of(0, 1, 1) as never)).toThrowError('takeRows: expected row numbers, got a mask of 3');
    expect(() => takeRows(table, [true, false, true] as never)).toThrowError('takeRows: expected row numbers, got a mask of 3');
    expect(() => takeRows(table, 2 as never)).toThrowError('takeRows: expected row numbers, got 2');
  });

  it('is made of columns, not of rows or a record', () => {
    const refused = (columns: unknown, message: string): void => {
      expect(() => createTable(columns as never)).toThrowError(expect.objectContaining({ code: 'ERR_TENSORWOOD_ARGUMENT', message }));
    };
    const form = "{ kind: 'number', name, values } or { kind: 'category', name, codes, categories }";
    const rows = 'createDataset() and predict() take rows as { a: rows.map((row) => row.a), … }';
    refused([{ a: 1 }], `createTable: expected columns, each ${form}, got Object at 0; ${rows}`);
    refused([size, [1, 2]], `createTable: expected columns, each ${form}, got Array at 1; ${rows}`);
    refused(
      { a: [1] },
      `createTable: expected an array of columns, each ${form}, got Object; createDataset() and predict() take a record of columns as it is`,
    );
    refused(
      undefined,
      `createTable: expected an array of columns, each ${form}, got undefined; createDataset() and predict() take a record of columns as it is`,
    );
  });

  it('drops columns', () => {
    expect(withoutColumns(table, ['size']).columns.map((c) => c.name)).toEqual(['town']);
    expect(() => withoutColumns(table, ['Town'])).toThrowError("table: no column 'Town', did you mean 'town'?");
    expect(() => withoutColumns(table, 'size town' as never)).toThrowError("withoutColumns: expected an array of names, got 'size town'");
  });
});
