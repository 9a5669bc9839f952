// Labels and weights of rows: what users pass, checked and coded as native code reads them.
import type { NumberColumn } from '../data/table';
import { finish, inPieces, type Work } from '../data/turns';
import { describe, fail } from '../errors';
import { listed } from '../schema';
import { type Dictionary, encodeNames, isNumbers, type Numbers, requireDictionary } from './features';

/** One a row: numbers, or classes by code or by name; a column of a table too. */
export type Label = Numbers | readonly number[] | Dictionary | readonly string[] | NumberColumn;

/** Tells rows without a label: null, undefined, an empty name, NaN, or a code below 0 of named classes. */
function missingTest(label: Label): (row: number) => boolean {
  if (isNumbers(label)) return (row) => Number.isNaN(label[row]);
  if (Array.isArray(label))
    return (row) => label[row] === null || label[row] === undefined || label[row] === '' || Number.isNaN(label[row]);
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

/** @throws ERR_TENSORWOOD_DATA when a row has no label */
export const refuseMissing = (subject: string, label: Label): void => finish(findMissing(subject, label));

/** Labels as numbers, with the names of the classes where there are any. */
export interface Labels {
  readonly values: Numbers;
  readonly classes?: readonly string[];
}

/** Names of classes are coded in their alphabetical order, or by the codes that came with them. */
export function* interpretLabel(subject: string, label: Label): Work<Labels> {
  const values = isNumbers(label) ? label : (label as NumberColumn | null | undefined)?.values;
  if (isNumbers(values)) return { values };
  if (Array.isArray(label)) {
    yield* findMissing(subject, label);
    return yield* interpretList(subject, label);
  }
  const { codes, categories } = requireDictionary(subject, 'label to be numbers, strings', label);
  yield* findMissing(subject, label);
  return typeof categories === 'number' ? { values: codes } : { values: codes, classes: categories };
}

/** Values of one kind, as floats; NaN where they are strings. */
function* readList(subject: string, what: string, list: readonly unknown[], kind: 'number' | 'string'): Work<Float32Array> {
  const values = new Float32Array(list.length);
  yield* inPieces(list.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const value = list[row];
      if (typeof value !== kind)
        fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${kind}s as ${what}, got ${typeof value} in row ${row}`);
      values[row] = value as number;
    }
  });
  return values;
}

function* interpretList(subject: string, label: readonly unknown[]): Work<Labels> {
  if (typeof label[0] !== 'string') return { values: yield* readList(subject, 'labels', label, 'number') };
  yield* readList(subject, 'labels like the first', label, 'string');
  return yield* sortClasses(label as readonly string[]);
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

export function* interpretWeight(subject: string, weight: Numbers | readonly number[] | undefined): Work<Numbers | undefined> {
  if (weight === undefined || isNumbers(weight)) return weight;
  if (!Array.isArray(weight))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected weight to be numbers, one a row, got ${describe(weight)}`);
  return yield* readList(subject, 'weights', weight, 'number');
}
