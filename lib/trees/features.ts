// What users pass as features, and how native code reads it in place: a table, a record of columns, or one row-major matrix.

import { types } from 'node:util';
import type { Table, Column as TableColumn } from '../data/table';
import { describe, fail } from '../errors';
import type { ColumnSpec } from '../native';
import { typedArrayName } from '../realm';
import { counted } from '../schema';
import { inPieces, type Work } from '../turns';
import { type Cell, isMissing, numberOf, refuseCell } from './cell';

/** Any array of numbers but BigUint64Array and Float16Array. NaN is missing. */
export type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | BigInt64Array;

/**
 * Categories by code; a code below 0 (or NaN) is missing. A number of categories instead of their names when they have none.
 * In prediction, a category that the model has not (by its name, or its code) goes where those go that a split does not list, as in LightGBM and XGBoost.
 */
export interface Dictionary {
  readonly codes: Numbers;
  readonly categories: readonly string[] | number;
}

/**
 * One feature: numbers (in a plain array, too, where booleans, bigints and Dates are numbers), categories by code, or categories by name. null, undefined,
 * NaN and the empty text are missing.
 */
export type FeatureColumn = Numbers | Dictionary | readonly Exclude<Cell, string>[] | readonly (string | null | undefined)[];

/** Rows one after the other, in one array. */
export interface Matrix {
  readonly values: Float32Array | Float64Array; // (rows, columns)
  readonly columns: number;
  /** Default: f0, f1, ... */
  readonly names?: readonly string[];
  /** Columns that hold category codes, and how many categories each has. */
  readonly categories?: Readonly<Record<number, number>>;
}

export type Features = Table | Matrix | Readonly<Record<string, FeatureColumn>>;

/** One column as native code reads it. */
export interface NativeColumn extends ColumnSpec {
  readonly data: Numbers;
}

/** A column with its name; categories is null for numbers. */
export interface NamedColumn {
  readonly name: string;
  readonly categories: readonly string[] | number | null;
  readonly column: NativeColumn;
  /** All its values are booleans: to a model that knows categories, 'true' and 'false'. */
  readonly booleans?: boolean;
  /** What the numbers were read from where bigints are among them: some may lie beyond 2^53. */
  readonly integers?: ArrayLike<unknown>;
}

export interface FeatureList {
  readonly rows: number;
  readonly columns: readonly NamedColumn[];
  /** A matrix has places instead of names. */
  readonly byPlace: boolean;
}

/** In place of a code: a category that the model has not (above every set of them), and a missing value. */
export const unknownCategory = 2 ** 24;
export const missingCode = -1;

const unreadable: readonly (string | undefined)[] = [undefined, 'BigUint64Array', 'Float16Array'];
export const isNumbers = (value: unknown): value is Numbers => !unreadable.includes(typedArrayName(value));
const isTable = (features: Features): features is Table =>
  Array.isArray((features as Table).columns) && typeof (features as Table).rows === 'number';
const isMatrix = (features: Features): features is Matrix =>
  isNumbers((features as Matrix).values) && typeof (features as Matrix).columns === 'number';

/** Codes and categories of names in the order of their first appearance. */
export function* encodeNames(names: readonly (string | null | undefined)[]): Work<{ codes: Int32Array; categories: string[] }> {
  const codeOf = new Map<string, number>();
  const codes = new Int32Array(names.length).fill(-1);
  yield* inPieces(names.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const name = names[row];
      if (typeof name !== 'string') continue;
      const known = codeOf.get(name);
      if (known === undefined) codeOf.set(name, codeOf.size);
      codes[row] = known ?? codeOf.size - 1;
    }
  });
  return { codes, categories: [...codeOf.keys()] };
}

/** Names as a model learns them: the empty text is missing, and a name that comes twice is one. `remap` has the code of each; undefined = they are so. */
export function distinctNames(names: readonly string[]): { categories: string[]; remap: Int32Array } | undefined {
  const codeOf = new Map<string, number>();
  for (const name of names) if (name !== '' && !codeOf.has(name)) codeOf.set(name, codeOf.size);
  if (codeOf.size === names.length) return undefined;
  return { categories: [...codeOf.keys()], remap: Int32Array.from(names, (name) => codeOf.get(name) ?? missingCode) };
}

/** The column as a model learns it. */
export function learnable(found: NamedColumn): NamedColumn {
  if (typeof found.categories !== 'object' || found.categories === null) return found;
  const names = distinctNames(found.categories);
  return names === undefined ? found : { ...found, categories: names.categories, column: { ...found.column, remap: names.remap } };
}

const whole = (data: Numbers, categorical: boolean): NativeColumn => ({ data, offset: 0, stride: 1, categorical });
const mixed = (name: string): string => `numbers alone or strings alone in column '${name}'`;

type CountedColumn = NamedColumn & { readonly rows: number };

function* readNumbers(subject: string, name: string, list: ArrayLike<unknown>): Work<CountedColumn> {
  const values = new Float64Array(list.length);
  let present = 0;
  let booleans = 0;
  let integers = 0;
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const cell = list[row];
      values[row] = isMissing(cell) ? Number.NaN : (numberOf(cell) ?? refuseCell(subject, mixed(name), cell, row));
      if (!isMissing(cell)) present++;
      if (typeof cell === 'boolean') booleans++;
      if (typeof cell === 'bigint') integers++;
    }
  });
  const column = { name, categories: null, column: whole(values, false), rows: list.length };
  return { ...column, ...(booleans > 0 && booleans === present && { booleans: true }), ...(integers > 0 && { integers: list }) };
}

function* readNames(subject: string, name: string, list: readonly unknown[]): Work<CountedColumn> {
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++)
      if (!isMissing(list[row]) && typeof list[row] !== 'string') refuseCell(subject, mixed(name), list[row], row);
  });
  const { codes, categories } = yield* encodeNames(list as (string | null)[]);
  return { name, categories, column: whole(codes, true), rows: list.length };
}

/** The first value; without one, the empty text where there is one. */
function* findFirst(list: readonly unknown[]): Work<unknown> {
  let [first, hasEmpty]: [unknown, boolean] = [undefined, false];
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; first === undefined && row < to; row++) {
      if (!isMissing(list[row])) first = list[row];
      if (list[row] === '') hasEmpty = true;
    }
  });
  return first ?? (hasEmpty ? '' : undefined);
}

/** Numbers or names, as the first value is; without one, names where there are empty texts. */
function* interpretList(subject: string, name: string, list: readonly unknown[]): Work<CountedColumn> {
  const first = yield* findFirst(list);
  return yield* typeof first === 'string' ? readNames(subject, name, list) : readNumbers(subject, name, list);
}

/** @throws ERR_TENSORWOOD_ARGUMENT "expected <what> or { codes, categories }" */
export function requireDictionary(subject: string, what: string, value: unknown): Dictionary {
  const { codes, categories } = (value ?? {}) as Dictionary;
  if (isNumbers(codes) && (Array.isArray(categories) || Number.isInteger(categories))) return { codes, categories };
  const found = codes === undefined ? describe(value) : `{ codes: ${describe(codes)}, categories: ${describe(categories)} }`;
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${what} or { codes, categories }, got ${found}`);
}

function* interpretColumn(subject: string, name: string, column: FeatureColumn): Work<CountedColumn> {
  if (isNumbers(column)) {
    const integers = types.isBigInt64Array(column) && { integers: column };
    return { name, categories: null, column: whole(column, false), rows: column.length, ...integers };
  }
  if (Array.isArray(column)) return yield* interpretList(subject, name, column);
  const { codes, categories } = requireDictionary(subject, `column '${name}' to be numbers, strings,`, column);
  return { name, categories, column: whole(codes, true), rows: codes.length };
}

function interpretMatrix(subject: string, matrix: Matrix): FeatureList {
  const { values, columns, names, categories = {} } = matrix;
  if (!Number.isInteger(columns) || columns < 1 || values.length % columns !== 0)
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${subject}: expected a matrix whose length is a multiple of its columns, got ${values.length} values and ${columns} columns`,
    );
  if (names !== undefined && !Array.isArray(names))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected names of a matrix as a list, got ${describe(names)}`);
  if (names !== undefined && names.length !== columns)
    fail('ERR_TENSORWOOD_SHAPE', `${subject}: expected ${columns} names, one a column, got ${names.length}`);
  if (typeof categories !== 'object' || categories === null)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `${subject}: expected categories of a matrix as counts by column, as { 0: 12 }, got ${describe(categories)}`,
    );
  for (const [place, count] of Object.entries(categories)) {
    if (!(Number.isInteger(Number(place)) && Number(place) >= 0 && Number(place) < columns))
      fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected categories of columns in [0, ${columns - 1}], got them of column ${place}`);
    if (!Number.isInteger(count) || count < 1)
      fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a number of categories of column ${place}, at least 1, got ${count}`);
  }
  return {
    rows: values.length / columns,
    byPlace: true,
    columns: Array.from({ length: columns }, (_, i) => ({
      name: names?.[i] ?? `f${i}`,
      categories: categories[i] ?? null,
      column: { data: values, offset: i, stride: columns, categorical: categories[i] !== undefined },
    })),
  };
}

const entryOf = (column: TableColumn): [string, FeatureColumn] => [column.name, column.kind === 'number' ? column.values : column];

const refuseFeatures = (subject: string, found: string): never =>
  fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected features as a table, a record of columns or { values, columns }, got ${found}`);

const matrixForm = (columns: number | string): string => `{ values: Float32Array.from(rows.flat()), columns: ${columns}, names: [...] }`;

/** An array in place of features, with the form that holds the same. */
function arrayInWords(rows: readonly unknown[]): string {
  const [first] = rows;
  if (Array.isArray(first)) return `an array of rows; pass ${matrixForm(first.length)}`;
  if (typeof first !== 'object' || first === null || ArrayBuffer.isView(first)) return 'an array';
  const [name, ...more] = Object.keys(first).map((key) => (/^[a-z_$][\w$]*$/i.test(key) ? [key, `.${key}`] : [`'${key}'`, `['${key}']`]));
  if (name === undefined) return 'an array';
  return `an array of objects; pass columns, as { ${name[0]}: rows.map((row) => row${name[1]})${more.length > 0 ? ', …' : ''} }`;
}

/** Refuses a record that was meant for a matrix: names in place of the number of columns, or a plain array of values. */
function checkMatrix(subject: string, features: Features): void {
  const { values, columns } = features as Readonly<Record<string, unknown>>;
  if (isNumbers(values) && Array.isArray(columns) && columns.length > 0 && columns.every((name) => typeof name === 'string'))
    refuseFeatures(subject, `names as columns; pass { values, columns: ${columns.length}, names: [...] }`);
  if (Array.isArray(values) && typeof columns === 'number')
    refuseFeatures(subject, 'an array as values; pass { values: Float32Array.from(values), columns }');
}

/** @throws ERR_TENSORWOOD_ARGUMENT or _SHAPE when the features have another form, or columns differ in length */
export function* interpretFeatures(subject: string, features: Features): Work<FeatureList> {
  if (typeof features !== 'object' || features === null || ArrayBuffer.isView(features) || Array.isArray(features))
    refuseFeatures(subject, Array.isArray(features) ? arrayInWords(features) : describe(features));
  checkMatrix(subject, features);
  if (isMatrix(features)) return interpretMatrix(subject, features);
  const entries = isTable(features) ? features.columns.map(entryOf) : Object.entries(features);
  if (entries.length === 0) fail('ERR_TENSORWOOD_DATA', `${subject}: expected at least one column, got none`);
  const columns: CountedColumn[] = [];
  for (const [name, column] of entries) columns.push(yield* interpretColumn(subject, name, column));
  const rows = columns[0]!.rows;
  const wrong = columns.find((c) => c.rows !== rows);
  if (wrong !== undefined)
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${subject}: expected ${counted(rows, 'row')} in column '${wrong.name}' as in '${columns[0]!.name}', got ${wrong.rows}`,
    );
  return { rows, columns, byPlace: false };
}
