// A data set: features as bins with their labels, in native memory, ready for any number of trainings.
import { fail } from '../errors';
import { native, type RuntimeHandle, runJob, type TableHandle } from '../native';
import { type Options, parse } from '../schema';
import { type Dictionary, type Features, interpretFeatures, isNumbers, type NamedColumn, type Numbers } from './features';
import type { Signature } from './match';
import { datasetSchema } from './params';

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

/** The first row without a label, or -1: null, undefined, an empty name, NaN, or a code below 0 of named classes. */
function findMissing(label: Label): number {
  if (Array.isArray(label)) {
    const missing = (value: unknown): boolean => value === null || value === undefined || value === '';
    return label.findIndex((value) => missing(value) || Number.isNaN(value));
  }
  if (isNumbers(label)) return (label as Float32Array).findIndex(Number.isNaN);
  const { codes, categories } = label as Dictionary;
  if (!Array.isArray(categories)) return -1;
  return (codes as Float32Array).findIndex((code) => !(code >= 0) || categories[Number(code)] === '');
}

/** @throws ERR_TENSORWOOD_DATA when a row has no label */
export function refuseMissing(subject: string, label: Label): void {
  const row = findMissing(label);
  if (row >= 0) fail('ERR_TENSORWOOD_DATA', `${subject}: the label is missing in row ${row}; leave such rows out`);
}

/** Labels as numbers, with the names of the classes where there are any. */
export function interpretLabel(subject: string, label: Label, known?: readonly string[]): { values: Numbers; classes?: readonly string[] } {
  if (isNumbers(label)) return { values: label };
  if (!Array.isArray(label)) {
    const { codes, categories } = label as Dictionary;
    if (!isNumbers(codes)) fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected label to be numbers, strings or { codes, categories }`);
    if (typeof categories === 'number') return { values: codes };
    refuseMissing(subject, label);
    if (known === undefined) return { values: codes, classes: categories };
    return { values: Float32Array.from(codes as ArrayLike<number>, (c) => known.indexOf(categories[Number(c)] ?? '')), classes: known };
  }
  refuseMissing(subject, label);
  if (typeof label[0] !== 'string') return { values: Float32Array.from(label as number[]) };
  const wrong = label.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected strings as labels like the first, got ${typeof label[wrong]} in row ${wrong}`);
  const classes = known ?? [...new Set(label as string[])].sort();
  const codeOf = new Map(classes.map((name, code) => [name, code]));
  return { values: Float32Array.from(label as string[], (name) => codeOf.get(name) ?? Number.NaN), classes };
}

export const interpretWeight = (weight: Numbers | readonly number[] | undefined): Numbers | undefined =>
  weight === undefined || isNumbers(weight) ? weight : Float32Array.from(weight);

/** How many categories a column has, 0 for numbers. Every code must be one of them, or missing. */
function countCategories({ name, categories, column }: NamedColumn, rows: number): number {
  if (categories === null) return 0;
  const count = typeof categories === 'number' ? categories : Math.max(1, categories.length);
  if (count > mostCategories)
    fail(
      'ERR_TENSORWOOD_DATA',
      `dataset: expected at most ${mostCategories} categories in column '${name}', got ${count}; group the rare ones`,
    );
  const { data, offset, stride } = column;
  for (let row = 0; row < rows; row++) {
    const code = Number(data[offset + row * stride]);
    if (code >= count || (code >= 0 && !Number.isInteger(code)))
      fail('ERR_TENSORWOOD_DATA', `dataset: expected category codes in [0, ${count - 1}] in column '${name}', got ${code} in row ${row}`);
  }
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
 * @param features a table, a record of columns, or `{ values, columns }`: one row-major matrix. Do not change or transfer them before the promise
 *   settles.
 * @throws ERR_TENSORWOOD_DATA (no rows, a missing label, codes out of range, too many categories), _SHAPE (lengths differ), _DEVICE (cannot be used here),
 *   _ARGUMENT, _MEMORY
 */
export async function createDataset(features: Features, options: DatasetOptions = {}): Promise<Dataset> {
  const { label, weight, signal, ...rest } = options;
  const values = parse('createDataset', datasetSchema, rest);
  const { rows, columns } = interpretFeatures('dataset', features);
  if (rows === 0) fail('ERR_TENSORWOOD_DATA', 'dataset: expected at least one row, got none');
  const categories = columns.map((c) => countCategories(c, rows));
  const interpreted = label === undefined ? undefined : interpretLabel('dataset', label);
  const runtime = native().createRuntime('cpu', values.threads, '');
  const spec = {
    rows,
    columns: columns.map((c) => c.column),
    categories,
    maxBins: values.maxBins,
    device: values.device,
    label: interpreted?.values,
    weight: interpretWeight(weight),
  };
  try {
    const table = await runJob(() => native().createTable(runtime, spec), signal);
    const signature = { names: columns.map((c) => c.name), categories: columns.map((c) => c.categories) };
    const largestLabel = interpreted === undefined ? 0 : largestOf(interpreted.values);
    return new Dataset({ rows, signature, classes: interpreted?.classes, largestLabel, runtime, table });
  } catch (error) {
    native().dispose(runtime);
    throw error;
  }
}

function largestOf(values: Numbers): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) if (Number(values[i]) > largest) largest = Number(values[i]);
  return largest;
}
