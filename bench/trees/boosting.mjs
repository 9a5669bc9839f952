// Boosted trees from the raw matrix to the finished model, and prediction: higgs-like (numbers) against XGBoost, real flights (categories) against
// LightGBM, 100 trees each. Accuracy cases hold that the speed is not bought with it.
import { createRequire } from 'node:module';
import { findTable, readTable } from '../tables.mjs';

const require = createRequire(import.meta.url);
const { createDataset } = require('../../dist/trees/dataset.js');
const { trainTrees } = require('../../dist/trees/booster.js');
const { native } = require('../../dist/native.js');

const threads = Math.min(2, native().describe().cores);
const trees = 100;

const subjects = {
  'higgs-like 1M x 28, depth 10': { table: ['higgs-like', 1_000_000], peer: 'xgboost', auc: 0.9987, options: { maxDepth: 10 } },
  'flights 2.9M x 7, 512 leaves': {
    table: ['flights', 2_900_000],
    peer: 'lightgbm',
    auc: 0.9977,
    options: { growth: 'leaf', maxLeaves: 512, maxDepth: 0, minRowsInLeaf: 20, minChildWeight: 1e-3, l2: 0 },
  },
};

const loaded = new Map();

/** The table, and the model that was trained last on it. */
async function load(name) {
  if (loaded.has(name)) return loaded.get(name);
  const table = readTable(await findTable(...subjects[name].table));
  const count = (column) => table.train.reduce((most, v, i) => (i % table.columns === column && v > most ? v : most), 0) + 1;
  const categories = Object.fromEntries(table.categorical.map((column) => [column, count(column)]));
  const features = (values) => ({ values, columns: table.columns, categories });
  const state = { ...table, train: features(table.train), test: features(table.test), forest: undefined };
  loaded.set(name, state);
  return state;
}

async function train(name) {
  const state = await load(name);
  const start = performance.now();
  const data = await createDataset(state.train, { label: state.trainLabel, threads });
  const forest = await trainTrees(data, { objective: 'binary', trees, learningRate: 0.1, ...subjects[name].options });
  const seconds = (performance.now() - start) / 1000;
  data.dispose();
  state.forest?.dispose();
  state.forest = forest;
  return seconds;
}

async function trained(name) {
  const state = await load(name);
  if (state.forest === undefined) await train(name);
  return state;
}

/** Mann-Whitney; ties count half. */
function areaUnderCurve(scores, labels) {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
  let [below, area, positive] = [0, 0, 0];
  for (let i = 0; i < order.length; ) {
    let [tiedNegative, tiedPositive] = [0, 0];
    for (const score = scores[order[i]]; i < order.length && scores[order[i]] === score; i++) {
      if (labels[order[i]] > 0.5) tiedPositive++;
      else tiedNegative++;
    }
    area += tiedPositive * (below + tiedNegative / 2);
    below += tiedNegative;
    positive += tiedPositive;
  }
  return area / (below * positive);
}

const measures = {
  train: train,
  async auc(name) {
    const { forest, test, testLabel } = await trained(name);
    return areaUnderCurve(await forest.predict(test), testLabel);
  },
  async predict(name) {
    const { forest, test } = await trained(name);
    const start = performance.now();
    await forest.predict(test);
    return (performance.now() - start) / 1000;
  },
  async row(name) {
    const { forest, test, columns } = await trained(name);
    const calls = 20_000;
    const start = performance.now();
    for (let i = 0; i < calls; i++) forest.predictRow(test.values.subarray((i % 100) * columns, (i % 100) * columns + columns));
    return ((performance.now() - start) / calls) * 1000;
  },
};

const kinds = [
  { kind: 'train', words: 'train, binning included', unit: 's', better: 'less', bar: () => 1, repeats: 1 },
  { kind: 'auc', words: 'AUC on 100,000 rows', unit: '', better: 'more', bar: ({ auc }) => auc, repeats: 1 },
  { kind: 'predict', words: 'predict 100,000 rows', unit: 's', better: 'less', bar: () => null, repeats: 3 },
  { kind: 'row', words: 'predict one row', unit: 'us', better: 'less', bar: () => null, repeats: 3 },
];

export const cases = Object.entries(subjects).flatMap(([name, subject]) =>
  kinds.map(({ kind, words, unit, better, bar, repeats }) => ({
    name: `${name}: ${words}`,
    unit,
    better,
    repeats,
    compare: { [subject.peer]: bar(subject) },
    peers: {
      get [subject.peer]() {
        return ['trees.py', subject.peer, loaded.get(name).folder, kind, trees, threads];
      },
    },
    async prepare() {
      const state = await load(name);
      state.folder = await findTable(...subject.table);
      return { measure: () => measures[kind](name) };
    },
  })),
);
