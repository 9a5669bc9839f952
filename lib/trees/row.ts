// One row for prediction: values in the model's order or a record by column name, checked and coded as native code reads them. It runs once a call of
// predictRow, so that the checks are a few comparisons a value.
import { types } from 'node:util';
import { describe, fail } from '../errors';
import { counted, suggestion } from '../schema';
import { type Cell, cureOf, isMissing, numberOf } from './cell';
import { isNumbers, type Numbers, unknownCategory } from './features';
import type { Signature } from './match';
import { tellUnknown } from './warning';

/**
 * Values in the model's order, or a record by column name. Categories by name; by their code in the model only where values are given in its order, or its
 * categories have no names. A category may be one that the model has not. The empty text is missing, as everywhere, unless the model has that category.
 * Booleans, bigints and Dates are numbers.
 */
export type Row = Numbers | readonly Cell[] | Readonly<Record<string, Cell>>;

/** As native code reads it: the caller's floats, or values in an array that the next row overwrites. */
export type NativeRow = Float32Array | Float64Array;

interface RowColumn {
  readonly name: string;
  /** How many categories; -1 for numbers. */
  readonly count: number;
  readonly codes: ReadonlyMap<string, number> | null;
}

function columnsOf({ names, categories }: Signature): RowColumn[] {
  return names.map((name, i) => {
    const known = categories[i]!;
    if (typeof known !== 'object') return { name, count: known, codes: null };
    if (known === null) return { name, count: -1, codes: null };
    return { name, count: known.length, codes: new Map(known.map((category, code) => [category, code])) };
  });
}

const spelledBooleans: Readonly<Record<string, boolean>> = { true: true, True: true, TRUE: true, false: false, False: false, FALSE: false };

/** What to pass in place of a value where numbers are expected. */
function numberCure(value: unknown): string {
  if (typeof value !== 'string') return cureOf(value);
  const flag = spelledBooleans[value];
  if (flag !== undefined) return `; pass ${flag}`;
  return Number.isNaN(Number(value)) ? '' : '; pass Number(value)';
}

function refuseValue({ name, count, codes }: RowColumn, value: unknown, byName: boolean): never {
  const refuse = (expected: string, cure: string): never =>
    fail('ERR_TENSORWOOD_MODEL', `predictRow: expected ${expected} in column '${name}', got ${describe(value)}${cure}`);
  if (count < 0) return refuse('numbers', numberCure(value));
  if (codes === null) return refuse('category codes', cureOf(value));
  if (!byName) return refuse(`categories by name, or codes in [0, ${count - 1}],`, cureOf(value));
  return refuse('categories by name', typeof value === 'object' ? cureOf(value) : `; pass the text '${value}'`);
}

/** A number, or the code of a category: NaN when it is missing, unknownCategory when the model has not that one. By name, a number is no code of a name. */
function readValue(column: RowColumn, value: unknown, byName: boolean): number {
  const { codes, count } = column;
  if (codes !== null && (typeof value === 'string' || typeof value === 'boolean')) {
    const name = String(value);
    return codes.get(name) ?? (name === '' ? Number.NaN : unknownCategory);
  }
  if (isMissing(value)) return Number.NaN;
  const number = numberOf(value) ?? refuseValue(column, value, byName);
  if (count < 0) return number;
  if (typeof value === 'object') return refuseValue(column, value, byName); // a Date is no category
  if (byName && codes !== null && !Number.isNaN(number)) return refuseValue(column, value, byName);
  if (!(number >= 0)) return Number.NaN;
  if (!Number.isInteger(number)) return refuseValue(column, value, byName);
  return number < count ? number : unknownCategory;
}

function refuseKeys(record: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  const wrong = Object.keys(record).find((key) => !names.includes(key));
  if (wrong !== undefined)
    fail('ERR_TENSORWOOD_MODEL', `predictRow: expected the columns of the model only, got '${wrong}'${suggestion(wrong, names)}`);
}

/**
 * Reads rows into one array that the next row overwrites. Floats for a model of numbers alone are given back as they are. Of a column whose value the model
 * does not know it is told once: `told` remembers of which.
 * The reader throws ERR_TENSORWOOD_MODEL for a row of another form, a missing or unknown column, and a value that its column cannot hold.
 */
export function createRowReader(signature: Signature, told = new Set<string>()): (row: Row) => NativeRow {
  const { names } = signature;
  const columns = columnsOf(signature);
  const plain = columns.every((c) => c.count < 0);
  const found = new Float64Array(names.length);

  function readOther(place: number, value: unknown, byName: boolean): number {
    const column = columns[place]!;
    const number = readValue(column, value, byName);
    if (number === unknownCategory && column.count >= 0)
      tellUnknown('predictRow', told, {
        name: column.name,
        known: signature.categories[place]!,
        example: typeof value === 'boolean' ? String(value) : (value as string | number),
      });
    return number;
  }

  function readArray(row: ArrayLike<unknown>): NativeRow {
    if (row.length !== names.length)
      fail('ERR_TENSORWOOD_MODEL', `predictRow: expected ${counted(names.length, 'value')}, got ${row.length}`);
    for (let i = 0; i < columns.length; i++) {
      const value = row[i];
      found[i] = typeof value === 'number' && columns[i]!.count < 0 ? value : readOther(i, value, false);
    }
    return found;
  }

  function readRecord(row: Readonly<Record<string, unknown>>): NativeRow {
    for (let i = 0; i < columns.length; i++) {
      const { name, count } = columns[i]!;
      const value = row[name];
      if (value === undefined && !(name in row))
        fail('ERR_TENSORWOOD_MODEL', `predictRow: expected a value for '${name}'; pass null when it is missing`);
      found[i] = typeof value === 'number' && count < 0 ? value : readOther(i, value, true);
    }
    let keys = 0;
    for (const _ in row) keys++;
    if (keys !== columns.length) refuseKeys(row, names);
    return found;
  }

  return (row) => {
    if (plain && (types.isFloat32Array(row) || types.isFloat64Array(row))) return row;
    if (typeof row !== 'object' || row === null)
      fail(
        'ERR_TENSORWOOD_MODEL',
        `predictRow: expected a row of ${counted(names.length, 'value')}, as an array or a record by column name, got ${describe(row)}`,
      );
    return Array.isArray(row) || isNumbers(row) ? readArray(row) : readRecord(row as Readonly<Record<string, unknown>>);
  };
}
