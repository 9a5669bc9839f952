// What users pass as features, and how native code reads it in place: a table, a record of columns, or one row-major matrix.
import type { Table, Column as TableColumn } from '../data/table';
import { fail } from '../errors';
import type { ColumnSpec } from '../native';

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

/** Categories by code; a code below 0 (or NaN) is missing. A number of categories instead of their names when they have none. */
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

export const isNumbers = (value: unknown): value is Numbers => ArrayBuffer.isView(value) && !(value instanceof DataView);
const isTable = (features: Features): features is Table => Array.isArray((features as Table).columns);
const isMatrix = (features: Features): features is Matrix =>
  isNumbers((features as Matrix).values) && typeof (features as Matrix).columns === 'number';

/** Codes and categories of names in the order of their first appearance. */
function encodeNames(names: readonly (string | null | undefined)[]): { codes: Int32Array; categories: string[] } {
  const codeOf = new Map<string, number>();
  const codes = Int32Array.from(names, (name) => {
    if (name === null || name === undefined) return -1;
    const known = codeOf.get(name);
    if (known !== undefined) return known;
    codeOf.set(name, codeOf.size);
    return codeOf.size - 1;
  });
  return { codes, categories: [...codeOf.keys()] };
}

function interpretColumn(subject: string, name: string, column: FeatureColumn): NamedColumn & { rows: number } {
  const whole = (data: Numbers, categorical: boolean): NativeColumn => ({ data, offset: 0, stride: 1, categorical });
  if (isNumbers(column)) return { name, categories: null, column: whole(column, false), rows: column.length };
  if (Array.isArray(column)) {
    if (isPlainColumn(column))
      return interpretColumn(
        subject,
        name,
        Float64Array.from(column as number[], (v) => v ?? Number.NaN),
      );
    const wrong = column.findIndex((v) => v !== null && v !== undefined && typeof v !== 'string');
    if (wrong >= 0)
      fail(
        'ERR_TENSORWOOD_ARGUMENT',
        `${subject}: expected numbers alone or strings alone in column '${name}', got ${typeof column[wrong]} in row ${wrong}`,
      );
    const { codes, categories } = encodeNames(column as readonly (string | null | undefined)[]);
    return { name, categories, column: whole(codes, true), rows: codes.length };
  }
  const { codes, categories } = (column ?? {}) as Dictionary;
  if (!isNumbers(codes) || !(Array.isArray(categories) || Number.isInteger(categories)))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected column '${name}' to be numbers, strings, or { codes, categories }`);
  return { name, categories, column: whole(codes, true), rows: codes.length };
}

function interpretMatrix(subject: string, matrix: Matrix): FeatureList {
  const { values, columns, names, categories = {} } = matrix;
  if (!Number.isInteger(columns) || columns < 1 || values.length % columns !== 0)
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${subject}: expected a matrix whose length is a multiple of its columns, got ${values.length} values and ${columns} columns`,
    );
  if (names !== undefined && names.length !== columns)
    fail('ERR_TENSORWOOD_SHAPE', `${subject}: expected ${columns} names, one a column, got ${names.length}`);
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

/** Numbers, and at least one: null and undefined are missing. */
const isPlainColumn = (column: readonly unknown[]): boolean =>
  column.some((v) => typeof v === 'number') && column.every((v) => v === null || v === undefined || typeof v === 'number');

const entryOf = (column: TableColumn): [string, FeatureColumn] => [column.name, column.kind === 'number' ? column.values : column];

/** @throws ERR_TENSORWOOD_ARGUMENT or _SHAPE when the features have another form, or columns differ in length */
export function interpretFeatures(subject: string, features: Features): FeatureList {
  if (typeof features !== 'object' || features === null || isNumbers(features))
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `${subject}: expected features as a table, a record of columns or { values, columns }, got ${typeof features}`,
    );
  if (isMatrix(features)) return interpretMatrix(subject, features);
  const entries = isTable(features) ? features.columns.map(entryOf) : Object.entries(features);
  if (entries.length === 0) fail('ERR_TENSORWOOD_DATA', `${subject}: expected at least one column, got none`);
  const columns = entries.map(([name, column]) => interpretColumn(subject, name, column));
  const rows = columns[0]!.rows;
  const wrong = columns.find((c) => c.rows !== rows);
  if (wrong !== undefined)
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${subject}: expected ${rows} rows in column '${wrong.name}' as in '${columns[0]!.name}', got ${wrong.rows}`,
    );
  return { rows, columns, byPlace: false };
}
