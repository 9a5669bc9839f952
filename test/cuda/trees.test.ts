// Forests with the second back-end: the host-shim build (npm run test:cuda) or a real one, named by TENSORWOOD_CUDA_LIBRARY, gives models of the same bits.
import { describe, expect, it } from 'vitest';
import { native } from '../../lib/native';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { binaryLabels, columnsOf, makeSample } from '../trees/tables';

const cuda = native()
  .describe()
  .devices.find((device) => device.name === 'cuda')!;

const sample = makeSample(6000, 11);
const [a, b, c, d, e] = columnsOf(sample);
// 12 categories keep their codes in a byte, 400 need two.
const many = Int32Array.from({ length: sample.rows }, (_, i) => (i * 7919) % 400);
const features = { a: a!, b: b!, c: c!, d: d!, e: { codes: e!, categories: 12 }, many: { codes: many, categories: 400 } };
const binary = binaryLabels(sample);
const classes = Float32Array.from(sample.score, (s) => (s > 1 ? 2 : s > 0 ? 1 : 0));

async function modelText(device: string, threads: number, label: Float32Array | Float64Array, options: TrainOptions): Promise<string> {
  using dataset = await createDataset(features, { label, device, threads });
  expect(dataset.describe().device).toBe(device);
  using forest = await trainTrees(dataset, { trees: 3, maxDepth: 5, ...options });
  return await forest.toJSONText();
}

const cases: [string, number, Float32Array | Float64Array, TrainOptions][] = [
  ['one thread, squared error', 1, sample.score, {}],
  ['several threads, small nodes at once', 3, binary, { objective: 'binary', growth: 'leaf', maxLeaves: 24, maxDepth: 0 }],
  ['several classes', 2, classes, { objective: 'multiclass' }],
  ['sampled rows and columns', 2, binary, { objective: 'binary', rowsPerTree: 0.6, columnsPerTree: 0.7, columnsPerNode: 0.7, seed: 3 }],
];

describe('trees on cuda', () => {
  it.skipIf(cuda.available)('are refused with the reason where it cannot be used', async () => {
    await expect(createDataset(features, { label: binary, device: 'cuda' })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_DEVICE',
      message: `cuda: ${cuda.reason}`,
    });
  });

  it('are refused on a device that does not exist', async () => {
    await expect(createDataset(features, { label: binary, device: 'gpu' })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_DEVICE',
      message: "device: expected one of cpu, cuda, got 'gpu'",
    });
  });

  it.skipIf(!cuda.available).each(cases)('have the bits of the CPU: %s', async (_, threads, label, options) => {
    const expected = await modelText('cpu', threads, label, options);
    expect(await modelText('cuda', threads, label, options)).toBe(expected);
  });
});
