// Tables in memory: named columns of one length. What the readers of files produce, and what trees are grown on.
import { describe, fail } from '../errors';
import { counted, listed, suggestion } from '../schema';
import { checkRowNumbers } from './row-numbers';

export type NumberArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Numbers; NaN is missing. */
export interface NumberColumn {
  readonly kind: 'number';
  readonly name: string;
  readonly values: NumberArray;
  /** The values are milliseconds since 1970. */
  readonly times?: true;
}

/** Categories by code: `categories[codes[row]]`; -1 is missing. */
export interface CategoryColumn {
  readonly kind: 'category';
  readonly name: string;
  readonly codes: Int32Array;
  readonly categories: readonly string[];
}

export type Column = NumberColumn | CategoryColumn;

export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
}

const lengthOf = (column: Column): number => (column.kind === 'number' ? column.values : column.codes).length;

const forms = "{ kind: 'number', name, values } or { kind: 'category', name, codes, categories }";

const isColumn = (column: Partial<Column> | null | undefined): boolean =>
  typeof column?.name === 'string' &&
  (column.kind === 'number'
    ? typeof column.values?.length === 'number'
    : column.kind === 'category' && typeof column.codes?.length === 'number' && Array.isArray(column.categories));

function checkColumns(columns: readonly Column[]): void {
  if (!Array.isArray(columns))
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `createTable: expected an array of columns, each ${forms}, got ${describe(columns)}; createDataset() and predict() take a record of columns as it is`,
    );
  const wrong = columns.findIndex((column) => !isColumn(column));
  if (wrong < 0) return;
  const found = `${describe(columns[wrong])} at ${wrong}`;
  fail(
    'ERR_TENSORWOOD_ARGUMENT',
    `createTable: expected columns, each ${forms}, got ${found}; createDataset() and predict() take rows as { a: rows.map((row) => row.a), … }`,
  );
}

/**
 * A table of columns.
 * @throws ERR_TENSORWOOD_DATA when two columns share a name or differ in length, _ARGUMENT for what is no array of columns
 */
export function createTable(columns: readonly Column[]): Table {
  checkColumns(columns);
  const rows = columns.length === 0 ? 0 : lengthOf(columns[0]!);
  const seen = new Set<string>();
  for (const column of columns) {
    if (seen.has(column.name)) fail('ERR_TENSORWOOD_DATA', `createTable: expected column names that differ, got '${column.name}' twice`);
    seen.add(column.name);
    if (lengthOf(column) !== rows)
      fail('ERR_TENSORWOOD_DATA', `createTable: expected ${counted(rows, 'row')} in column '${column.name}', got ${lengthOf(column)}`);
  }
  return { rows, columns };
}

/** The column of that name. @throws ERR_TENSORWOOD_ARGUMENT with the nearest name that exists */
export function columnOf(table: Table, name: string): Column {
  const found = table.columns.find((c) => c.name === name);
  if (found !== undefined) return found;
  const names = table.columns.map((c) => c.name);
  fail('ERR_TENSORWOOD_ARGUMENT', `table: no column '${name}'${suggestion(name, names)} (columns: ${listed(names)})`);
}

/** The numbers of the column of that name, in place; NaN is missing. @throws ERR_TENSORWOOD_DATA when it holds categories, ERR_TENSORWOOD_ARGUMENT when there is none */
export function numbersOf(table: Table, name: string): NumberArray {
  const column = columnOf(table, name);
  if (column.kind === 'number') return column.values;
  fail('ERR_TENSORWOOD_DATA', `table: expected numbers in column '${name}', got categories; read it as numbers with { numbers }`);
}

/** The same table without the named columns. @throws ERR_TENSORWOOD_ARGUMENT with the nearest name when there is no such column */
export function withoutColumns(table: Table, names: readonly string[]): Table {
  if (!Array.isArray(names)) fail('ERR_TENSORWOOD_ARGUMENT', `withoutColumns: expected an array of names, got ${describe(names)}`);
  for (const name of names) columnOf(table, name);
  return { rows: table.rows, columns: table.columns.filter((c) => !names.includes(c.name)) };
}

/** Rows in the order given; indices may repeat. @throws ERR_TENSORWOOD_ARGUMENT when there is no such row */
export function takeRows(table: Table, rows: Int32Array | Uint32Array): Table {
  checkRowNumbers('takeRows', rows, table.rows);
  return { rows: rows.length, columns: table.columns.map((c) => takeColumnRows(c, rows)) };
}

function takeColumnRows(column: Column, rows: Int32Array | Uint32Array): Column {
  if (column.kind === 'category') return { ...column, codes: gather(column.codes, rows) };
  return { ...column, values: gather(column.values, rows) };
}

function gather<A extends NumberArray>(from: A, rows: Int32Array | Uint32Array): A {
  const to = new (from.constructor as new (length: number) => A)(rows.length);
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!;
  return to;
}
