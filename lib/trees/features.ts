// What users pass as features, and how native code reads it in place: a table, a record of columns, or one row-major matrix.
import type { Table, Column as TableColumn } from '../data/table';
import { inPieces, type Work } from '../data/turns';
import { describe, fail } from '../errors';
import type { ColumnSpec } from '../native';
import { typedArrayName } from '../realm';

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

/** One feature: numbers (in a plain array, too), categories by code, or categories by name (null and undefined are missing). */
export type FeatureColumn = Numbers | Dictionary | readonly (number | null | undefined)[] | readonly (string | null | undefined)[];

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
}

export interface FeatureList {
  readonly rows: number;
  readonly columns: readonly NamedColumn[];
  /** A matrix has places instead of names. */
  readonly byPlace: boolean;
}

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
      if (name === null || name === undefined || name === '') continue; // missing, as an empty field of a file
      const known = codeOf.get(name);
      if (known === undefined) codeOf.set(name, codeOf.size);
      codes[row] = known ?? codeOf.size - 1;
    }
  });
  return { codes, categories: [...codeOf.keys()] };
}

function* readNumbers(list: readonly (number | null | undefined)[]): Work<Float64Array> {
  const values = new Float64Array(list.length);
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) values[row] = list[row] ?? Number.NaN;
  });
  return values;
}

const isPresent = (value: unknown): boolean => value !== null && value !== undefined;

function* checkKind(subject: string, name: string, list: readonly unknown[], kind: string): Work<void> {
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) {
      if (!isPresent(list[row]) || typeof list[row] === kind) continue;
      const expected = `${subject}: expected numbers alone or strings alone in column '${name}'`;
      fail('ERR_TENSORWOOD_ARGUMENT', `${expected}, got ${typeof list[row]} in row ${row}`);
    }
  });
}

type CountedColumn = NamedColumn & { readonly rows: number };

const whole = (data: Numbers, categorical: boolean): NativeColumn => ({ data, offset: 0, stride: 1, categorical });

/** Numbers or names, as the first value is; numbers where there is none. */
function* interpretList(subject: string, name: string, list: readonly unknown[]): Work<CountedColumn> {
  const kind = typeof (list.find(isPresent) ?? 0) === 'number' ? 'number' : 'string';
  yield* checkKind(subject, name, list, kind);
  if (kind === 'number')
    return { name, categories: null, column: whole(yield* readNumbers(list as (number | null)[]), false), rows: list.length };
  const { codes, categories } = yield* encodeNames(list as (string | null)[]);
  return { name, categories, column: whole(codes, true), rows: list.length };
}

/** @throws ERR_TENSORWOOD_ARGUMENT "expected <what> or { codes, categories }" */
export function requireDictionary(subject: string, what: string, value: unknown): Dictionary {
  const { codes, categories } = (value ?? {}) as Dictionary;
  if (isNumbers(codes) && (Array.isArray(categories) || Number.isInteger(categories))) return { codes, categories };
  const found = codes === undefined ? describe(value) : `{ codes: ${describe(codes)}, categories: ${describe(categories)} }`;
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${what} or { codes, categories }, got ${found}`);
}

function* interpretColumn(subject: string, name: string, column: FeatureColumn): Work<CountedColumn> {
  if (isNumbers(column)) return { name, categories: null, column: whole(column, false), rows: column.length };
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

/** @throws ERR_TENSORWOOD_ARGUMENT or _SHAPE when the features have another form, or columns differ in length */
export function* interpretFeatures(subject: string, features: Features): Work<FeatureList> {
  if (typeof features !== 'object' || features === null || ArrayBuffer.isView(features) || Array.isArray(features)) {
    const found = Array.isArray(features)
      ? 'an array; rows are { values: rows.flat(), columns } with values a typed array'
      : describe(features);
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected features as a table, a record of columns or { values, columns }, got ${found}`);
  }
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
      `${subject}: expected ${rows} rows in column '${wrong.name}' as in '${columns[0]!.name}', got ${wrong.rows}`,
    );
  return { rows, columns, byPlace: false };
}
