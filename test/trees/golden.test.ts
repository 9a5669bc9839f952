// As good as the reference libraries on the same tables with the same settings (test/golden/trees.py; it needs them only to be made again).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { binaryLabels, makeSample } from './tables';

type Peers = Record<'xgboost' | 'lightgbm', number>;
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/trees.json'), 'utf8')) as Record<'binary' | 'regression', Peers>;
const [sample, held] = [makeSample(20_000, 11), makeSample(20_000, 12)];
const [label, heldLabel] = [binaryLabels(sample), binaryLabels(held)];
const matrix = (values: Float32Array) => ({ values, columns: 5, categories: { 4: 12 } });

const settings: Record<keyof Peers, TrainOptions> = {
  xgboost: { maxDepth: 6 },
  lightgbm: { growth: 'leaf', maxLeaves: 31, maxDepth: 0, minRowsInLeaf: 20, minChildWeight: 1e-3, l2: 0 },
};
const tasks = {
  binary: { label, loss: (p: Float32Array) => -mean(p, (q, i) => Math.log(heldLabel[i] === 1 ? q : 1 - q)) },
  regression: { label: sample.score, loss: (p: Float32Array) => Math.sqrt(mean(p, (q, i) => (q - held.score[i]!) ** 2)) },
};

function mean(values: Float32Array, of: (value: number, i: number) => number): number {
  return values.reduce((sum, value, i) => sum + of(value, i), 0) / values.length;
}

describe.each(['binary', 'regression'] as const)('%s', (task) => {
  it.each(['xgboost', 'lightgbm'] as const)('with the settings of %s', async (peer) => {
    using data = await createDataset(matrix(sample.values), { label: tasks[task].label });
    using forest = await trainTrees(data, { objective: task, trees: 100, ...settings[peer] });
    const loss = tasks[task].loss(await forest.predict(matrix(held.values)));
    expect(loss).toBeLessThan(golden[task][peer] * 1.005);
  });
});
