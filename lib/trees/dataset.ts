// A data set: features as bins with their labels, in native memory, ready for any number of trainings.

import { fail } from '../errors';
import { native, type RuntimeHandle, runJob, type TableHandle, type TableSpec } from '../native';
import { disposal } from '../realm';
import { type Options, parse } from '../schema';
import { finishInTurns, inPieces, type Work } from '../turns';
import { checkCall } from './check';
import { type FeatureList, type Features, interpretFeatures, learnable, type NamedColumn, type Numbers } from './features';
import { interpretLabel, interpretWeight, type Label, type Labels, refuseMerged, type Weight } from './label';
import type { Signature } from './match';
import { Owned } from './owned';
import { datasetSchema } from './params';
import { warnings } from './warning';

export interface DatasetOptions extends Options<typeof datasetSchema> {
  /** What to predict. Without it the data set cannot be trained on. */
  readonly label?: Label;
  /** How much a row counts, at least 0. */
  readonly weight?: Weight;
  readonly signal?: AbortSignal;
}

const mostCategories = 65_535;

/** How many categories a column has, 0 for numbers. */
function countCategories({ name, categories }: NamedColumn): number {
  if (categories === null) return 0;
  const count = typeof categories === 'number' ? categories : Math.max(1, categories.length);
  if (count > mostCategories)
    fail(
      'ERR_TENSORWOOD_DATA',
      `dataset: expected at most ${mostCategories} categories in column '${name}', got ${count}; group the rare ones, or leave the column out`,
    );
  return count;
}

// structuredClone() and postMessage() would make a copy without the rows: a symbol stops them, and its text says what to do.
const notCloned = Symbol('a data set; send its columns instead, and call createDataset() there');

export class Dataset {
  /** Of native memory, which no structuredClone() copies. @internal */
  readonly native = notCloned;
  readonly rows: number;
  readonly signature: Signature;
  /** Names of the classes when labels came with names. */
  readonly classes: readonly string[] | undefined;
  /** Labels came as booleans: two classes, 0 and 1. */
  readonly booleans: boolean;
  /** Largest label. */
  readonly largestLabel: number;
  /** @internal */
  readonly owned: Owned<TableHandle>;

  /** @internal use createDataset */
  constructor(parts: {
    rows: number;
    signature: Signature;
    classes: readonly string[] | undefined;
    booleans: boolean;
    largestLabel: number;
    runtime: RuntimeHandle;
    table: TableHandle;
  }) {
    this.rows = parts.rows;
    this.signature = parts.signature;
    this.classes = parts.classes;
    this.booleans = parts.booleans;
    this.largestLabel = parts.largestLabel;
    this.owned = new Owned(parts.table, 'dataset: expected a data set', (table) => {
      native().dispose(table);
      native().dispose(parts.runtime);
    });
  }

  /** Bytes of native memory, the bins of each column, and the device that trains. */
  describe(): { rows: number; bytes: number; bins: number[]; device: string } {
    const { rows, bytes, bins, device } = native().describeTable(this.owned.handle);
    return { rows, bytes, bins, device };
  }

  /** A data set is no JSON. @throws ERR_TENSORWOOD_ARGUMENT */
  toJSON(): never {
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      'dataset: expected its columns for JSON.stringify(), got the data set, whose rows are in native memory',
    );
  }

  /** Frees the native memory, at the end of the trainings that have begun. Idempotent. */
  dispose(): void {
    this.owned.dispose();
  }

  [disposal](): void {
    this.dispose();
  }
}

const checkedIntegers = 2 ** 20; // rows

/** Tells of a column of integers beyond 2^53 of which two that differ are one number. */
function* tellMerged({ name, integers }: NamedColumn): Work<void> {
  if (integers === undefined) return;
  const integerOf = new Map<number, bigint>();
  let merged: { row: number; with: bigint } | undefined;
  yield* inPieces(Math.min(integers.length, checkedIntegers), (from, to) => {
    for (let row = from; merged === undefined && row < to; row++) {
      const integer = integers[row];
      if (typeof integer !== 'bigint' || Number.isSafeInteger(Number(integer))) continue;
      const other = integerOf.get(Number(integer));
      if (other === undefined) integerOf.set(Number(integer), integer);
      else if (other !== integer) merged = { row, with: other };
    }
  });
  if (merged === undefined) return;
  const shown = `${integers[merged.row]} in row ${merged.row} with ${merged.with}`;
  warnings.tell(
    `dataset: column '${name}' holds integers beyond 2^53, of which 64-bit floats merge some, as ${shown}; pass them as text to keep them apart`,
    'TENSORWOOD_MERGED_INTEGERS',
  );
}

/**
 * Reads features in place and codes them as bins: numbers at sampled quantiles, categories as they are. Missing values (NaN, codes below 0, the empty
 * text) get a bin of their own, so a split sends them the better way. Numbers are compared as 32-bit floats, and those of a column where that would merge
 * values that a split should part, as 64-bit ones.
 *
 * @param features a table, a record of columns, or `{ values, columns }`: one row-major matrix. Do not change or transfer them, labels or
 *   weights before the promise settles.
 * @throws ERR_TENSORWOOD_DATA (no rows, a missing label, codes out of range, too many categories), _SHAPE (lengths differ), _DEVICE (cannot be used here),
 *   _ARGUMENT, _MEMORY
 */
export async function createDataset(features: Features, options: DatasetOptions = {}): Promise<Dataset> {
  checkCall('createDataset', options);
  const { label: _, weight: __, signal, ...rest } = options;
  const values = parse('createDataset', datasetSchema, rest);
  const { list, categories, labels, weight } = await finishInTurns(interpret(features, options), signal);
  const { rows, columns } = list;
  const names = columns.map((c) => c.name);
  const spec: TableSpec = {
    rows,
    columns: columns.map((c) => c.column),
    names,
    categories,
    maxBins: values.maxBins,
    device: values.device,
    label: labels?.values,
    weight,
  };
  const runtime = native().createRuntime('cpu', values.threads, '');
  try {
    const table = await runJob(() => native().createTable(runtime, spec), signal);
    const signature = { names, categories: columns.map((c) => c.categories) };
    const { largestLabel } = native().describeTable(table);
    const { classes, booleans = false } = labels ?? {};
    return new Dataset({ rows, signature, classes, booleans, largestLabel, runtime, table });
  } catch (error) {
    native().dispose(runtime);
    throw error;
  }
}

interface Interpreted {
  readonly list: FeatureList;
  readonly categories: readonly number[];
  readonly labels: Labels | undefined;
  readonly weight: Numbers | undefined;
}

function* interpret(features: Features, { label, weight }: DatasetOptions): Work<Interpreted> {
  const found = yield* interpretFeatures('dataset', features);
  if (found.rows === 0) fail('ERR_TENSORWOOD_DATA', 'dataset: expected at least one row, got none');
  for (const column of found.columns) yield* tellMerged(column);
  const learned: NamedColumn[] = [];
  for (const column of found.columns) {
    learned.push(learnable(column));
    yield;
  }
  const list = { ...found, columns: learned };
  const categories = list.columns.map(countCategories);
  const labels = label === undefined ? undefined : yield* interpretLabel('dataset', label);
  if (labels !== undefined) yield* refuseMerged('dataset', labels);
  return { list, categories, labels, weight: yield* interpretWeight('dataset', weight) };
}
