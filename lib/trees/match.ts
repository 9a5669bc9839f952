// Features for a model that was trained on others: columns by name (or place, for a matrix), categories translated to the model's codes.

import { types } from 'node:util';
import { inPieces, type Work } from '../data/turns';
import { fail } from '../errors';
import { listed, suggestion } from '../schema';
import { type FeatureList, type Features, interpretFeatures, type NamedColumn, type NativeColumn } from './features';

/** What a model knows of its columns. */
export interface Signature {
  readonly names: readonly string[];
  /** Of each column: the names or the number of its categories; null for numbers. */
  readonly categories: readonly (readonly string[] | number | null)[];
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]));

/** Whether all of a column is missing: it tells nothing of its kind then. */
function* isEmpty({ categories, column: { data, offset, stride } }: NamedColumn, rows: number): Work<boolean> {
  const isMissing = (value: number): boolean => (categories === null ? Number.isNaN(value) : !(value >= 0));
  let empty = true;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; empty && row < to; row++) empty = isMissing(Number(data[offset + row * stride]));
  });
  return empty;
}

/** Refuses parts of a code; one that the model has not is a category like another. */
function* checkCodes(subject: string, { name, column: { data, offset, stride } }: NamedColumn, rows: number): Work<void> {
  if (!(types.isFloat32Array(data) || types.isFloat64Array(data))) return;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; row < to; row++) {
      const code = data[offset + row * stride]!;
      if (code >= 0 && !Number.isInteger(code))
        fail('ERR_TENSORWOOD_MODEL', `${subject}: expected category codes to be integers in column '${name}', got ${code} in row ${row}`);
    }
  });
}

/** The column as the model reads it. */
function* translate(subject: string, found: NamedColumn, known: readonly string[] | number | null, rows: number): Work<NativeColumn> {
  const given = found.categories;
  if ((known === null) !== (given === null) && (yield* isEmpty(found, rows)))
    return { data: new Float32Array(rows).fill(Number.NaN), offset: 0, stride: 1, categorical: known !== null };
  if (known === null && given !== null)
    fail('ERR_TENSORWOOD_MODEL', `${subject}: expected numbers in column '${found.name}', got categories`);
  if (known === null) return found.column;
  if (given === null && typeof known === 'object')
    fail(
      'ERR_TENSORWOOD_MODEL',
      `${subject}: expected categories in column '${found.name}', got numbers; pass strings or { codes, categories }`,
    );
  yield* checkCodes(subject, found, rows);
  if (typeof known === 'number' || typeof given !== 'object' || given === null || sameNames(known, given))
    return { ...found.column, categorical: true };
  const codeOf = new Map(known.map((name, code) => [name, code]));
  return { ...found.column, categorical: true, remap: Int32Array.from(given, (name) => codeOf.get(name) ?? -1) };
}

function findColumn(subject: string, list: FeatureList, name: string): NamedColumn {
  const names = list.columns.map((c) => c.name);
  const found = list.columns[names.indexOf(name)];
  if (found !== undefined) return found;
  return fail(
    'ERR_TENSORWOOD_MODEL',
    `${subject}: expected a column '${name}' as the model has${suggestion(name, names)}, got ${listed(names)}`,
  );
}

/**
 * The model's columns among the features given; columns that it does not know are left out.
 * @throws ERR_TENSORWOOD_MODEL when one is missing, or holds numbers instead of categories or the reverse
 */
export function* matchFeatures(subject: string, features: Features, signature: Signature): Work<{ rows: number; columns: NativeColumn[] }> {
  const list = yield* interpretFeatures(subject, features);
  if (list.byPlace && list.columns.length !== signature.names.length)
    fail(
      'ERR_TENSORWOOD_MODEL',
      `${subject}: expected rows of ${signature.names.length} values as the model has, got ${list.columns.length}`,
    );
  const columns: NativeColumn[] = [];
  for (const [i, name] of signature.names.entries()) {
    const found = list.byPlace ? list.columns[i]! : findColumn(subject, list, name);
    columns.push(yield* translate(subject, found, signature.categories[i]!, list.rows));
  }
  return { rows: list.rows, columns };
}
