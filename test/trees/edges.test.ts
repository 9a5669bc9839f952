// The edges of what is accepted: it does what a user expects.
import { describe, expect, it } from 'vitest';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { makeSample } from './tables';

const sample = makeSample(200, 3);
const binary = Float32Array.from(sample.score, (s) => Number(s > 0));
const names = Array.from(binary, (v) => (v === 1 ? 'yes' : 'no'));
const matrix = { values: sample.values, columns: 5 };

describe('plain arrays', () => {
  it('are columns of numbers, null is missing', async () => {
    const columns = { a: [1, 2, null, 4], b: [0.5, 1, 2, 3], c: [null, null, undefined, null] };
    using data = await createDataset(columns, { label: [0, 1, 0, 1] });
    expect(data.signature).toEqual({ names: ['a', 'b', 'c'], categories: [null, null, null] });
    await expect(createDataset({ a: [1, 'x'] as never })).rejects.toThrow(
      /expected numbers alone or strings alone in column 'a', got string in row 1/,
    );
  });
});

describe('a column named columns', () => {
  it('is a column like another', async () => {
    using data = await createDataset({ columns: ['a', 'b'], rows: Float32Array.of(1, 2) });
    expect(data.signature).toEqual({ names: ['columns', 'rows'], categories: [['a', 'b'], null] });
  });
});

describe('the empty text', () => {
  it('is missing in a column, in a row and in training', async () => {
    const town = Array.from({ length: 200 }, (_, i) => ['Oslo', 'Rome', '', null][i % 4]!);
    using data = await createDataset({ town }, { label: town.map((name) => (name === 'Oslo' ? 3 : name ? 1 : 2)) });
    expect(data.signature.categories).toEqual([['Oslo', 'Rome']]);
    using forest = await trainTrees(data, { trees: 20, learningRate: 0.5 });
    const [empty, missing] = await forest.predict({ town: ['', null] });
    expect(empty).toBe(missing);
    expect(empty).toBeCloseTo(2, 3);
    expect(forest.predictRow({ town: '' })).toEqual(empty);
  });
});

describe('a column of numbers of a table', () => {
  it('is a label', async () => {
    using data = await createDataset(matrix, { label: { kind: 'number', name: 'late', values: binary } });
    expect(data.rows).toBe(200);
  });
});

describe('labels to evaluate on', () => {
  it('are coded as the data set codes its own, in whatever order their names come', async () => {
    using data = await createDataset(matrix, { label: names });
    const codes = Int32Array.from(binary, (v) => 2 - v);
    const label = { codes, categories: ['unused', 'yes', 'no'] };
    const seen: unknown[] = [];
    const evaluation = { names: { features: matrix, label: names }, codes: { features: matrix, label } };
    using _ = await trainTrees(data, { trees: 3, evaluation, onProgress: (p) => seen.push(p.evaluation) });
    const [, , last] = seen as { names: { error: number } }[];
    expect(last).toMatchObject({ codes: last!.names });
    expect(last!.names.error).toBeLessThan(0.3);
  });
});

describe('data without much in it', () => {
  it('a constant column and an all-missing column are never split on', async () => {
    const columns = {
      constant: new Float32Array(200).fill(3),
      missing: new Float32Array(200).fill(Number.NaN),
      useful: Float32Array.from({ length: 200 }, (_, i) => sample.values[i * 5]!),
    };
    using data = await createDataset(columns, { label: sample.score });
    using forest = await trainTrees(data, { trees: 5 });
    const splits = Object.fromEntries(forest.importance().map((f) => [f.name, f.splits]));
    expect(splits).toMatchObject({ constant: 0, missing: 0 });
    expect(splits.useful).toBeGreaterThan(0);
  });

  it('one row, or nothing to split on, gives a model that answers the mean', async () => {
    using data = await createDataset({ a: Float32Array.of(1) }, { label: [5] });
    using forest = await trainTrees(data, { trees: 3 });
    expect(forest.predictSync({ a: Float32Array.of(9, Number.NaN) })).toEqual(Float32Array.of(5, 5));
  });

  it('infinite features are the largest numbers', async () => {
    const a = Float32Array.of(-Infinity, -1, 1, Infinity);
    using data = await createDataset({ a }, { label: [0, 1, 2, 3] });
    using forest = await trainTrees(data, { trees: 200, learningRate: 0.5, minChildWeight: 0, l2: 0 });
    forest.predictSync({ a }).forEach((p, i) => {
      expect(p).toBeCloseTo(i, 3);
    });
  });
});

it('a tree of few leaves is grown though it could have more than memory holds', async () => {
  const rows = 20_000;
  const label = Float32Array.from({ length: rows }, (_, i) => i % 2);
  const codes = new Int32Array(rows);
  const wide = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`c${i}`, { codes, categories: 65_535 }]));
  using data = await createDataset({ ...wide, a: label }, { label, threads: 1 });
  using forest = await trainTrees(data, { growth: 'leaf', maxDepth: 0, trees: 1, minChildWeight: 8000 });
  expect(forest.importance()[0]).toMatchObject({ name: 'a', splits: 1 });
});
