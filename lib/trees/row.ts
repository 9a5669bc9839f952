// One row for prediction: values in the model's order or a record by column name, checked and coded as native code reads them. It runs once a call of
// predictRow, so that the checks are a few comparisons a value.
import { types } from 'node:util';
import { describe, fail } from '../errors';
import { suggestion } from '../schema';
import { isNumbers } from './features';
import type { Signature } from './match';

/**
 * Values in the model's order (categories by their code in the model), or a record by column name. A category may be one that the model has not; the empty
 * text is missing, as in a file, unless the model has that category.
 */
export type Row = Float32Array | readonly (number | null | undefined)[] | Readonly<Record<string, number | string | null | undefined>>;

interface RowColumn {
  readonly name: string;
  /** How many categories; -1 for numbers. */
  readonly count: number;
  readonly codes: ReadonlyMap<string, number> | null;
}

// A category that the model does not know: above every code.
const unknownCategory = 2 ** 24;

function columnsOf({ names, categories }: Signature): RowColumn[] {
  return names.map((name, i) => {
    const known = categories[i]!;
    if (typeof known !== 'object') return { name, count: known, codes: null };
    if (known === null) return { name, count: -1, codes: null };
    return { name, count: known.length, codes: new Map(known.map((category, code) => [category, code])) };
  });
}

function refuseValue({ name, count, codes }: RowColumn, value: unknown): never {
  const categories = codes === null ? 'category codes' : `categories by name, or codes in [0, ${count - 1}],`;
  const expected = count < 0 ? 'numbers' : categories;
  return fail('ERR_TENSORWOOD_MODEL', `predictRow: expected ${expected} in column '${name}', got ${describe(value)}`);
}

/** A number, or the code of a category; NaN when it is missing. */
function readNumber(column: RowColumn, value: unknown): number {
  if (value === null || value === undefined) return Number.NaN;
  if (typeof value !== 'number') return refuseValue(column, value);
  if (column.count < 0) return value;
  if (!(value >= 0)) return Number.NaN;
  if (!Number.isInteger(value)) return refuseValue(column, value);
  return value < column.count ? value : unknownCategory;
}

const readName = (codes: ReadonlyMap<string, number>, name: string): number =>
  codes.get(name) ?? (name === '' ? Number.NaN : unknownCategory);

function refuseKeys(record: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  const wrong = Object.keys(record).find((key) => !names.includes(key));
  if (wrong !== undefined)
    fail('ERR_TENSORWOOD_MODEL', `predictRow: expected the columns of the model only, got '${wrong}'${suggestion(wrong, names)}`);
}

/**
 * Reads rows into one array that the next row overwrites. A Float32Array for a model of numbers alone is given back as it is.
 * The reader throws ERR_TENSORWOOD_MODEL for a row of another form, a missing or unknown column, and a value that its column cannot hold.
 */
export function createRowReader(signature: Signature): (row: Row) => Float32Array {
  const { names } = signature;
  const columns = columnsOf(signature);
  const plain = columns.every((c) => c.count < 0);
  const found = new Float32Array(names.length);

  function readArray(row: ArrayLike<unknown>): Float32Array {
    if (row.length !== names.length) fail('ERR_TENSORWOOD_MODEL', `predictRow: expected ${names.length} values, got ${row.length}`);
    for (let i = 0; i < columns.length; i++) found[i] = readNumber(columns[i]!, row[i]);
    return found;
  }

  function readRecord(row: Readonly<Record<string, unknown>>): Float32Array {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const value = row[column.name];
      if (value === undefined && !(column.name in row))
        fail('ERR_TENSORWOOD_MODEL', `predictRow: expected a value for '${column.name}'; pass null when it is missing`);
      found[i] = typeof value === 'string' && column.codes !== null ? readName(column.codes, value) : readNumber(column, value);
    }
    let keys = 0;
    for (const _ in row) keys++;
    if (keys !== columns.length) refuseKeys(row, names);
    return found;
  }

  return (row) => {
    if (plain && types.isFloat32Array(row)) return row;
    if (typeof row !== 'object' || row === null)
      fail(
        'ERR_TENSORWOOD_MODEL',
        `predictRow: expected a row of ${names.length} values, as an array or a record by column name, got ${describe(row)}`,
      );
    return Array.isArray(row) || isNumbers(row) ? readArray(row) : readRecord(row as Readonly<Record<string, unknown>>);
  };
}
