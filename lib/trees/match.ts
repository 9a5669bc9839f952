// Features for a model that was trained on others: columns by name (or place, for a matrix), categories translated to the model's codes.

import { types } from 'node:util';
import { fail } from '../errors';
import { counted, listed, suggestion } from '../schema';
import { inPieces, type Work } from '../turns';
import {
  type FeatureList,
  type Features,
  interpretFeatures,
  missingCode,
  type NamedColumn,
  type NativeColumn,
  unknownCategory,
} from './features';
import { tellUnknown } from './warning';

/** What a model knows of its columns. */
export interface Signature {
  readonly names: readonly string[];
  /** Of each column: the names or the number of its categories; null for numbers. */
  readonly categories: readonly (readonly string[] | number | null)[];
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]));

/** The first row for which the test holds, or -1. */
function* findRow(rows: number, test: (row: number) => boolean): Work<number> {
  let found = -1;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; found < 0 && row < to; row++) if (test(row)) found = row;
  });
  return found;
}

/** Tells the rows of a column that hold a value. */
function presence({ categories, column: { data, offset, stride } }: NamedColumn): (row: number) => boolean {
  const valueAt = (row: number): number => Number(data[offset + row * stride]);
  if (categories === null) return (row) => !Number.isNaN(valueAt(row));
  if (typeof categories === 'number') return (row) => valueAt(row) >= 0;
  return (row) => valueAt(row) >= 0 && categories[valueAt(row)] !== '';
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

/** What a column is matched with. */
interface Target {
  readonly subject: string;
  readonly rows: number;
  /** What the model knows of the column. */
  readonly known: readonly string[] | number | null;
  /** Columns of which it was told that the model knows none of their values. */
  readonly told: Set<string>;
}

const looksLikeNumber = (text: string | undefined): boolean => text !== undefined && text.trim() !== '' && !Number.isNaN(Number(text));

/** Says which value is none: the first that is no text of a number, or the first text. */
function* refuseCategories({ subject, rows }: Target, { name, categories, column: { data, offset, stride } }: NamedColumn): Work<never> {
  const expected = `${subject}: expected numbers in column '${name}', got categories`;
  if (typeof categories !== 'object' || categories === null) fail('ERR_TENSORWOOD_MODEL', expected);
  const textOf = (row: number): string | undefined => categories[Number(data[offset + row * stride])];
  const isText = (row: number): boolean => textOf(row) !== undefined && textOf(row) !== '';
  const odd = yield* findRow(rows, (row) => isText(row) && !looksLikeNumber(textOf(row)));
  const row = odd >= 0 ? odd : yield* findRow(rows, isText);
  const cures =
    odd >= 0
      ? 'read it with { numbers }, and name what is no number in { missing }; pass null where there is no number'
      : 'read it with { numbers }; pass numbers, as values.map(Number)';
  return fail('ERR_TENSORWOOD_MODEL', `${expected}, as '${textOf(row)}' in row ${row}; ${cures}`);
}

/** Where a model knows names, booleans are the texts true and false. */
const named = (found: NamedColumn, known: Target['known']): NamedColumn =>
  found.booleans && typeof known === 'object' && known !== null ? { ...found, categories: ['false', 'true'] } : found;

/** The column as the model reads it. */
function* translate(target: Target, given: NamedColumn): Work<NativeColumn> {
  const { subject, rows, known } = target;
  const found = named(given, known);
  const { name, categories, column } = found;
  if ((known === null) !== (categories === null) && (yield* findRow(rows, presence(found))) < 0)
    return { data: new Float32Array(rows).fill(Number.NaN), offset: 0, stride: 1, categorical: known !== null };
  if (known === null) return categories === null ? column : yield* refuseCategories(target, found);
  if (categories === null && typeof known === 'object')
    fail(
      'ERR_TENSORWOOD_MODEL',
      `${subject}: expected categories in column '${name}', got numbers; pass strings or { codes, categories }, or read the table with readCsv(file, { like: forest })`,
    );
  yield* checkCodes(subject, found, rows);
  const { remap: _, ...codes } = column;
  const remap = typeof known === 'object' && typeof categories === 'object' ? recodeTo(known, categories!) : undefined;
  yield* tellWhereUnknown(target, found, remap);
  return { ...codes, categorical: true, ...(remap && { remap }) };
}

/** The model's code for each of the caller's; undefined where they are the same. */
function recodeTo(known: readonly string[], given: readonly string[]): Int32Array | undefined {
  if (sameNames(known, given)) return undefined;
  const codeOf = new Map(known.map((name, code) => [name, code]));
  return Int32Array.from(given, (name) => codeOf.get(name) ?? (name === '' ? missingCode : unknownCategory));
}

function* tellWhereUnknown({ subject, rows, known, told }: Target, found: NamedColumn, remap: Int32Array | undefined): Work<void> {
  const { name, categories, column } = found;
  if (known === null || told.has(name)) return;
  const { data, offset, stride } = column;
  const count = typeof known === 'number' ? known : known.length;
  const codeOf = (row: number): number => Number(data[offset + row * stride]);
  const knownCode = (code: number): number => (remap === undefined ? code : (remap[code] ?? unknownCategory));
  const isPresent = presence(found);
  if ((yield* findRow(rows, (row) => isPresent(row) && knownCode(codeOf(row)) < count)) >= 0) return;
  const row = yield* findRow(rows, isPresent);
  if (row < 0) return;
  const code = codeOf(row);
  const example = typeof categories === 'object' ? (categories?.[code] ?? code) : code;
  tellUnknown(subject, told, { name, known, example });
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
 * The model's columns among the features given; columns that it does not know are left out. Of a column without a value that it knows it is told once:
 * `told` remembers of which.
 * @throws ERR_TENSORWOOD_MODEL when one is missing, or holds numbers instead of categories or the reverse
 */
export function* matchFeatures(
  subject: string,
  features: Features,
  signature: Signature,
  told = new Set<string>(),
): Work<{ rows: number; columns: NativeColumn[] }> {
  const list = yield* interpretFeatures(subject, features);
  if (list.byPlace && list.columns.length !== signature.names.length)
    fail(
      'ERR_TENSORWOOD_MODEL',
      `${subject}: expected rows of ${counted(signature.names.length, 'value')} as the model has, got ${list.columns.length}`,
    );
  const columns: NativeColumn[] = [];
  for (const [i, name] of signature.names.entries()) {
    const found = list.byPlace ? list.columns[i]! : findColumn(subject, list, name);
    columns.push(yield* translate({ subject, rows: list.rows, known: signature.categories[i]!, told }, { ...found, name }));
    yield;
  }
  return { rows: list.rows, columns };
}
