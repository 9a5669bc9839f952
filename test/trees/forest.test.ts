// What a model does once trained: every way to predict agrees, its file reads back to equal bits, and damaged files are refused.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TensorwoodError } from '../../lib/errors';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { type Forest, loadForest, parseForest } from '../../lib/trees/forest';
import { arrival, holdMemory } from '../border/latch';
import { binaryLabels, columnsOf, makeSample, randomSequence } from './tables';

const sample = makeSample(1500, 4);
const towns = ['Ulm', 'Kiel', 'Bonn', 'Jena', 'Köln', 'Hof', 'Trier', 'Celle', 'Goch', 'Lahr', 'Emden', 'Varel'];
const [a, b, c, d, e] = columnsOf(sample) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
const features = { a, b, c, d, town: Array.from(e, (code) => (code === 11 ? null : towns[code]!)) };
const folder = mkdtempSync(join(tmpdir(), 'tensorwood-forest-'));
const models: Record<string, Forest> = {};

beforeAll(async () => {
  using binary = await createDataset(features, { label: binaryLabels(sample) });
  models.binary = await trainTrees(binary, { objective: 'binary', trees: 20, growth: 'leaf', maxLeaves: 20 });
  using multiclass = await createDataset(features, { label: Float32Array.from(sample.score, (s) => (s < 0 ? 0 : s < 1 ? 1 : 2)) });
  models.multiclass = await trainTrees(multiclass, { objective: 'multiclass', trees: 8, maxDepth: 4 });
  using regression = await createDataset({ a, b, c, d }, { label: sample.score });
  models.regression = await trainTrees(regression, { trees: 11, maxDepth: 3 });
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
  rmSync(folder, { recursive: true });
});

interface FileNode {
  readonly feature: number[];
  readonly left: number[];
  readonly value: number[];
  readonly missing_left: number[];
  readonly set?: number[];
  readonly sets?: number[];
}

/** The leaf of a row by the model file alone: the definition of prediction. */
function walk(tree: FileNode, row: readonly number[]): number {
  let at = 0;
  while (tree.feature[at]! >= 0) {
    const x = row[tree.feature[at]!]!;
    const set = tree.set?.[at] ?? -1;
    const inSet = set >= 0 && x < 32 * tree.sets![set]! && ((tree.sets![set + 1 + (x >> 5)]! >>> (x & 31)) & 1) === 1;
    const left = Number.isNaN(x) ? tree.missing_left[at] === 1 : set >= 0 ? inSet : x <= Math.fround(tree.value[at]!);
    at = tree.left[at]! + (left ? 0 : 1);
  }
  return at;
}

describe.each(['binary', 'multiclass', 'regression'])('%s', (name) => {
  it('margins and leaves are what the model file says', async () => {
    const model = models[name]!;
    const { trees, base, about } = JSON.parse(await model.toJSONText()) as {
      trees: FileNode[];
      base: number[];
      about: { categories: (string[] | null)[] };
    };
    const codeOf = new Map(about.categories[4]?.map((town, i) => [town, i]));
    const margins = model.predictSync(features, { output: 'margin' });
    const leaves = model.predictSync(features, { output: 'leaf' });
    for (let i = 0; i < 400; i++) {
      const row = [a[i]!, b[i]!, c[i]!, d[i]!, features.town[i] === null ? Number.NaN : codeOf.get(features.town[i]!)!];
      const expected = Float32Array.from(base);
      trees.forEach((tree, t) => {
        const leaf = walk(tree, row);
        expect(leaves[i * trees.length + t]).toBe(leaf);
        expected[t % base.length] = Math.fround(expected[t % base.length]! + Math.fround(tree.value[leaf]!));
      });
      expect(margins.subarray(i * base.length, (i + 1) * base.length)).toEqual(expected);
    }
  });

  it('one row, all rows and the promise agree', async () => {
    const model = models[name]!;
    const all = await model.predict(features);
    expect(model.predictSync(features)).toEqual(all);
    for (let i = 0; i < 50; i++) {
      const record = { a: a[i]!, b: b[i]!, c: c[i]!, d: Number.isNaN(d[i]!) ? null : d[i]! };
      const one = model.predictRow(name === 'regression' ? record : { ...record, town: features.town[i]! });
      expect(typeof one === 'number' ? [one] : [...one]).toEqual([...all.subarray(i * model.outputs, (i + 1) * model.outputs)]);
    }
  });

  it('a range of rounds adds up', () => {
    const model = models[name]!;
    const base = model.predictSync(features, { output: 'margin', to: 0 });
    const [first, rest, whole] = [{ to: 3 }, { from: 3 }, {}].map((range) => model.predictSync(features, { output: 'margin', ...range }));
    whole!.forEach((m, i) => {
      expect(first![i]! + rest![i]! - base[i]!).toBeCloseTo(m, 4);
    });
  });

  it('the text of the file, and JSON.stringify(), read back to equal bits', async () => {
    const model = models[name]!;
    const text = await model.toJSONText();
    using back = await parseForest(text);
    using kept = await parseForest(JSON.stringify(model));
    using part = await parseForest({ text: JSON.stringify(JSON.parse(JSON.stringify({ model })).model) });
    for (const other of [back, kept, part]) expect(await other.toJSONText()).toBe(text);
  });

  it('structuredClone() says what to do instead', () => {
    expect(() => structuredClone(models[name])).toThrow('send the text of await forest.toJSONText() instead');
  });

  it('the file reads back to equal bits', async () => {
    const model = models[name]!;
    const path = join(folder, 'deep', `${name}.json`);
    await model.save(path);
    using back = await loadForest(path);
    expect(await back.toJSONText()).toBe(await model.toJSONText());
    expect(back.predictSync(features, { output: 'margin' })).toEqual(model.predictSync(features, { output: 'margin' }));
    expect({ ...back }).toEqual({ ...model });
    expect(back.importance()).toEqual(model.importance());
  });
});

/** Rows that a job reads in place, whole pages of memory. */
const newRows = () => ({ values: new Float32Array(4 * 10_000), columns: 4 });

it('a prediction waits for those of its own forest alone, and ends at once when it is aborted in the queue', async () => {
  const file = Buffer.from(await models.regression!.toJSONText());
  using busy = await parseForest(file, { threads: 1 }); // of several threads the one that is held would keep all
  using other = await parseForest(file);
  const rows = newRows();
  using latch = holdMemory(rows.values);
  const first = busy.predict(rows);
  await arrival(latch, first);
  const stop = new AbortController();
  const queued = busy.predict({ a, b, c, d }, { signal: stop.signal });
  expect(await other.predict({ a, b, c, d })).toHaveLength(a.length);
  stop.abort();
  await expect(queued).rejects.toMatchObject({ name: 'AbortError' });
  latch.open();
  expect(await first).toHaveLength(10_000);
});

describe('threads', () => {
  const countThreads = () => readdirSync('/proc/self/task').length;

  it.skipIf(process.platform !== 'linux')('of forests that were loaded are shared', async () => {
    const file = Buffer.from(await models.binary!.toJSONText());
    const load = async () => {
      const forest = await parseForest(file, { threads: 3 });
      expect(await forest.predict(features)).toEqual(models.binary!.predictSync(features));
      return forest;
    };
    const first = await load();
    const before = countThreads();
    const others = await Promise.all(Array.from({ length: 8 }, load));
    expect(countThreads()).toBeLessThanOrEqual(before + 8); // one each, for its jobs
    for (const forest of [first, ...others]) forest.dispose();
    using again = await load();
    expect(again.rounds).toBe(first.rounds);
  });
});

describe('model files', () => {
  it('of labels so large that a float cannot hold their gains read back', async () => {
    using data = await createDataset({ a, b, c, d }, { label: sample.score.map((s) => s * 1e25) });
    using model = await trainTrees(data, { trees: 2 });
    using back = await parseForest(Buffer.from(await model.toJSONText()));
    expect(back.predictSync({ a, b, c, d })).toEqual(model.predictSync({ a, b, c, d }));
  });

  it('are read while the event loop turns', async () => {
    const bytes = Buffer.from(await models.binary!.toJSONText());
    using latch = holdMemory(bytes);
    const reading = parseForest(bytes);
    await arrival(latch, reading);
    latch.open();
    using model = await reading;
    expect(model.rounds).toBe(20);
  });

  it('are written while the event loop turns', async () => {
    using model = await parseForest(Buffer.from(await models.regression!.toJSONText()));
    const rows = newRows();
    using latch = holdMemory(rows.values);
    const before = model.predict(rows); // the job before
    await arrival(latch, before);
    const writing = model.toJSONText();
    expect(await Promise.race([writing, setImmediate('turned')])).toBe('turned');
    latch.open();
    expect(JSON.parse(await writing)).toMatchObject({ trees: { length: 11 } });
    await before;
  });
});

describe('categories of other data', () => {
  it('another order and unknown names are translated; unknown goes where most do', () => {
    const model = models.binary!;
    const known = model.predictSync(features);
    const categories = ['Atlantis', ...towns].reverse();
    const codes = Int32Array.from(features.town, (town) => (town === null ? -1 : categories.indexOf(town)));
    expect(model.predictSync({ ...features, town: { codes, categories } })).toEqual(known);
    const unknown = model.predictSync({ ...features, town: features.town.map(() => 'Atlantis') });
    const row = { a: a[0]!, b: b[0]!, c: c[0]!, d: d[0]!, town: 'Atlantis' };
    expect(model.predictRow(row)).toBe(unknown[0]);
  });

  it('codes that the model has not are unknown categories, too', () => {
    const model = models.binary!;
    const unknown = model.predictSync({ ...features, town: features.town.map(() => 'Atlantis') });
    const codes = new Int32Array(features.town.length);
    expect(model.predictSync({ ...features, town: { codes: codes.fill(towns.length), categories: towns } })).toEqual(unknown);
    expect(model.predictSync({ ...features, town: { codes: codes.fill(99), categories: ['Ulm'] } })).toEqual(unknown);
    expect(model.predictRow([a[0]!, b[0]!, c[0]!, d[0]!, towns.length])).toBe(unknown[0]);
    expect(model.predictRow(Float32Array.of(a[0]!, b[0]!, c[0]!, d[0]!, 99))).toBe(unknown[0]);
  });
});

/** The file of a model with other words about itself. */
const parseWithAbout = async (about: string): Promise<Forest> =>
  parseForest(Buffer.from((await models.regression!.toJSONText()).replace(/"about":.*/, `"about":${about},`)));

const firstRow = { a: a[0]!, b: b[0]!, c: c[0]!, d: d[0]!, town: 'Ulm' };

const refusals: [string, () => unknown, string, RegExp][] = [
  [
    'a column is missing',
    () => models.binary!.predictSync({ a, b, c, towns: features.town, dd: d }),
    'ERR_TENSORWOOD_MODEL',
    /a column 'd' as the model has, got/,
  ],
  [
    'numbers for categories',
    () => models.binary!.predictSync({ ...features, town: e }),
    'ERR_TENSORWOOD_MODEL',
    /categories in column 'town', got numbers/,
  ],
  [
    'categories for numbers',
    () => models.binary!.predictSync({ ...features, a: features.town }),
    'ERR_TENSORWOOD_MODEL',
    /numbers in column 'a', got categories/,
  ],
  [
    'a matrix of another width',
    () => models.regression!.predictSync({ values: new Float32Array(10), columns: 5 }),
    'ERR_TENSORWOOD_MODEL',
    /rows of 4 values/,
  ],
  ['a short row', () => models.regression!.predictRow([1, 2]), 'ERR_TENSORWOOD_MODEL', /expected 4 values, got 2/],
  ['a row without a column', () => models.regression!.predictRow({ a: 1, b: 2, c: 3 }), 'ERR_TENSORWOOD_MODEL', /value for 'd'; pass null/],
  [
    'text in a column of numbers of a row',
    () => models.binary!.predictRow({ ...firstRow, a: 'big' }),
    'ERR_TENSORWOOD_MODEL',
    /^predictRow: expected numbers in column 'a', got 'big'$/,
  ],
  [
    'a boolean in a row',
    () => models.binary!.predictRow({ ...firstRow, b: true as never }),
    'ERR_TENSORWOOD_MODEL',
    /numbers in column 'b', got true/,
  ],
  [
    'an object in a row',
    () => models.binary!.predictRow({ ...firstRow, b: {} as never }),
    'ERR_TENSORWOOD_MODEL',
    /numbers in column 'b', got Object/,
  ],
  [
    'a category by name in an array',
    () => models.binary!.predictRow([1, 2, 3, 4, 'Ulm' as never]),
    'ERR_TENSORWOOD_MODEL',
    /categories by name, or codes in \[0, 10\], in column 'town', got 'Ulm'/,
  ],
  ['part of a code', () => models.binary!.predictRow(Float32Array.of(1, 2, 3, 4, 0.5)), 'ERR_TENSORWOOD_MODEL', /column 'town', got 0.5/],
  [
    'a key that is no column',
    () => models.binary!.predictRow({ ...firstRow, twon: 'Ulm' }),
    'ERR_TENSORWOOD_MODEL',
    /columns of the model only, got 'twon', did you mean 'town'/,
  ],
  ['no row', () => models.binary!.predictRow(undefined as never), 'ERR_TENSORWOOD_MODEL', /a row of 5 values.*got undefined/],
  ['null for a row', () => models.binary!.predictRow(null as never), 'ERR_TENSORWOOD_MODEL', /a row of 5 values/],
  [
    'rounds in the wrong order',
    () => models.regression!.predictSync({ a, b, c, d }, { from: 5, to: 2 }),
    'ERR_TENSORWOOD_ARGUMENT',
    /from at most 2/,
  ],
  ['text that is no JSON', () => parseForest(Buffer.from('hello')), 'ERR_TENSORWOOD_FORMAT', /not a tensorwood model/],
  [
    'another JSON file',
    () => parseForest(Buffer.from('{"learner":{}}')),
    'ERR_TENSORWOOD_FORMAT',
    /forest that tensorwood saved, got another file; this is not a tensorwood model/,
  ],
  [
    'a JSON file with fields of the same name',
    () => parseForest(Buffer.from('{"version":"1.2","objective":{"name":"x"}}')),
    'ERR_TENSORWOOD_FORMAT',
    /not a tensorwood model/,
  ],
  [
    'a later version',
    () => parseForest(Buffer.from('{"format":"tensorwood-forest","version":9}')),
    'ERR_TENSORWOOD_FORMAT',
    /version 1, got 9/,
  ],
  ['no description of its columns', () => parseWithAbout('null'), 'ERR_TENSORWOOD_FORMAT', /names and categories of 4 columns/],
  [
    'names of classes that are no text',
    () => parseWithAbout('{"names":["a","b","c","d"],"categories":[null,null,null,null],"classes":7}'),
    'ERR_TENSORWOOD_FORMAT',
    /names of the classes/,
  ],
];

describe('a row', () => {
  it('null, undefined, NaN and codes below 0 are missing', () => {
    const model = models.binary!;
    const expected = model.predictSync({
      ...Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, Float32Array.of(name === 'a' ? Number.NaN : 0.5)])),
      town: [null],
    })[0];
    const rest = { b: 0.5, c: 0.5, d: 0.5 };
    expect(model.predictRow({ a: null, ...rest, town: undefined })).toBe(expected);
    expect(model.predictRow([Number.NaN, 0.5, 0.5, 0.5, -1])).toBe(expected);
    expect(model.predictRow([undefined, 0.5, 0.5, 0.5, null])).toBe(expected);
    expect(model.predictRow(Float32Array.of(Number.NaN, 0.5, 0.5, 0.5, -1))).toBe(expected);
  });
});

describe('refused', () => {
  it.each(refusals)('%s', async (_, act, code, message) => {
    await expect(async () => act()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('a file that is not there', async () => {
    await expect(loadForest(join(folder, 'nothing.json'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
  });

  it('a model that was disposed of', async () => {
    const model = await parseForest(Buffer.from(await models.regression!.toJSONText()));
    model.dispose();
    model.dispose();
    expect(() => model.predictRow([1, 2, 3, 4])).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_DISPOSED' }));
    await expect(model.predict({ a, b, c, d })).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DISPOSED' });
  });

  it('truncated files', async () => {
    const text = await models.binary!.toJSONText();
    for (let length = 0; length < text.length - 2; length += 997) {
      await expect(parseForest(Buffer.from(text.slice(0, length)), { threads: 1 })).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_FORMAT',
      });
    }
  });

  it('2,000 damaged files: each is refused, or predicts without harm', async () => {
    const random = randomSequence(5);
    const text = smallest(await models.binary!.toJSONText());
    const row = Float32Array.of(0.5, -0.5, 2, Number.NaN, 3);
    let refused = 0;
    for (let k = 0; k < 2000; k++) {
      const bytes = Buffer.from(text);
      const at = Math.floor(random() * bytes.length);
      bytes[at] = k % 2 === 0 ? 48 + Math.floor(random() * 10) : Math.floor(random() * 256);
      try {
        using model = await parseForest(bytes, { threads: 1 });
        model.predictRow(row.subarray(0, model.signature.names.length));
      } catch (error) {
        refused++;
        expect(['ERR_TENSORWOOD_FORMAT', 'ERR_TENSORWOOD_MODEL']).toContain((error as TensorwoodError).code);
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

/** A model of two trees: small enough that most damage hits something that matters. */
function smallest(text: string): string {
  const file = JSON.parse(text) as { trees: unknown[] };
  const path = join(folder, 'small.json');
  writeFileSync(path, JSON.stringify({ ...file, trees: file.trees.slice(0, 2) }));
  return readFileSync(path, 'utf8');
}
