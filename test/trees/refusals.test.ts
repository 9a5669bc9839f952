// Bad input: each case is refused with a stable code and a cure.
import { afterAll, describe, expect, it } from 'vitest';
import type { TensorwoodError } from '../../lib/errors';
import { native } from '../../lib/native';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { makeSample } from './tables';

const sample = makeSample(200, 3);
const binary = Float32Array.from(sample.score, (s) => Number(s > 0));
const names = Array.from(binary, (v) => (v === 1 ? 'yes' : 'no'));
const matrix = { values: sample.values, columns: 5 };
const train = async (label: Parameters<typeof createDataset>[1], options: Parameters<typeof trainTrees>[1]): Promise<unknown> => {
  using data = await createDataset(matrix, label);
  return trainTrees(data, { trees: 2, ...options });
};
const withAt = (values: Float32Array, at: number, value: number): Float32Array => values.map((v, i) => (i === at ? value : v));

const wideColumns = (count: number, codes: Int32Array) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, { codes, categories: 65_535 }]));

const cases: [string, () => Promise<unknown>, string, RegExp][] = [
  [
    'a NaN label',
    () => train({ label: withAt(binary, 17, Number.NaN) }, {}),
    'ERR_TENSORWOOD_DATA',
    /finite labels, got NaN in row 17; leave/,
  ],
  ['an infinite label', () => train({ label: withAt(binary, 3, Infinity) }, { objective: 'binary' }), 'ERR_TENSORWOOD_DATA', /row 3/],
  [
    'a label of no class',
    () => train({ label: withAt(binary, 5, 2) }, { objective: 'binary' }),
    'ERR_TENSORWOOD_DATA',
    /\[0, 1\].*got 2.*row 5; number/,
  ],
  [
    'a class that is no integer',
    () => train({ label: withAt(binary, 5, 0.5) }, { objective: 'multiclass', classes: 3 }),
    'ERR_TENSORWOOD_DATA',
    /whole labels in \[0, 2\], got 0.5/,
  ],
  [
    'one class',
    () => train({ label: binary.map(() => 1) }, { objective: 'binary' }),
    'ERR_TENSORWOOD_DATA',
    /two classes, got only class 1; add rows/,
  ],
  [
    'one class of several',
    () => train({ label: binary.map(() => 0) }, { objective: 'multiclass' }),
    'ERR_TENSORWOOD_DATA',
    /at least two classes/,
  ],
  [
    'a negative weight',
    () => train({ label: binary, weight: binary.map((_, i) => (i === 9 ? -1 : 1)) }, {}),
    'ERR_TENSORWOOD_DATA',
    /weights of at least 0, got -1.* row 9/,
  ],
  ['weights that are all 0', () => train({ label: binary, weight: binary.map(() => 0) }, {}), 'ERR_TENSORWOOD_DATA', /sum above 0/],
  [
    'weights whose gradients overflow',
    () => train({ label: binary, weight: binary.map(() => 1e30) }, { objective: 'binary', positiveWeight: 1e30 }),
    'ERR_TENSORWOOD_DATA',
    /gradients are finite, got larger ones; scale them down/,
  ],
  [
    'a name that is missing',
    () => train({ label: names.map((n, i) => (i === 3 ? null : n)) as never }, {}),
    'ERR_TENSORWOOD_DATA',
    /label is missing in row 3; leave such rows out/,
  ],
  [
    'a first name that is missing',
    () => train({ label: [undefined as never, ...names.slice(1)] }, {}),
    'ERR_TENSORWOOD_DATA',
    /label is missing in row 0/,
  ],
  [
    'an empty name',
    () => train({ label: names.map((n, i) => (i === 7 ? '' : n)) }, {}),
    'ERR_TENSORWOOD_DATA',
    /label is missing in row 7/,
  ],
  [
    'a code below 0 of named classes',
    () => train({ label: { codes: Int32Array.from(binary).fill(-1, 5, 6), categories: ['no', 'yes'] } }, {}),
    'ERR_TENSORWOOD_DATA',
    /label is missing in row 5/,
  ],
  [
    'a number among names',
    () => train({ label: names.map((n, i) => (i === 4 ? 1 : n)) as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /strings as labels like the first, got number in row 4/,
  ],
  [
    'regression on names',
    () => train({ label: names }, { objective: 'regression' }),
    'ERR_TENSORWOOD_ARGUMENT',
    /got names of classes; use \{ objective/,
  ],
  [
    'a table in place of a data set',
    () => trainTrees({ a: binary } as never),
    'ERR_TENSORWOOD_ARGUMENT',
    /from await createDataset\(features, \{ label \}\), got object/,
  ],
  [
    'a data set that was not awaited',
    async () => {
      const pending = createDataset(matrix);
      try {
        return await trainTrees(pending as never);
      } finally {
        (await pending).dispose();
      }
    },
    'ERR_TENSORWOOD_ARGUMENT',
    /createDataset.*got a promise; await it/,
  ],
  ['no labels', () => train({}, {}), 'ERR_TENSORWOOD_DATA', /give createDataset a label/],
  [
    'labels of another length',
    () => train({ label: binary.subarray(1) }, {}),
    'ERR_TENSORWOOD_SHAPE',
    /label: expected 200 values, one a row, got 199/,
  ],
  ['no rows', () => createDataset({ a: new Float32Array(0) }), 'ERR_TENSORWOOD_DATA', /at least one row/],
  ['no columns', () => createDataset({}), 'ERR_TENSORWOOD_DATA', /at least one column/],
  [
    'columns of two lengths',
    () => createDataset({ a: new Float32Array(3), b: new Float32Array(4) }),
    'ERR_TENSORWOOD_SHAPE',
    /3 rows in column 'b'.*got 4/,
  ],
  [
    'a matrix with a part of a row',
    () => createDataset({ values: new Float32Array(7), columns: 2 }),
    'ERR_TENSORWOOD_SHAPE',
    /multiple of its columns/,
  ],
  [
    'a code out of range',
    () => createDataset({ a: { codes: Int32Array.of(0, 1, 3), categories: ['x', 'y', 'z'] } }),
    'ERR_TENSORWOOD_DATA',
    /\[0, 2\] in column 'a', got 3 in row 2/,
  ],
  [
    'a code that is no integer',
    () => createDataset({ a: { codes: Float32Array.of(0, 0.5), categories: 2 } }),
    'ERR_TENSORWOOD_DATA',
    /got 0.5 in row 1/,
  ],
  [
    'too many categories',
    () => createDataset({ a: { codes: Int32Array.of(0), categories: 65_536 } }),
    'ERR_TENSORWOOD_DATA',
    /65535 categories.*got 65536; group the rare ones/,
  ],
  [
    'more bins than a histogram can have',
    () => createDataset(wideColumns(33_000, Int32Array.of(0))),
    'ERR_TENSORWOOD_DATA',
    /at most 2147483647 bins in all columns, got 2162952000; use fewer columns or categories/,
  ],
  [
    'histograms of many threads that do not fit',
    async () => {
      using data = await createDataset(wideColumns(4000, new Int32Array(4)), { label: Float32Array.of(0, 1, 2, 3), threads: 1000 });
      return trainTrees(data, { maxDepth: 2 });
    },
    'ERR_TENSORWOOD_MEMORY',
    /^trainTrees: expected at most \d+ bytes of memory .*, got 2\d{12}; use fewer columns, bins or threads$/,
  ],
  ['a column of objects', () => createDataset({ a: [{}] as never }), 'ERR_TENSORWOOD_ARGUMENT', /column 'a', got Object in row 0; pass/],
  [
    'a BigUint64Array in a column',
    () => createDataset({ a: BigUint64Array.of(1n, 2n) as never }),
    'ERR_TENSORWOOD_ARGUMENT',
    /column 'a' to be numbers, strings, or \{ codes, categories \}, got BigUint64Array$/,
  ],
  [
    'a BigUint64Array of codes',
    () => createDataset({ a: { codes: BigUint64Array.of(1n, 0n) as never, categories: 2 } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /column 'a' to be .*, got \{ codes: BigUint64Array, categories: 2 \}$/,
  ],
  [
    'a BigUint64Array of rows',
    () => createDataset({ values: BigUint64Array.of(1n, 2n) as never, columns: 2 }),
    'ERR_TENSORWOOD_ARGUMENT',
    /got BigUint64Array$/,
  ],
  [
    'a BigUint64Array of labels',
    () => train({ label: new BigUint64Array(200) as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /label to be numbers, strings or \{ codes, categories \}, got BigUint64Array$/,
  ],
  [
    'codes of labels without categories',
    () => train({ label: { codes: Int32Array.from(binary) } as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /label to be numbers, strings or \{ codes, categories \}, got \{ codes: Int32Array, categories: undefined \}$/,
  ],
  [
    'codes of labels to evaluate on without categories',
    () => train({ label: names }, { evaluation: { test: { features: matrix, label: { codes: Int32Array.from(binary) } as never } } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /'test': expected label .*, got \{ codes: Int32Array, categories: undefined \}$/,
  ],
  [
    'a BigUint64Array of weights',
    () => train({ label: binary, weight: new BigUint64Array(200).fill(1n) as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /dataset: expected weight to be numbers, one a row, got BigUint64Array$/,
  ],
  ['features that are a number', () => createDataset(7 as never), 'ERR_TENSORWOOD_ARGUMENT', /a record of columns/],
  [
    'a mistyped option',
    () => train({ label: binary }, { maxdepth: 3 } as never),
    'ERR_TENSORWOOD_ARGUMENT',
    /'maxdepth', did you mean 'maxDepth'/,
  ],
  ['a learning rate of 0', () => train({ label: binary }, { learningRate: 0 }), 'ERR_TENSORWOOD_ARGUMENT', /learningRate/],
  [
    'a metric of another objective',
    () => train({ label: binary }, { metrics: ['auc'] }),
    'ERR_TENSORWOOD_ARGUMENT',
    /rmse for regression, got 'auc'/,
  ],
  [
    'early stopping by the area under the curve of one class',
    () =>
      train(
        { label: binary },
        { objective: 'binary', metrics: ['auc'], earlyStopping: 3, evaluation: { ones: { features: matrix, label: binary.map(() => 1) } } },
      ),
    'ERR_TENSORWOOD_DATA',
    /a metric to stop early by, got NaN; .* rows of both classes/,
  ],
  ['early stopping without a set', () => train({ label: binary }, { earlyStopping: 3 }), 'ERR_TENSORWOOD_ARGUMENT', /one as \{ evaluation/],
  [
    'an evaluation set with other columns',
    () => train({ label: binary }, { evaluation: { test: { features: { values: new Float32Array(8), columns: 4 }, label: binary } } }),
    'ERR_TENSORWOOD_MODEL',
    /rows of 5 values as the model has, got 4/,
  ],
  [
    'names to evaluate on where the data set has numbers',
    () => train({ label: binary }, { objective: 'binary', evaluation: { test: { features: matrix, label: names } } }),
    'ERR_TENSORWOOD_DATA',
    /'test': expected labels to be numbers as in the data set, got names of classes/,
  ],
  [
    'numbers to evaluate on where the data set has names',
    () => train({ label: names }, { evaluation: { test: { features: matrix, label: binary } } }),
    'ERR_TENSORWOOD_DATA',
    /'test': expected labels to be names of classes as in the data set, got numbers/,
  ],
  [
    'a name to evaluate on that is no class',
    () => train({ label: names }, { evaluation: { test: { features: matrix, label: names.map((n, i) => (i === 4 ? 'maybe' : n)) } } }),
    'ERR_TENSORWOOD_DATA',
    /classes of the data set \(no, yes\), got 'maybe' in row 4/,
  ],
  [
    'categories of a column that a matrix has not',
    () => createDataset({ values: new Float32Array(4), columns: 2, categories: { 7: 3 } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /categories of columns in \[0, 1\], got them of column 7/,
  ],
  [
    'a negative number of categories',
    () => createDataset({ values: new Float32Array(4), columns: 2, categories: { 0: -1 } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /number of categories of column 0, at least 1, got -1/,
  ],
  [
    'a label that is null',
    () => train({ label: null as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /dataset: expected label to be numbers, strings/,
  ],
  [
    'an infinite label of a regression',
    () => train({ label: withAt(binary, 3, Infinity) }, { objective: 'regression' }),
    'ERR_TENSORWOOD_DATA',
    /finite labels, got Infinity in row 3/,
  ],
  [
    'an infinite weight',
    () => train({ label: binary, weight: withAt(new Float32Array(200), 5, Infinity) }, { objective: 'binary' }),
    'ERR_TENSORWOOD_DATA',
    /finite weights, got Infinity in row 5/,
  ],
  [
    'rows as arrays',
    () =>
      createDataset(
        [
          [1, 2],
          [3, 4],
        ] as never,
        { label: [0, 1] },
      ),
    'ERR_TENSORWOOD_ARGUMENT',
    /record of columns or \{ values, columns \}, got an array of rows; pass \{ values: Float32Array/,
  ],
  [
    'labels that are objects',
    () => train({ label: [{}] as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /numbers as labels, got Object in row 0/,
  ],
  [
    'a string among labels',
    () => train({ label: [1, 'x'] as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /numbers as labels, got string in row 1/,
  ],
  [
    'a weight that is a number',
    () => train({ label: binary, weight: 200 as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /weight to be numbers.*got 200/,
  ],
  [
    'weights that are strings',
    () => train({ label: binary, weight: names as never }, {}),
    'ERR_TENSORWOOD_ARGUMENT',
    /numbers as weights, got string in row 0/,
  ],
  [
    'options of a data set that are null',
    () => createDataset(matrix, null as never),
    'ERR_TENSORWOOD_ARGUMENT',
    /createDataset: .*got null/,
  ],
  [
    'options of training that are null',
    async () => {
      using data = await createDataset(matrix, { label: binary });
      return await trainTrees(data, null as never);
    },
    'ERR_TENSORWOOD_ARGUMENT',
    /trainTrees: expected options as an object, got null/,
  ],
  [
    'an evaluation set that is undefined',
    () => train({ label: binary }, { evaluation: { test: undefined as never } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /'test': expected \{ features, label \}, got undefined/,
  ],
  [
    'an evaluation set without a label',
    () => train({ label: binary }, { evaluation: { test: { features: matrix } as never } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /'test': expected label to be numbers, strings/,
  ],
  [
    'a weight of an evaluation set that is a number',
    () => train({ label: binary }, { evaluation: { test: { features: matrix, label: binary, weight: 200 as never } } }),
    'ERR_TENSORWOOD_ARGUMENT',
    /'test': expected weight to be numbers/,
  ],
  [
    'metrics that are no list',
    () => train({ label: binary }, { objective: 'binary', metrics: 'auc' as never }),
    'ERR_TENSORWOOD_ARGUMENT',
    /metrics to be a list of names, got 'auc'/,
  ],
];

describe('bad input', () => {
  const runtime = native().createRuntime('cpu', 1, '');
  const column = { data: Float32Array.of(1, 2), offset: 0, stride: 1, categorical: false };
  const tail = { names: ['a'], categories: [0], maxBins: 256, device: 'cpu', label: undefined, weight: undefined };
  const spec = { rows: 2, columns: [column], ...tail };
  afterAll(() => native().dispose(runtime));

  it.each(cases)('%s', async (_, act, code, message) => {
    const error = await act().then(
      () => expect.fail('expected a refusal'),
      (e: TensorwoodError) => e,
    );
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it.each([
    ['column', () => native().createTable(runtime, { ...spec, columns: [{ ...column, data: BigUint64Array.of(1n, 2n) }] })],
    ['label', () => native().createTable(runtime, { ...spec, label: BigUint64Array.of(1n, 2n) })],
  ])('native code refuses a %s that it cannot read, too', (_, act) => {
    expect(act).toThrow(/expected numbers of up to 32 bits, 64-bit floats or signed 64-bit integers, got 64-bit unsigned/);
  });
});
