// What trees count and sum: rows of leaves and categories to the last one, and gradients beside others a million times their size.
import { describe, expect, it } from 'vitest';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import { createDataset, type DatasetOptions } from '../../lib/trees/dataset';
import type { Features } from '../../lib/trees/features';
import { randomSequence } from './tables';

interface Tree {
  readonly feature: number[];
  readonly left: number[];
  readonly value: number[];
  readonly rows: number[];
  readonly gain: number[];
  readonly set?: number[];
  readonly sets?: number[];
}

async function grow(features: Features, about: DatasetOptions, options: TrainOptions): Promise<Tree[]> {
  using data = await createDataset(features, about);
  using forest = await trainTrees(data, options);
  return JSON.parse(await forest.toJSONText()).trees;
}
const leafRows = (trees: Tree[]): number[] => trees.flatMap((tree) => tree.rows.filter((_, i) => tree.feature[i]! < 0));

const rows = 4000;
const random = randomSequence(9);
const [a, b] = [Float32Array.from({ length: rows }, random), Float32Array.from({ length: rows }, random)];
const town = Int32Array.from({ length: rows }, () => Math.floor(60 * random() ** 2));
const rare = Float32Array.from(a, (v, i) => Number((v > 0.97 && random() < 0.6) || town[i]! % 7 === 3 || random() < 0.005));
const features = { a, b, town: { codes: town, categories: 60 } };
const weight = Float32Array.from(a, () => (random() < 0.01 ? 10_000 : 0.01 + random()));

const fits: [string, Float32Array, TrainOptions][] = [
  ['regression', a.map((v, i) => Math.sin(9 * v) + b[i]!), { objective: 'regression' }],
  ['binary', rare, { objective: 'binary' }],
  ['multiclass', rare.map((v, i) => v + Number(b[i]! > 0.9)), { objective: 'multiclass', classes: 3 }],
  ['sampled rows', rare, { objective: 'binary', rowsPerTree: 0.5, columnsPerNode: 0.6 }],
  ['leaf by leaf', rare, { objective: 'binary', growth: 'leaf', maxLeaves: 30, maxDepth: 0 }],
];

describe.each([undefined, weight])('with weights %#', (weights) => {
  it.each(fits)('%s: no leaf has fewer rows than asked for', async (_, label, options) => {
    const about = weights === undefined ? { label } : { label, weight: weights };
    const few = { trees: 40, minRowsInLeaf: 60, minChildWeight: 0, l2: 0.1, minRowsInCategory: 20, minRowsInGroup: 30, ...options };
    const found = leafRows(await grow(features, about, few));
    expect(Math.min(...found)).toBeGreaterThanOrEqual(60);
    expect(found.length).toBeGreaterThan(80);
  });
});

it('splits off exactly as many rows as asked for, however little they weigh', async () => {
  const x = Float32Array.from({ length: 500 }, (_, i) => Number(i < 20));
  const about = { label: x, weight: x.map((v) => (v === 1 ? 0.01 : 1)) };
  const sides = async (minRowsInLeaf: number) =>
    leafRows(await grow({ x }, about, { trees: 1, maxDepth: 1, minChildWeight: 0, l2: 0, minRowsInLeaf })).sort((p, q) => p - q);
  expect(await sides(20)).toEqual([20, 480]);
  expect(await sides(21)).toEqual([500]);
});

describe('the first tree', () => {
  const label = Float32Array.from({ length: 500 }, (_, i) => Number(i < 37));
  const x = Float32Array.from(label, (v, i) => 10 * v + (i % 3));
  const code = Int32Array.from(label, (v, i) => (v === 1 ? 5 : i % 5));
  const tasks = { regression: {}, binary: { objective: 'binary' } } as const;

  it.each(['regression', 'binary'] as const)('%s: splits off exactly as many rows as asked for, and no fewer', async (task) => {
    const options = { ...tasks[task], trees: 1, maxDepth: 1, minChildWeight: 0 };
    const sides = async (minRowsInLeaf: number) =>
      leafRows(await grow({ x }, { label }, { ...options, minRowsInLeaf })).sort((p, q) => p - q);
    expect(await sides(37)).toEqual([37, 463]);
    expect((await sides(38))[0]).not.toBe(37);
  });

  it.each(['regression', 'binary'] as const)(
    '%s: chooses a category of exactly as many rows as asked for, and of no fewer',
    async (task) => {
      const options = { ...tasks[task], trees: 1, maxDepth: 1, minChildWeight: 0, minRowsInGroup: 1, oneHotCategories: 1 };
      const table = { code: { codes: code, categories: 6 } };
      const sides = async (minRowsInCategory: number) => leafRows(await grow(table, { label }, { ...options, minRowsInCategory }));
      expect(Math.min(...(await sides(37)))).toBe(37);
      expect(Math.min(...(await sides(38)))).not.toBe(37);
    },
  );
});

it('adds a tree once to the row that it is grown from when no row is sampled', async () => {
  using data = await createDataset({ x: [0, 1] }, { label: [2, -2] });
  using forest = await trainTrees(data, { trees: 2, learningRate: 1, l2: 0, rowsPerTree: 1e-12 });
  expect(Array.from(await forest.predict({ x: [0, 1] }))).toEqual([2, 2]);
});

describe('gradients', () => {
  it.each([1, 1e4, 1e6, 1e9])('of a row of weight %f take nothing from the others', async (heavy) => {
    const x = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 ? 1 : -1));
    const weights = new Float32Array(1000).fill(1);
    weights[0] = heavy;
    const predict = async (trees: number): Promise<number> => {
      using data = await createDataset({ x }, { label: x, weight: weights });
      using forest = await trainTrees(data, { trees, learningRate: 1, maxDepth: 1 });
      return (await forest.predict({ x: [1] }))[0]!;
    };
    const mean = (heavy * -1 + 500 - 499) / (heavy + 999);
    expect(await predict(1)).toBeCloseTo(mean + ((1 - mean) * 500) / 501, 5);
    expect(await predict(10)).toBeCloseTo(1, 5);
  });

  it('of one label of 1e12 leave no rounding in the leaves of the others', async () => {
    const x = Float32Array.from({ length: 4000 }, (_, i) => i % 200);
    using data = await createDataset({ x }, { label: x.map((v, i) => (i === 0 ? 1e12 : 1e6 * v)) });
    using forest = await trainTrees(data, { trees: 1, learningRate: 1, maxDepth: 20, l2: 0 });
    const predicted = await forest.predict({ x: x.subarray(1, 200) });
    const errors = predicted.map((p, i) => Math.abs(p - 1e6 * (i + 1)));
    expect(Math.max(...errors)).toBeLessThan(64); // an f32 of the mean label is good to 16
  });

  it('of rows that the weight of positives takes below a float count as others do', async () => {
    using data = await createDataset({ x: [0, 1] }, { label: [0, 1], weight: [0, 2e-38] });
    using forest = await trainTrees(data, { objective: 'binary', trees: 2, positiveWeight: 1e-10 });
    expect((await forest.predict({ x: [0, 1] })).every((p) => p > 0.99)).toBe(true);
  });

  it('of one label of a million leave the others as good as without it', async () => {
    const label = a.map((v, i) => Math.sin(9 * v) + b[i]!);
    const error = async (labels: Float32Array): Promise<number> => {
      using data = await createDataset({ a, b }, { label: labels });
      using forest = await trainTrees(data, { trees: 300, maxDepth: 5 });
      const predicted = await forest.predict({ a, b });
      return Math.sqrt(predicted.reduce((sum, p, i) => sum + (i === 7 ? 0 : (p - label[i]!) ** 2), 0) / rows);
    };
    expect(await error(label.map((v, i) => (i === 7 ? 1e6 : v)))).toBeLessThan(4 * (await error(label)));
  });
});

it('tells importances of labels past the square root of a float as of others', async () => {
  const label = a.map((v, i) => 3 * v + b[i]!);
  const gains = async (scale: number) => {
    using data = await createDataset({ a, b }, { label: label.map((v) => v * scale) });
    using forest = await trainTrees(data, { trees: 20, maxDepth: 4, l2: 0, minChildWeight: 0 });
    const json = JSON.parse(await forest.toJSONText()) as { trees: Tree[] };
    return { importance: forest.importance(), gain: json.trees[0]!.gain };
  };
  const [small, large] = [await gains(1), await gains(2 ** 83)];
  expect(large.importance.map((f) => [f.name, f.splits])).toEqual(small.importance.map((f) => [f.name, f.splits]));
  for (const [i, f] of large.importance.entries()) expect(f.gain / 2 ** 166 / small.importance[i]!.gain).toBeCloseTo(1, 5);
  expect(large.gain[0]! / 2 ** 166 / small.gain[0]!).toBeCloseTo(1, 5);
});
