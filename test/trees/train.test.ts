// Training from end to end: what the model learns, bits that do not depend on threads, instruction set or the form of the features.
import { describe, expect, it, vi } from 'vitest';
import { native } from '../../lib/native';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import { createDataset, type DatasetOptions } from '../../lib/trees/dataset';
import type { Features } from '../../lib/trees/features';
import { parseForest } from '../../lib/trees/forest';
import { binaryLabels, columnsOf, makeSample } from './tables';

const sample = makeSample(4000, 1);
const label = binaryLabels(sample);
const matrix = { values: sample.values, columns: 5, categories: { 4: 12 } };

async function trainText(features: Features, options: TrainOptions, dataset: DatasetOptions = {}): Promise<string> {
  using data = await createDataset(features, { label, ...dataset });
  using forest = await trainTrees(data, { objective: 'binary', trees: 12, ...options });
  return await forest.toJSONText();
}

const withoutNames = (text: string): string => text.replace(/"about":.*\n/, '');

describe('training', () => {
  it('learns interactions, missing values and categories', async () => {
    const held = makeSample(2000, 2);
    const heldLabel = binaryLabels(held);
    using data = await createDataset(matrix, { label });
    using forest = await trainTrees(data, { objective: 'binary', trees: 60 });
    const p = await forest.predict({ ...matrix, values: held.values });
    const loss = p.reduce((sum, q, i) => sum - Math.log(heldLabel[i] === 1 ? q : 1 - q), 0) / held.rows;
    const best = held.score.reduce((sum, s, i) => sum + Math.log(1 + Math.exp(heldLabel[i] === 1 ? -2 * s : 2 * s)), 0) / held.rows;
    expect(loss).toBeLessThan(best + 0.06);
    expect(forest.importance().map((f) => f.splits > 0)).toEqual([true, true, true, true, true]);
  });

  it('fits a noiseless regression closely, whatever the scale of the labels', async () => {
    for (const scale of [1e-6, 1, 1e6]) {
      using data = await createDataset(matrix, { label: sample.score.map((s) => s * scale) });
      using forest = await trainTrees(data, { trees: 300, maxDepth: 6, learningRate: 0.3 });
      const p = forest.predictSync(matrix);
      const error = Math.sqrt(p.reduce((sum, q, i) => sum + (q / scale - sample.score[i]!) ** 2, 0) / sample.rows);
      expect(error).toBeLessThan(0.02);
    }
  });

  it.each([2 ** -126, 2 ** -60, 2 ** 60, 2 ** 99])('weights times %f: the same bits', async (factor) => {
    const text = async (weight: Float32Array, options: TrainOptions): Promise<number[]> => {
      using data = await createDataset(matrix, { label, weight });
      using forest = await trainTrees(data, { trees: 5, l2: 0, categoryL2: 0, categorySmoothing: 0, minChildWeight: 0, ...options });
      return [...forest.predictSync(matrix)];
    };
    for (const objective of ['regression', 'binary', 'multiclass'] as const) {
      const plain = await text(new Float32Array(sample.rows).fill(1), { objective });
      expect(new Set(plain).size).toBeGreaterThan(50);
      expect(await text(new Float32Array(sample.rows).fill(factor), { objective })).toEqual(plain);
    }
  });

  it.each([1e-38, 1e-36, 1e-20, 1e-6, 1e6, 1e20, 1e30])('learns as much from weights and labels of about %f', async (scale) => {
    const loss = async (weight: number, labels: number): Promise<number> => {
      const options = { label: sample.score.map((s) => s * labels), weight: sample.score.map((_, i) => weight * (1 + (i % 2))) };
      using data = await createDataset(matrix, options);
      using forest = await trainTrees(data, {
        trees: 30,
        learningRate: 0.3,
        l2: 0,
        categoryL2: 0,
        categorySmoothing: 0,
        minChildWeight: 0,
      });
      using back = await parseForest(Buffer.from(await forest.toJSONText()));
      const p = back.predictSync(matrix);
      return Math.sqrt(p.reduce((sum, q, i) => sum + (q / labels - sample.score[i]!) ** 2, 0) / sample.rows);
    };
    const plain = await loss(1, 1);
    expect(plain).toBeLessThan(0.2);
    expect(await loss(scale, 1)).toBeLessThan(1.1 * plain);
    expect(await loss(1, scale)).toBeLessThan(1.4 * plain);
  });

  it('separates classes by softmax, with names of classes', async () => {
    const names = ['low', 'middle', 'high'];
    const classOf = (s: number): string => names[s < -0.5 ? 0 : s < 1 ? 1 : 2]!;
    using data = await createDataset(matrix, { label: Array.from(sample.score, classOf) });
    using forest = await trainTrees(data, { objective: 'multiclass', trees: 40 });
    expect(forest.classes).toEqual(['high', 'low', 'middle']);
    const p = forest.predictSync(matrix);
    let right = 0;
    for (let i = 0; i < sample.rows; i++) {
      const row = p.subarray(3 * i, 3 * i + 3);
      expect(row[0]! + row[1]! + row[2]!).toBeCloseTo(1, 5);
      right += Number(forest.classes![row.indexOf(Math.max(...row))] === classOf(sample.score[i]!));
    }
    expect(right / sample.rows).toBeGreaterThan(0.95);
  });

  it.each([
    [['no', 'yes'], 'binary'],
    [['low', 'middle', 'high'], 'multiclass'],
  ] as const)('names of classes %j without an objective take %s, numbers regression', async (names, objective) => {
    using data = await createDataset(matrix, { label: Array.from(sample.score, (_, i) => names[i % names.length]!) });
    using forest = await trainTrees(data, { trees: 1 });
    expect(forest).toMatchObject({ objective, outputs: names.length === 2 ? 1 : names.length, parameters: { objective } });
    using numbers = await createDataset(matrix, { label: sample.score });
    using regression = await trainTrees(numbers, { trees: 1 });
    expect(regression.objective).toBe('regression');
  });

  const variants: [string, TrainOptions][] = [
    ['depth-wise', { maxDepth: 6 }],
    ['leaf-wise', { growth: 'leaf', maxLeaves: 31, maxDepth: 0, minRowsInLeaf: 5 }],
    ['with sampling', { rowsPerTree: 0.6, columnsPerTree: 0.8, columnsPerNode: 0.7, seed: 7 }],
    ['with l1 and a step limit', { l1: 0.5, maxDeltaStep: 0.7, gamma: 0.1 }],
  ];
  it.each(variants)('%s: the same bits for any number of threads, matrix or columns', async (_, options) => {
    const text = await trainText(matrix, options, { threads: 1 });
    for (const threads of [2, 3]) expect(await trainText(matrix, options, { threads })).toBe(text);
    const [a, b, c, d, e] = columnsOf(sample);
    const columns = { a: a!, b: Float64Array.from(b!), c: Int8Array.from(c!), d: d!, e: { codes: Uint16Array.from(e!), categories: 12 } };
    expect(withoutNames(await trainText(columns, options))).toBe(withoutNames(text));
  });

  it.each(variants)('%s: the same bits for every instruction set', async (_, options) => {
    const texts = new Map<string, string>();
    for (const isa of native().describe().isas) {
      vi.stubEnv('TENSORWOOD_ISA', isa);
      texts.set(isa, await trainText(matrix, options));
    }
    vi.unstubAllEnvs();
    expect(new Set(texts.values()).size).toBe(1);
  });
});
