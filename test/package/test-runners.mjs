// Jest and vitest, in every environment and pool: each runs test files in a context of its own, over a package that is loaded in Node's or in theirs.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { nodeOf, run, write } from './commands.mjs';

const suite = `
const houses = { size: Float32Array.of(1, 2, 3, 4), town: ['Oslo', 'Rome', 'Oslo', 'Rome'] };
const label = Int32Array.of(0, 1, 0, 1);
const size = { inputs: 2, classes: 2, hidden: [4] };
const data = tw.examples({ x: { data: new Float32Array(200).map((_, i) => i % 7), shape: [2] }, label: { data: new Int32Array(100).map((_, i) => i % 2) } });

test('a tensor has data', async () => {
  expect(await tw.tensor([1, 2]).data()).toStrictEqual(Float32Array.of(1, 2));
  expect([...(await tw.tensor(Int32Array.of(3)).data())]).toStrictEqual([3]);
});
test('errors are TensorwoodError, of native code too', async () => {
  await expect(tw.readCsv('/no/such.csv')).rejects.toThrow(tw.TensorwoodError);
  await expect(tw.readCsv('/no/such.csv')).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
  expect(() => tw.tensor('x')).toThrow(tw.TensorwoodError);
});
test('trees grow, predict, come back from their file', async () => {
  const dataset = await tw.createDataset(houses, { label });
  const forest = await tw.trainTrees(dataset, { objective: 'binary', trees: 3, minRowsInLeaf: 1 });
  const scores = await forest.predict(houses);
  await forest.save('./forest.json');
  expect(await (await tw.loadForest('./forest.json')).predict(houses)).toStrictEqual(scores);
  expect(forest.predictRow({ size: 1, town: 'Oslo' })).toBe(scores[0]);
  dataset.dispose();
});
test('a model trains, and a saved one loads', async () => {
  const model = tw.createModel(tw.mlp, size);
  await tw.train(model, data, { epochs: 1, batchSize: 10 });
  await tw.saveModel('./model.safetensors', model);
  const { model: loaded } = await tw.loadModel('./model.safetensors');
  expect(loaded.config).toEqual(model.config);
  expect(await tw.predict(loaded, data)).toStrictEqual(await tw.predict(model, data));
});
test('a signal of this context aborts', async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(tw.createDataset(houses, { label, signal: controller.signal })).rejects.toBe(controller.signal.reason);
});
test('answers are values of this context', () => {
  expect(tw.memoryUsage()).toStrictEqual({ bytes: expect.any(Number), objects: expect.any(Number) });
});
test('an optional package is loaded', async () => {
  await expect(tw.readParquet('/no/such.parquet')).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
});
test('what holds native memory is disposable', async () => {
  const dataset = await tw.createDataset(houses, { label });
  dataset[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
  await expect(tw.trainTrees(dataset)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DISPOSED' });
});
`;

const jest = [
  ['node', {}],
  ['jsdom', {}],
  ['node, ES modules', { NODE_OPTIONS: '--experimental-vm-modules --no-warnings' }],
];

async function runJest({ name, folder, tools }) {
  write(folder, 'package.json', { name: 'consumer', private: true, jest: { testMatch: ['**/*.test.js', '**/*.test.mjs'] } });
  write(folder, 'tw.test.js', `const tw = require('tensorwood');${suite}`);
  write(folder, 'esm/tw.test.mjs', `import * as tw from 'tensorwood';${suite}`);
  const lines = [];
  for (const [environment, env] of jest) {
    const file = env.NODE_OPTIONS === undefined ? 'tw.test.js' : 'esm/tw.test.mjs';
    const output = await run(
      folder,
      process.execPath,
      [join(tools, 'jest/bin/jest.js'), '--rootDir=.', '--env', environment.split(',')[0], '--runTestsByPath', file],
      env,
    );
    lines.push([name, environment, output.match(/Tests: +(.*)/)[1]]);
  }
  return lines;
}

async function runVitest({ name, folder, tools, node = process.execPath }) {
  write(folder, 'tw.test.mjs', `import { expect, test } from 'vitest';\nimport * as tw from 'tensorwood';${suite}`);
  const lines = [];
  for (const pool of ['forks', 'threads', 'vmThreads', 'vmForks']) {
    const output = await run(folder, node, [join(tools, 'vitest/vitest.mjs'), 'run', '--root=.', '--pool', pool], { NO_COLOR: '1' });
    assert.match(output, /Test Files +1 passed/);
    lines.push([name, pool, output.match(/Tests +(.*)/)[1]]);
  }
  return lines;
}

/** `peers`: optional packages to install beside the package. */
export const testRunners = [
  { name: 'Jest 29', tools: ['jest@29', 'jest-environment-jsdom@29'], peers: ['hyparquet'], use: runJest },
  { name: 'Jest 30', tools: ['jest@30', 'jest-environment-jsdom@30'], peers: ['hyparquet'], use: runJest },
  { name: 'vitest 4', tools: ['vitest@4'], peers: ['hyparquet'], use: runVitest },
  { name: 'vitest 5', tools: ['vitest@5'], peers: ['hyparquet'], use: async (given) => runVitest({ ...given, node: await nodeOf('22') }) },
];
