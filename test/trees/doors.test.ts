// Arguments of the wrong kind at every door to trees: a typed error that names what came.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset, type Dataset } from '../../lib/trees/dataset';
import { type Forest, loadForest } from '../../lib/trees/forest';

const features = { x: Float32Array.of(1, 2, 3, 4) };
const label = [0, 1, 0, 1];
let data: Dataset;
let forest: Forest;
beforeAll(async () => {
  data = await createDataset(features, { label });
  forest = await trainTrees(data, { trees: 1 });
});
afterAll(() => {
  forest.dispose();
  data.dispose();
});

const matrix = { values: features.x, columns: 1 };
const train = (options: unknown) => trainTrees(data, { trees: 1, ...(options as object) });

const doors: [string, () => unknown, RegExp][] = [
  ['options of predict that are null', () => forest.predict(features, null as never), /^predict: expected options as an object, got null$/],
  ['options of predictSync that are null', () => forest.predictSync(features, null as never), /^predictSync: expected options/],
  ['no features', () => forest.predict(undefined as never), /^predict: expected features as .*, got undefined$/],
  ['a signal of predict', () => forest.predict(features, { signal: 5 as never }), /^predict: expected signal to be an AbortSignal, got 5$/],
  ['a signal of trainTrees', () => train({ signal: 5 }), /^trainTrees: expected signal to be an AbortSignal, got 5$/],
  ['a signal of createDataset', () => createDataset(features, { signal: 'x' as never }), /^createDataset: .* AbortSignal, got 'x'$/],
  ['onProgress', () => train({ onProgress: 5 }), /^trainTrees: expected onProgress to be a function, got 5$/],
  ['onAborted', () => train({ onAborted: {} }), /^trainTrees: expected onAborted to be a function, got Object$/],
  ['evaluation', () => train({ evaluation: 5 }), /^trainTrees: expected evaluation to be sets by name, as .*, got 5$/],
  ['evaluation without names', () => train({ evaluation: [{ features, label }] }), /sets by name, as .*, got Array$/],
  [
    'a mistyped part of an evaluation set',
    () => train({ evaluation: { test: { features, label, wieght: [1, 1, 1, 1] } } }),
    /^evaluation 'test': expected features, label and weight only, got 'wieght', did you mean 'weight'/,
  ],
  ['categories of a matrix', () => createDataset({ ...matrix, categories: null as never }), /categories of a matrix .*, got null$/],
  ['names of a matrix', () => createDataset({ ...matrix, names: null as never }), /names of a matrix as a list, got null$/],
  ['a path to save to', () => forest.save(undefined as never), /^save: expected a path, a file: URL or a writable stream, got undefined$/],
  [
    'a path to load from',
    () => loadForest(undefined as never),
    /^loadForest: expected a path, a file: URL, bytes, { text } or a stream, got undefined$/,
  ],
  ['options of loadForest that are null', () => loadForest('x.json', null as never), /^loadForest: expected options as an object/],
  ['a mistyped option of loadForest', () => loadForest('x.json', { thread: 2 } as never), /'thread', did you mean 'threads'/],
  ['threads of loadForest', () => loadForest('x.json', { threads: -2 }), /^loadForest: expected threads .*, got -2$/],
];

describe('refuses', () => {
  it.each(doors)('%s', async (_, act, message) => {
    await expect(async () => act()).rejects.toMatchObject({
      name: 'TensorwoodError',
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });
});
