// A data set: features as bins with their labels, in native memory, ready for any number of trainings.
import { fail } from '../errors';
import { native, type RuntimeHandle, runJob, type TableHandle } from '../native';
import { checkIsOptions, type Options, parse } from '../schema';
import { type FeatureList, type Features, interpretFeatures, type NamedColumn, type Numbers } from './features';
import { interpretLabel, interpretWeight, type Label, type Labels } from './label';
import type { Signature } from './match';
import { datasetSchema } from './params';
import { finishInTurns, inPieces, type Work } from './turns';

export interface DatasetOptions extends Options<typeof datasetSchema> {
  /** What to predict. Without it the data set cannot be trained on. */
  readonly label?: Label;
  /** How much a row counts, at least 0. */
  readonly weight?: Numbers | readonly number[];
  readonly signal?: AbortSignal;
}

const mostCategories = 65_535;

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
  checkIsOptions('createDataset', options);
  const { label: _, weight: __, signal, ...rest } = options;
  const values = parse('createDataset', datasetSchema, rest);
  const { list, categories, labels, largestLabel, weight } = await finishInTurns(interpret(features, options), signal);
  const { rows, columns } = list;
  const spec = {
    rows,
    columns: columns.map((c) => c.column),
    categories,
    maxBins: values.maxBins,
    device: values.device,
    label: labels?.values,
    weight,
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
  readonly weight: Numbers | undefined;
}

function* interpret(features: Features, { label, weight }: DatasetOptions): Work<Interpreted> {
  const list = yield* interpretFeatures('dataset', features);
  if (list.rows === 0) fail('ERR_TENSORWOOD_DATA', 'dataset: expected at least one row, got none');
  const categories: number[] = [];
  for (const column of list.columns) categories.push(yield* countCategories(column, list.rows));
  const labels = label === undefined ? undefined : yield* interpretLabel('dataset', label);
  const largestLabel = labels === undefined ? 0 : yield* largestOf(labels.values);
  return { list, categories, labels, largestLabel, weight: yield* interpretWeight('dataset', weight) };
}
