// A data set: features as bins with their labels, in native memory, ready for any number of trainings.
import { fail } from '../errors';
import { native, type RuntimeHandle, runJob, type TableHandle } from '../native';
import { type Options, parse } from '../schema';
import {
  type Dictionary,
  encodeNames,
  type FeatureList,
  type Features,
  interpretFeatures,
  isNumbers,
  type NamedColumn,
  type Numbers,
} from './features';
import type { Signature } from './match';
import { datasetSchema } from './params';
import { finish, finishInTurns, inPieces, type Work } from './turns';

/** One a row: numbers, or classes by code or by name. */
export type Label = Numbers | readonly number[] | Dictionary | readonly string[];

export interface DatasetOptions extends Options<typeof datasetSchema> {
  /** What to predict. Without it the data set cannot be trained on. */
  readonly label?: Label;
  /** How much a row counts, at least 0. */
  readonly weight?: Numbers | readonly number[];
  readonly signal?: AbortSignal;
}

const mostCategories = 65_535;

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
interface Labels {
  readonly values: Numbers;
  readonly classes?: readonly string[];
}

/** Names of classes are coded in their alphabetical order, or by the codes that came with them. */
function* interpretLabel(subject: string, label: Label): Work<Labels> {
  if (isNumbers(label)) return { values: label };
  const { codes, categories } = (label ?? {}) as Dictionary;
  if (!Array.isArray(label) && !isNumbers(codes))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected label to be numbers, strings or { codes, categories }`);
  yield* findMissing(subject, label);
  if (Array.isArray(label)) return yield* interpretList(subject, label);
  return typeof categories === 'number' ? { values: codes } : { values: codes, classes: categories };
}

function* interpretList(subject: string, label: readonly unknown[]): Work<Labels> {
  const kind = typeof label[0] === 'string' ? 'string' : 'number';
  const values = new Float32Array(label.length);
  yield* inPieces(label.length, (from, to) => {
    for (let row = from; row < to; row++) {
      const value = label[row];
      if (typeof value !== kind)
        fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${kind}s as labels like the first, got ${typeof value} in row ${row}`);
      values[row] = value as number;
    }
  });
  return kind === 'number' ? { values } : yield* sortClasses(label as readonly string[]);
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
export function interpretLabelLike({ classes: known }: Dataset, subject: string, label: Label): Numbers {
  const { values, classes } = finish(interpretLabel(subject, label));
  if ((classes === undefined) !== (known === undefined)) {
    const [expected, got] = known === undefined ? ['numbers', 'names of classes'] : ['names of classes', 'numbers'];
    fail('ERR_TENSORWOOD_DATA', `${subject}: expected labels to be ${expected} as in the data set, got ${got}`);
  }
  if (classes === undefined || known === undefined) return values;
  const codeOf = new Map(known.map((name, code) => [name, code]));
  const codes = Int32Array.from(classes, (name) => codeOf.get(name) ?? -1);
  return finish(recode(values, codes, (row) => failUnknown(subject, known, classes[Number(values[row])], row)));
}

function failUnknown(subject: string, known: readonly string[], name: string | undefined, row: number): never {
  const listed = `${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''}`;
  const got = name === undefined ? 'a code of none' : `'${name}'`;
  return fail('ERR_TENSORWOOD_DATA', `${subject}: expected labels among the classes of the data set (${listed}), got ${got} in row ${row}`);
}

export const interpretWeight = (weight: Numbers | readonly number[] | undefined): Numbers | undefined =>
  weight === undefined || isNumbers(weight) ? weight : new Float32Array(weight);

/** How many categories a column has, 0 for numbers. Every code must be one of them, or missing. */
function* countCategories({ name, categories, column }: NamedColumn, rows: number): Work<number> {
  if (categories === null) return 0;
  const count = typeof categories === 'number' ? categories : Math.max(1, categories.length);
  if (count > mostCategories)
    fail(
      'ERR_TENSORWOOD_DATA',
      `dataset: expected at most ${mostCategories} categories in column '${name}', got ${count}; group the rare ones`,
    );
  const { data, offset, stride } = column;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; row < to; row++) {
      const code = Number(data[offset + row * stride]);
      if (code >= count || (code >= 0 && !Number.isInteger(code)))
        fail('ERR_TENSORWOOD_DATA', `dataset: expected category codes in [0, ${count - 1}] in column '${name}', got ${code} in row ${row}`);
    }
  });
  return count;
}

export class Dataset {
  readonly rows: number;
  readonly signature: Signature;
  /** Names of the classes when labels came with names. */
  readonly classes: readonly string[] | undefined;
  /** Largest label. */
  readonly largestLabel: number;
  #runtime: RuntimeHandle;
  #table: TableHandle | undefined;

  /** @internal use createDataset */
  constructor(parts: {
    rows: number;
    signature: Signature;
    classes: readonly string[] | undefined;
    largestLabel: number;
    runtime: RuntimeHandle;
    table: TableHandle;
  }) {
    this.rows = parts.rows;
    this.signature = parts.signature;
    this.classes = parts.classes;
    this.largestLabel = parts.largestLabel;
    this.#runtime = parts.runtime;
    this.#table = parts.table;
  }

  /** @internal */
  get table(): TableHandle {
    return this.#table ?? fail('ERR_TENSORWOOD_DISPOSED', 'dataset: expected a data set that is alive, got one that was disposed of');
  }

  /** Bytes of native memory, the bins of each column, and the device that trains. */
  describe(): { rows: number; bytes: number; bins: number[]; device: string } {
    return native().describeTable(this.table);
  }

  /** Frees the native memory. Idempotent. */
  dispose(): void {
    if (this.#table === undefined) return;
    native().dispose(this.#table);
    native().dispose(this.#runtime);
    this.#table = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Reads features in place and codes them as bins: numbers at sampled quantiles, categories as they are. Missing values (NaN, codes below 0)
 * get a bin of their own, so a split sends them the better way. Numbers are rounded to 32-bit floats.
 *
 * @param features a table, a record of columns, or `{ values, columns }`: one row-major matrix. Do not change them before the promise settles.
 * @throws ERR_TENSORWOOD_DATA (no rows, a missing label, codes out of range, too many categories), _SHAPE (lengths differ), _DEVICE (cannot be used here),
 *   _ARGUMENT, _MEMORY
 */
export async function createDataset(features: Features, options: DatasetOptions = {}): Promise<Dataset> {
  const { label, weight, signal, ...rest } = options;
  const values = parse('createDataset', datasetSchema, rest);
  const { list, categories, labels, largestLabel } = await finishInTurns(interpret(features, label), signal);
  const { rows, columns } = list;
  const spec = {
    rows,
    columns: columns.map((c) => c.column),
    categories,
    maxBins: values.maxBins,
    device: values.device,
    label: labels?.values,
    weight: interpretWeight(weight),
  };
  const runtime = native().createRuntime('cpu', values.threads, '');
  try {
    const table = await runJob(() => native().createTable(runtime, spec), signal);
    const signature = { names: columns.map((c) => c.name), categories: columns.map((c) => c.categories) };
    return new Dataset({ rows, signature, classes: labels?.classes, largestLabel, runtime, table });
  } catch (error) {
    native().dispose(runtime);
    throw error;
  }
}

function* largestOf(values: Numbers): Work<number> {
  let largest = 0;
  yield* inPieces(values.length, (from, to) => {
    for (let row = from; row < to; row++) largest = Math.max(largest, Number(values[row]) || 0);
  });
  return largest;
}

interface Interpreted {
  readonly list: FeatureList;
  readonly categories: readonly number[];
  readonly labels: Labels | undefined;
  readonly largestLabel: number;
}

function* interpret(features: Features, label: Label | undefined): Work<Interpreted> {
  const list = yield* interpretFeatures('dataset', features);
  if (list.rows === 0) fail('ERR_TENSORWOOD_DATA', 'dataset: expected at least one row, got none');
  const categories: number[] = [];
  for (const column of list.columns) categories.push(yield* countCategories(column, list.rows));
  if (label === undefined) return { list, categories, labels: undefined, largestLabel: 0 };
  const labels = yield* interpretLabel('dataset', label);
  return { list, categories, labels, largestLabel: yield* largestOf(labels.values) };
}
