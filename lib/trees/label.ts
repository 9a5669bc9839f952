// Labels and weights of rows: what users pass, checked and coded as native code reads them.
import { types } from 'node:util';
import type { NumberColumn } from '../data/table';
import { describe, fail } from '../errors';
import { listed } from '../schema';
import { inPieces, type Work } from '../turns';
import { type Cell, isMissing, numberOf, refuseCell } from './cell';
import { type Dictionary, distinctNames, encodeNames, isNumbers, type Numbers, requireDictionary } from './features';

/** One a row: numbers (in a list also bigints and Dates), classes by code or by name, or booleans, which are two classes; a column of a table too. */
export type Label = Numbers | readonly Exclude<Cell, string | null | undefined>[] | Dictionary | readonly string[] | NumberColumn;

/** One a row: how much it counts, at least 0. */
export type Weight = Numbers | readonly number[];

/** Tells rows without a label: null, undefined, an empty name, NaN, or a code below 0 of named classes. */
function missingTest(label: Label): (row: number) => boolean {
  if (isNumbers(label)) return (row) => Number.isNaN(label[row]);
  if (Array.isArray(label)) return (row) => isMissing(label[row]) || Number.isNaN(numberOf(label[row]));
  const { codes, categories } = label as Dictionary;
  if (typeof categories === 'number') return () => false;
  return (row) => !(Number(codes[row]) >= 0) || categories[Number(codes[row])] === '';
}

const countLabels = (label: Label): number => (isNumbers(label) || Array.isArray(label) ? label : (label as Dictionary).codes).length;

function* findMissing(subject: string, label: Label): Work<void> {
  const isMissing = missingTest(label);
  yield* inPieces(countLabels(label), (from, to) => {
    for (let row = from; row < to; row++)
      if (isMissing(row)) fail('ERR_TENSORWOOD_DATA', `${subject}: the label is missing in row ${row}; leave such rows out`);
  });
}

/** The rows that have a label. */
export function labelledRows(label: Label): Uint32Array {
  const isMissing = missingTest(label);
  return Uint32Array.from({ length: countLabels(label) }, (_, row) => row).filter((row) => !isMissing(row));
}

/** Labels as numbers, with the names of the classes where there are any. */
export interface Labels {
  readonly values: Numbers;
  readonly classes?: readonly string[];
  /** They came as booleans: two classes, 0 and 1. */
  readonly booleans?: boolean;
}

/** Names of classes are coded in their alphabetical order, or by the codes that came with them. */
export function* interpretLabel(subject: string, label: Label): Work<Labels> {
  const values = isNumbers(label) ? label : (label as NumberColumn | null | undefined)?.values;
  if (isNumbers(values)) {
    yield* checkRange(subject, 'labels', values);
    return { values };
  }
  if (Array.isArray(label)) {
    yield* findMissing(subject, label);
    return yield* interpretList(subject, label);
  }
  const { codes, categories } = requireDictionary(subject, 'label to be numbers, strings', label);
  yield* findMissing(subject, label);
  if (typeof categories === 'number') return { values: codes };
  const names = distinctNames(categories);
  if (names === undefined) return { values: codes, classes: categories };
  const refuse = (row: number): never =>
    fail('ERR_TENSORWOOD_DATA', `${subject}: expected labels among the ${categories.length} classes, got code ${codes[row]} in row ${row}`);
  return { values: yield* recode(codes, names.remap, refuse), classes: names.categories };
}

/** The values of a list as numbers. */
function* readNumbers(subject: string, what: string, list: readonly unknown[]): Work<Float64Array> {
  const values = new Float64Array(list.length);
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) values[row] = numberOf(list[row]) ?? refuseCell(subject, `numbers as ${what}`, list[row], row);
  });
  return values;
}

function* readNames(subject: string, what: string, list: readonly unknown[]): Work<readonly string[]> {
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) if (typeof list[row] !== 'string') refuseCell(subject, `strings as ${what}`, list[row], row);
  });
  return list as readonly string[];
}

function* interpretList(subject: string, label: readonly unknown[]): Work<Labels> {
  if (typeof label[0] !== 'string') {
    const values = yield* readNumbers(subject, 'labels', label);
    yield* checkRange(subject, 'labels', values);
    return { values, booleans: label.length > 0 && label.every((cell) => typeof cell === 'boolean') };
  }
  return yield* sortClasses(yield* readNames(subject, 'labels like the first', label));
}

const largest = 3.4028234663852886e38; // of the 32-bit floats
const least = 2 ** -126; // of them in full precision

/** Refuses what no 32-bit float comes near; NaN is left to native code. */
function* checkRange(subject: string, what: string, values: Numbers): Work<void> {
  yield* inPieces(values.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const value = Number(values[row]);
      if (!(Math.abs(value) > largest)) continue;
      const finite = Number.isFinite(value);
      const expected = finite ? `${what} within ±3.4e38, which 32-bit floats hold` : `finite ${what}`;
      const cure = finite ? 'scale them down' : 'leave such rows out';
      fail('ERR_TENSORWOOD_DATA', `${subject}: expected ${expected}, got ${value} in row ${row}; ${cure}`);
    }
  });
}

const tolerated = 1e-4; // of the spread of the labels

/**
 * Refuses labels that 32-bit floats, in which scores are kept, tell apart too badly.
 * @throws ERR_TENSORWOOD_DATA with an example
 */
export function* refuseMerged(subject: string, { values, classes }: Labels): Work<void> {
  if (classes !== undefined || types.isFloat32Array(values)) return;
  let [low, high, error, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  yield* inPieces(values.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const value = Number(values[row]);
      low = Math.min(low, value);
      high = Math.max(high, value);
      if (!(Math.abs(value - Math.fround(value)) > error)) continue;
      error = Math.abs(value - Math.fround(value));
      worst = row;
    }
  });
  if (!(high > low) || error <= tolerated * (high - low)) return;
  const value = Number(values[worst]);
  fail(
    'ERR_TENSORWOOD_DATA',
    `${subject}: expected labels that 32-bit floats tell apart, got ${value} in row ${worst}, which they round to ${Math.fround(value)}, ` +
      `where all lie between ${low} and ${high}; subtract ${low} from every label`,
  );
}

function* sortClasses(names: readonly string[]): Work<Labels> {
  const { codes, categories } = yield* encodeNames(names);
  const classes = categories.toSorted();
  const rankOf = new Map(classes.map((name, rank) => [name, rank]));
  return {
    values: yield* recode(
      codes,
      Int32Array.from(categories, (name) => rankOf.get(name)!),
      () => {},
    ),
    classes,
  };
}

/** `to[code]` for each code; `refuse` is called with the first row whose code has none, or one below 0. */
function* recode(codes: Numbers, to: Int32Array, refuse: (row: number) => void): Work<Float32Array> {
  const values = new Float32Array(codes.length);
  yield* inPieces(codes.length, (from, end) => {
    for (let row = from; row < end; row++) {
      const value = to[Number(codes[row])] ?? -1;
      if (value < 0) refuse(row);
      values[row] = value;
    }
  });
  return values;
}

/**
 * Labels of other rows as the data set codes its own: named when its labels have names, numbers when they are numbers.
 * @throws ERR_TENSORWOOD_DATA when they are not, or a name is none of its classes
 */
export function* translateLabel(subject: string, label: Label, known: readonly string[] | undefined): Work<Numbers> {
  const { values, classes } = yield* interpretLabel(subject, label);
  if ((classes === undefined) !== (known === undefined)) {
    const [expected, got] = known === undefined ? ['numbers', 'names of classes'] : ['names of classes', 'numbers'];
    fail('ERR_TENSORWOOD_DATA', `${subject}: expected labels to be ${expected} as in the data set, got ${got}`);
  }
  if (classes === undefined || known === undefined) return values;
  const codeOf = new Map(known.map((name, code) => [name, code]));
  const codes = Int32Array.from(classes, (name) => codeOf.get(name) ?? -1);
  return yield* recode(values, codes, (row) => failUnknown(subject, known, classes[Number(values[row])], row));
}

function failUnknown(subject: string, known: readonly string[], name: string | undefined, row: number): never {
  const got = name === undefined ? 'a code of none' : `'${name}'`;
  return fail(
    'ERR_TENSORWOOD_DATA',
    `${subject}: expected labels among the classes of the data set (${listed(known)}), got ${got} in row ${row}`,
  );
}

/** Refuses weights that are all so small that 32-bit floats lose them. */
function* checkLeast(subject: string, values: Numbers): Work<void> {
  let most = 0;
  yield* inPieces(values.length, (from, to) => {
    for (let row = from; row < to; row++) most = Math.max(most, Number(values[row]));
  });
  if (most > 0 && most < least)
    fail('ERR_TENSORWOOD_DATA', `${subject}: expected weights of at least 1.2e-38, got ${most} as the largest; scale them up`);
}

export function* interpretWeight(subject: string, weight: Weight | undefined): Work<Numbers | undefined> {
  if (weight === undefined) return undefined;
  if (!isNumbers(weight) && !Array.isArray(weight))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected weight to be numbers, one a row, got ${describe(weight)}`);
  const values = isNumbers(weight) ? weight : yield* readNumbers(subject, 'weights', weight);
  yield* checkRange(subject, 'weights', values);
  yield* checkLeast(subject, values);
  return values;
}
