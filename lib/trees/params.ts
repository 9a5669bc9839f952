// Every parameter of tree ensembles, declared once: types, checks, flags, documentation and the block that a model file keeps.
import { fail } from '../errors';
import { choice, integer, number, type Options, show, text, type Values } from '../schema';

const above0 = Number.MIN_VALUE;
const infinity = Number.POSITIVE_INFINITY;

/** Of a data set: how features become bins. */
export const datasetSchema = {
  maxBins: integer(256, [2, 256], 'bins of a numeric column, one of them for missing values'),
  threads: integer(0, [0, 1024], 'threads for this data set and what is trained on it; 0 = the cores of this process'),
  device: text('cpu', 'cpu, or the device that runs those kernels of training that it has (cuda); the model is the same'),
} as const;

/** Of training. Names and defaults follow XGBoost, except learningRate (its 0.3 needs fewer trees and is less accurate). */
export const treeSchema = {
  objective: choice(
    ['regression', 'binary', 'multiclass'],
    'regression',
    'loss: squared error, log loss of two classes, log loss of several; when absent, labels that are names take binary or multiclass',
  ),
  trees: integer(100, [1, 1_000_000], 'boosting rounds; multiclass grows one tree a class in each'),
  classes: integer(0, [0, 65_535], 'number of classes for multiclass; 0 = the largest label + 1'),
  learningRate: number(0.1, [above0, 1], 'how much of each tree counts'),
  growth: choice(['depth', 'leaf'], 'depth', 'split level by level, or always the leaf that gains most'),
  maxDepth: integer(6, [0, 1000], 'deepest leaf; 0 = no limit'),
  maxLeaves: integer(0, [0, 1_000_000], 'most leaves of a tree; 0 = no limit'),
  l1: number(0, [0, infinity], 'L1 penalty of leaf values (alpha)'),
  l2: number(1, [0, infinity], 'L2 penalty of leaf values (lambda)'),
  gamma: number(0, [0, infinity], 'least gain of a split (on the scale of XGBoost: twice the loss)'),
  minChildWeight: number(1, [0, infinity], 'least sum of second derivatives in a leaf'),
  minRowsInLeaf: integer(1, [1, 2 ** 30], 'least rows in a leaf, counted'),
  maxDeltaStep: number(0, [0, infinity], 'largest leaf value before the learning rate; 0 = no limit'),
  rowsPerTree: number(1, [above0, 1], 'share of the rows that a tree grows from (subsample)'),
  columnsPerTree: number(1, [above0, 1], 'share of the columns that a tree may use'),
  columnsPerNode: number(1, [above0, 1], 'share of the columns of the tree that a node may split on'),
  positiveWeight: number(1, [above0, infinity], 'weight of rows of class 1, for binary'),
  oneHotCategories: integer(4, [1, 65_535], 'up to so many categories, a split takes one against the rest'),
  maxCategories: integer(32, [1, 65_535], 'most categories on one side of a split'),
  categorySmoothing: number(10, [0, infinity], "added to a category's second derivatives before sorting"),
  categoryL2: number(10, [0, infinity], 'L2 penalty added when categories are sorted'),
  minRowsInCategory: integer(10, [0, 2 ** 30], 'rows that a category needs in a node to be chosen, counted; in large nodes at times more'),
  minRowsInGroup: integer(100, [0, 2 ** 30], 'rows that a set of categories needs to become a split, counted'),
  earlyStopping: integer(0, [0, 1_000_000], 'rounds without a better first metric on the first evaluation set; 0 = off'),
  seed: integer(0, [0, 2 ** 40], 'of the sampled rows and columns and of rounding'),
} as const;

export type TreeOptions = Options<typeof treeSchema>;
export type TreeValues = Values<typeof treeSchema>;

/** In the order of native/trees/metric.h. */
export const metrics = ['rmse', 'logloss', 'error', 'auc'] as const;
export type MetricName = (typeof metrics)[number];

/** Metrics that an objective has, the default ones first. */
const metricsOf: Readonly<Record<TreeValues['objective'], readonly MetricName[]>> = {
  regression: ['rmse'],
  binary: ['logloss', 'auc', 'error'],
  multiclass: ['logloss', 'error'],
};

/** @throws ERR_TENSORWOOD_ARGUMENT when the objective lacks one of them */
export function chooseMetrics(objective: TreeValues['objective'], asked?: readonly MetricName[]): readonly MetricName[] {
  if (asked !== undefined && !Array.isArray(asked))
    fail('ERR_TENSORWOOD_ARGUMENT', `trainTrees: expected metrics to be a list of names, got ${show(asked)}`);
  const known = metricsOf[objective];
  const wrong = asked?.find((m) => !known.includes(m));
  if (wrong !== undefined)
    fail('ERR_TENSORWOOD_ARGUMENT', `trainTrees: expected metrics among ${known.join(', ')} for ${objective}, got '${String(wrong)}'`);
  return asked === undefined || asked.length === 0 ? known : asked;
}
