// Tables written as CSV text: what it looks like, and that it reads back to the same values.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../lib/data/csv';
import { csvText } from '../../lib/data/csv-text';
import { type Column, createTable, type Table } from '../../lib/data/table';
import { randomSequence } from '../trees/tables';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood csv text '));
afterAll(() => rmSync(folder, { recursive: true }));

const textOf = (columns: readonly Column[], options?: Parameters<typeof csvText>[1]): string =>
  [...csvText(createTable(columns), options)].join('');
const towns: Column = { kind: 'category', name: 'town', codes: Int32Array.of(1, -1, 0), categories: ['a "b"', 'x, y'] };
const sizes: Column = { kind: 'number', name: 'size', values: Float32Array.of(0.1, Number.NaN, 1e30) };

describe('csvText', () => {
  it('quotes what must be, and writes the shortest numbers', () => {
    expect(textOf([towns, sizes])).toBe('town,size\n"x, y",0.1\n,\n"a ""b""",1e+30\n');
    expect(textOf([sizes], { from: 2, header: false })).toBe('1e+30\n');
  });

  it('writes no blank line for a row that is missing', () => {
    expect(textOf([sizes])).toBe('size\n0.1\n""\n1e+30\n');
  });

  it('writes no blank line for a lone column without a name', async () => {
    const text = textOf([{ ...sizes, name: '' }]);
    expect(text).toBe('""\n0.1\n""\n1e+30\n');
    const path = join(folder, 'unnamed.csv');
    writeFileSync(path, text);
    expect((await readCsv(path, { header: 'yes', delimiter: ',' })).columns[0]).toMatchObject({
      values: Float64Array.of(0.1, Number.NaN, 1e30),
    });
  });

  it('writes long tables in pieces', () => {
    const pieces = [...csvText(createTable([{ kind: 'number', name: 'n', values: new Float32Array(10_000) }]))];
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toBe(`n\n${'0\n'.repeat(10_000)}`);
  });
});

const lookalikes = ['1', '-2.5', '1e3', 'inf', '0', '007', 'NA', '?'];
const words = ['a', 'Oslo', 'é', ' b', 'c ', ',', ';', '"', '""', 'x"y', '\n', '\r\n', '\r', '\t', ...lookalikes];
const numbers = [0, 1, -1, 0.1, 1 / 3, 1e-45, 3.4e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 16777216, Number.NaN];

function randomTable(seed: number, least = 1): Table {
  const random = randomSequence(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const rows = 1 + below(8);
  const columnOf = (_: unknown, i: number): Column => {
    const name = `${words[below(words.length)]} ${i}`;
    if (random() < 0.3) return { kind: 'number', name, values: Float32Array.from({ length: rows }, () => numbers[below(numbers.length)]!) };
    // The reader takes doubles where a number is not exact as a float.
    if (random() < 0.3) return { kind: 'number', name, values: Float64Array.from({ length: rows }, () => 2 ** 40 + 1 / (1 + below(9))) };
    const categories = Array.from({ length: 4 }, (_, c) => words[(below(words.length) + c) % words.length]!);
    return { kind: 'category', name, categories, codes: Int32Array.from({ length: rows }, () => below(5) - 1) };
  };
  return createTable(Array.from({ length: least + below(4) }, columnOf));
}

const isFloat = (column: Column): boolean => column.kind === 'number' && column.values instanceof Float32Array;

/** What rows hold; floats stand for all decimals that round to them. */
const cells = (column: Column, float: boolean): (number | string | null)[] =>
  column.kind === 'number'
    ? Array.from(column.values, (v) => (float ? Math.fround(v) : v))
    : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
const namesOf = (table: Table, kind: Column['kind']): string[] => table.columns.filter((c) => c.kind === kind).map((c) => c.name);

const category = (name: string, list: readonly (string | null)[]): Column => {
  const categories = [...new Set(list.filter((text) => text !== null))];
  return { kind: 'category', name, categories, codes: Int32Array.from(list, (text) => (text === null ? -1 : categories.indexOf(text))) };
};
const numbersOf = (name: string, values: readonly number[]): Column => ({ kind: 'number', name, values: Float64Array.from(values) });

const lookalike: [string, Column[]][] = [
  ['delimiters', [category('a;b|c\td', ['x;y|z\tw', 'u;v|w\tx', '1;2|3\t4'])]],
  ['headers of numbers', [numbersOf('1960', [1, 2]), numbersOf('1961', [3, 4]), category('1962', ['a', 'b'])]],
  ['dates and truth', [category('d', ['2024-01-31', '2024-02-01', null]), category('b', ['true', 'False', 'true'])]],
  ['decimals', [category('d', ['1,5', '2,5', '3']), category('p', ['12%', '$1', '-']), numbersOf('n', [1, 2, 3])]],
  ['missing words', [category('d', ['NA', 'null', '?']), category('p', ['#N/A', 'inf', 'nan'])]],
  ['identifiers', [category('d', ['007', '08', '9']), numbersOf('n', [2 ** 53 + 2, 2 ** 60, 1])]],
  [
    'doubles',
    [numbersOf('d', [1 / 3, 1.00000001, 1e300]), numbersOf('n', [5e-324, 1e39, -Infinity]), numbersOf('t', [0, 1700000000001, 2])],
  ],
];

const signatureOf = (table: Table) => ({
  names: table.columns.map((c) => c.name),
  categories: table.columns.map((c) => (c.kind === 'number' ? null : c.categories)),
});

it.each(lookalike)('what looks like something else comes back to a model that knows it: %s', async (_, columns) => {
  const table = createTable(columns);
  const back = await readCsv({ text: [...csvText(table)].join('') }, { like: { signature: signatureOf(table) } });
  expect(back.columns.map((c) => [c.name, cells(c, false)])).toEqual(columns.map((c) => [c.name, cells(c, false)]));
});

it('random tables come back as they were', async () => {
  for (let seed = 0; seed < 500; seed++) {
    const table = randomTable(seed);
    const path = join(folder, `${seed}.csv`);
    writeFileSync(path, [...csvText(table)].join(''));
    const kinds = { numbers: namesOf(table, 'number'), categories: namesOf(table, 'category') };
    const back = await readCsv(path, { header: 'yes', delimiter: ',', ...kinds });
    const found = back.columns.map((c, i) => [c.name, c.kind, cells(c, isFloat(table.columns[i]!))]);
    expect(found, `seed ${seed}`).toEqual(table.columns.map((c) => [c.name, c.kind, cells(c, isFloat(c))]));
  }
});

it('and so they do where the reader is told only what a model knows of the columns', async () => {
  for (let seed = 0; seed < 500; seed++) {
    const table = randomTable(seed, 2);
    const path = join(folder, `known ${seed}.csv`);
    writeFileSync(path, [...csvText(table)].join(''));
    const back = await readCsv(path, { like: { signature: signatureOf(table) } });
    const found = back.columns.map((c, i) => [c.name, c.kind, cells(c, isFloat(table.columns[i]!))]);
    expect(found, `seed ${seed}`).toEqual(table.columns.map((c) => [c.name, c.kind, cells(c, isFloat(c))]));
  }
});
