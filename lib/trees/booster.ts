// Training of boosted trees: options and evaluation sets in, one native job, a forest out.

import { types } from 'node:util';
import { describe, fail } from '../errors';
import { type GrowSpec, type LabelledSpec, native, runJob } from '../native';
import { parse, suggestion } from '../schema';
import { finishInTurns, type Work } from '../turns';
import { checkCall, checkFunction } from './check';
import { Dataset } from './dataset';
import type { Features } from './features';
import { type About, Forest } from './forest';
import { interpretWeight, type Label, translateLabel, type Weight } from './label';
import { matchFeatures } from './match';
import { chooseMetrics, type MetricName, metrics, type TreeOptions, type TreeValues, treeSchema } from './params';

/** Rows with labels on which every round is judged. */
export interface EvaluationSet {
  readonly features: Features;
  readonly label: Label;
  readonly weight?: Weight;
}

/** After a round: how many there are, and the metrics of each evaluation set. */
export interface TreeProgress {
  readonly round: number;
  readonly rounds: number;
  readonly evaluation: Readonly<Record<string, Readonly<Partial<Record<MetricName, number>>>>>;
}

export interface TrainOptions extends TreeOptions {
  readonly evaluation?: Readonly<Record<string, EvaluationSet>>;
  /** Default: all that the objective has. The first one decides early stopping. */
  readonly metrics?: readonly MetricName[];
  /** Called after rounds, in order; several at once when the event loop was busy. */
  readonly onProgress?: (progress: TreeProgress) => void;
  /** Stops within a tree and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Gets the forest of the rounds that were finished before the signal stopped the training; it is yours to dispose of. */
  readonly onAborted?: (forest: Forest) => void;
}

const indexOf = <T>(list: readonly T[] | undefined, value: T): number => list!.indexOf(value);

function countClasses(dataset: Dataset, values: TreeValues): number {
  if (values.objective !== 'multiclass') return 1;
  const found = values.classes || dataset.classes?.length || Math.floor(dataset.largestLabel) + 1;
  if (found < 2) fail('ERR_TENSORWOOD_DATA', `trainTrees: expected labels of at least two classes, got ${found}; the smallest class is 0`);
  if (found > 65_535) fail('ERR_TENSORWOOD_DATA', `trainTrees: expected at most 65535 classes, got ${found}`);
  return found;
}

/** Named classes are never numbers to regress on: without an objective two take binary, as booleans do, more multiclass. */
function completeOptions({ classes, booleans }: Dataset, options: TreeOptions): TreeOptions {
  if (classes === undefined) return booleans ? { ...options, objective: options.objective ?? 'binary' } : options;
  const fitting = classes.length > 2 ? 'multiclass' : 'binary';
  if (options.objective === 'regression')
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `trainTrees: expected labels that are numbers for regression, got names of classes; use { objective: '${fitting}' }`,
    );
  return { ...options, objective: options.objective ?? fitting };
}

function requireDataset(dataset: unknown): void {
  if (dataset instanceof Dataset) return;
  const found = types.isPromise(dataset) ? 'a promise; await it' : typeof dataset;
  fail('ERR_TENSORWOOD_ARGUMENT', `trainTrees: expected a data set from await createDataset(features, { label }), got ${found}`);
}

function checkSets(evaluation: unknown): void {
  if (evaluation === undefined || (typeof evaluation === 'object' && evaluation !== null && !Array.isArray(evaluation))) return;
  const expected = 'trainTrees: expected evaluation to be sets by name, as { test: { features, label } }';
  fail('ERR_TENSORWOOD_ARGUMENT', `${expected}, got ${describe(evaluation)}`);
}

const setKeys = ['features', 'label', 'weight'];

function checkSet(subject: string, set: unknown): void {
  if (typeof set !== 'object' || set === null)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected { features, label }, got ${describe(set)}`);
  const wrong = Object.keys(set).find((key) => !setKeys.includes(key));
  if (wrong !== undefined)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected features, label and weight only, got '${wrong}'${suggestion(wrong, setKeys)}`);
}

function* interpretSet(subject: string, { signature, classes }: Dataset, set: EvaluationSet, told: Set<string>): Work<LabelledSpec> {
  checkSet(subject, set);
  const { rows, columns } = yield* matchFeatures(subject, set.features, signature, told);
  if (rows === 0) fail('ERR_TENSORWOOD_DATA', `${subject}: expected at least one row, got none`);
  const label = yield* translateLabel(subject, set.label, classes);
  return { rows, columns, label, weight: yield* interpretWeight(subject, set.weight) };
}

function* interpretSets(dataset: Dataset, evaluation: TrainOptions['evaluation'] = {}): Work<LabelledSpec[]> {
  const sets: LabelledSpec[] = [];
  const told = new Set<string>();
  for (const [name, set] of Object.entries(evaluation)) sets.push(yield* interpretSet(`evaluation '${name}'`, dataset, set, told));
  return sets;
}

/** Events hold [round, metrics of the first set..., metrics of the second...], one after the other. */
function* readEvents(
  events: Float64Array,
  names: readonly string[],
  chosen: readonly MetricName[],
  rounds: number,
): Generator<TreeProgress> {
  const width = 1 + names.length * chosen.length;
  for (let at = 0; at < events.length; at += width) {
    const metricsOf = (set: number) => Object.fromEntries(chosen.map((m, i) => [m, events[at + 1 + set * chosen.length + i]!]));
    yield { round: events[at]!, rounds, evaluation: Object.fromEntries(names.map((name, set) => [name, metricsOf(set)])) };
  }
}

/**
 * Grows an ensemble of boosted trees (XGBoost's second-order objective, LightGBM's leaf-wise growth and categories) on all threads, off the
 * event loop. The model's bits depend on data, options and seed only: not on the number of threads, nor the instruction set.
 * Without an objective, labels with names of classes take binary (two) or multiclass (more), booleans take binary, and numbers regression.
 * Do not change evaluation sets before the promise settles.
 *
 * @throws ERR_TENSORWOOD_DATA (NaN or out-of-range labels, one class), _MODEL (an evaluation set has other columns), _ARGUMENT (no data
 *   set, an option out of range, regression on named classes), _MEMORY, _DEVICE (it
 *   failed); the signal's reason when aborted
 */
export async function trainTrees(dataset: Dataset, options: TrainOptions = {}): Promise<Forest> {
  requireDataset(dataset);
  checkCall('trainTrees', options);
  const { evaluation, metrics: asked, onProgress, signal, onAborted, ...rest } = options;
  checkFunction('trainTrees', 'onProgress', onProgress);
  checkFunction('trainTrees', 'onAborted', onAborted);
  checkSets(evaluation);
  const values = parse('trainTrees', treeSchema, completeOptions(dataset, rest));
  const chosen = chooseMetrics(values.objective, asked);
  const classes = countClasses(dataset, values);
  const names = Object.keys(evaluation ?? {});
  if (values.earlyStopping > 0 && names.length === 0)
    fail('ERR_TENSORWOOD_ARGUMENT', 'trainTrees: expected an evaluation set with earlyStopping, got none; give one as { evaluation }');
  const about: About = { ...dataset.signature, parameters: { ...values, classes }, ...(dataset.classes && { classes: dataset.classes }) };
  const spec: Omit<GrowSpec, 'sets'> = {
    ...values,
    classes,
    objective: indexOf(treeSchema.objective.choices, values.objective),
    policy: indexOf(treeSchema.growth.choices, values.growth),
    metrics: chosen.map((m) => indexOf(metrics, m)),
    about: JSON.stringify(about),
  };
  const listen =
    onProgress &&
    ((events: Float64Array): void => {
      for (const progress of readEvents(events, names, chosen, values.trees)) onProgress(progress);
    });
  const handle = await dataset.owned.lend(async (table) => {
    const sets = await finishInTurns(interpretSets(dataset, evaluation), signal);
    return await runJob(() => native().growForest(table, { ...spec, sets }, listen), signal);
  });
  const forest = new Forest(handle, about);
  if (!signal?.aborted) return forest;
  if (onAborted === undefined) forest.dispose();
  onAborted?.(forest);
  throw signal.reason;
}
