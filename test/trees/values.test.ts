// What a value means: numbers beyond what f32 holds, the empty text, booleans, dates and bigints, and what is told when a value is lost.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTable } from '../../lib/data/table';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import type { Features } from '../../lib/trees/features';
import { type Forest, parseForest } from '../../lib/trees/forest';
import type { Label } from '../../lib/trees/label';
import { warnings } from '../../lib/trees/warning';

const exact: TrainOptions = { trees: 60, learningRate: 0.5, minChildWeight: 0, l2: 0 };

async function grow(features: Features, label: Label, options: TrainOptions = exact): Promise<Forest> {
  using data = await createDataset(features, { label });
  return await trainTrees(data, options);
}

const repeated = <T>(values: readonly T[], times = 40): T[] =>
  Array.from({ length: values.length * times }, (_, i) => values[i % values.length]!);
const places = (values: readonly unknown[], times = 40): number[] => repeated([...values.keys()], times);

let told: string[];
beforeEach(() => {
  told = [];
  vi.spyOn(warnings, 'tell').mockImplementation((message, code) => void told.push(`${code} ${message}`));
});
afterEach(() => vi.restoreAllMocks());

const days = Array.from({ length: 30 }, (_, i) => 20180101 + i);
const moments = Array.from({ length: 50 }, (_, i) => 1_700_000_000_000 + i);
const ids = Array.from({ length: 100 }, (_, i) => 2 ** 53 - 200 + i);
const extremes = [-Infinity, -1e300, -1e39, -3.4e38, -1, -5e-324, 0, 5e-324, 1e-320, 1, 3.4e38, 1e39, 1e300, Infinity];
const large: [string, readonly number[], (values: readonly number[]) => Features[string & keyof Features]][] = [
  ['days as integers', days, (v) => Int32Array.from(v)],
  ['days without a sign', days, (v) => Uint32Array.from(v)],
  ['days as f64', days, (v) => Float64Array.from(v)],
  ['Unix milliseconds', moments, (v) => Float64Array.from(v)],
  ['Dates', moments, (v) => v.map((t) => new Date(t))],
  ['ids', ids, (v) => Float64Array.from(v)],
  ['ids as bigints', ids, (v) => BigInt64Array.from(v.map(BigInt))],
  ['ids in a list, bigints and numbers', ids, (v) => v.map((n, i) => (i % 2 ? n : BigInt(n)))],
  ['what f32 cannot hold', extremes, (v) => Float64Array.from(v)],
];

describe('numbers that f32 would merge are kept apart', () => {
  it.each(large)('%s', async (_, values, columnOf) => {
    using forest = await grow({ x: columnOf(repeated(values)) } as Features, places(values));
    const column = { x: columnOf(values) } as Features;
    const found = forest.predictSync(column);
    expect(Array.from(found, Math.round)).toEqual([...values.keys()]);
    expect(await forest.predict(column)).toEqual(found);
    expect(Float32Array.from(values, (x) => forest.predictRow({ x }) as number)).toEqual(found);
    expect(Float32Array.from(values, (x) => forest.predictRow(Float64Array.of(x)) as number)).toEqual(found);
    using back = await parseForest(Buffer.from(await forest.toJSONText()));
    expect(back.predictSync(column)).toEqual(found);
    expect(Float32Array.from(values, (x) => back.predictRow([x]) as number)).toEqual(found);
    expect(await back.toJSONText()).toBe(await forest.toJSONText());
    expect(told).toEqual([]);
  });

  it('and so are the rows of evaluation sets, to the bit', async () => {
    const label = places(days);
    const x = repeated(days);
    const losses: number[] = [];
    using data = await createDataset({ x }, { label });
    using forest = await trainTrees(data, {
      ...exact,
      evaluation: { same: { features: { x: Float64Array.from(x) }, label } },
      onProgress: ({ evaluation }) => losses.push(evaluation.same!.rmse!),
    });
    const found = await forest.predict({ x });
    const loss = Math.sqrt(found.reduce((sum, p, i) => sum + (p - label[i]!) ** 2, 0) / label.length);
    expect(losses.at(-1)).toBeCloseTo(loss, 6);
    expect(loss).toBeLessThan(0.1);
  });

  it('by trees of some rows, too', async () => {
    using forest = await grow({ x: repeated(days) }, places(days), { ...exact, trees: 200, rowsPerTree: 0.5, seed: 3 });
    expect(Array.from(forest.predictSync({ x: days }), Math.round)).toEqual([...days.keys()]);
  });

  it('beyond 255 of them, where each has weight', async () => {
    const many = Array.from({ length: 600 }, (_, i) => 20180001 + i);
    const label = repeated(
      many.map((_, i) => Math.sin(i)),
      5,
    );
    using forest = await grow({ x: repeated(many, 5) }, label);
    using small = await grow({ x: repeated([...many.keys()], 5) }, label);
    expect(forest.predictSync({ x: many })).toEqual(small.predictSync({ x: [...many.keys()] }));
  });

  it('while a column whose values f32 parts is compared as ever', async () => {
    const values = Array.from({ length: 2000 }, (_, i) => Math.sin(i));
    const label = values.map((v) => v * v);
    using double = await grow({ x: values }, label);
    using single = await grow({ x: Float32Array.from(values) }, label);
    expect((await double.toJSONText()).replaceAll(/"about".*/g, '')).toBe((await single.toJSONText()).replaceAll(/"about".*/g, ''));
    expect(await double.toJSONText()).toContain('"version":1');
  });
});

describe('infinities', () => {
  it('are numbers beyond every cut, in a row as in a batch', async () => {
    const ratio = Float64Array.from({ length: 200 }, (_, i) => (i % 2 ? Number.NaN : i));
    using forest = await grow(
      { ratio },
      Float32Array.from(ratio, (v) => (Number.isNaN(v) ? 5 : 1)),
    );
    for (const v of [198, Infinity, 1e39, 3.4e38, -Infinity, -1e39, -0, 5e-324]) {
      const batch = forest.predictSync({ ratio: [v] })[0]!;
      expect(batch).toBeCloseTo(1, 3);
      expect([forest.predictRow({ ratio: v }), forest.predictRow([v]), forest.predictRow(Float64Array.of(v))]).toEqual([
        batch,
        batch,
        batch,
      ]);
      expect(forest.predictRow(Float32Array.of(v))).toBe(batch);
      expect(forest.predictSync({ ratio: Float32Array.of(v) })[0]).toBe(batch);
    }
  });
});

describe('the empty text', () => {
  const codes = Int32Array.from({ length: 200 }, (_, i) => i % 3);
  const label = Float32Array.from(codes, (c) => [5, 1, 2][c]!);

  it('is missing in a table, a dictionary, a list and a row', async () => {
    const town = { kind: 'category', name: 'town', codes, categories: ['', 'Oslo', 'Rome'] } as const;
    using forest = await grow(createTable([town]), label);
    expect(forest.signature.categories).toEqual([['Oslo', 'Rome']]);
    const found = [
      forest.predictSync(createTable([{ ...town, codes: Int32Array.of(0) }]))[0],
      forest.predictSync({ town: { codes: Int32Array.of(1), categories: ['Rome', ''] } })[0],
    ];
    found.push(forest.predictSync({ town: ['', 'Oslo'] })[0], forest.predictSync({ town: [null] })[0]);
    found.push(forest.predictRow({ town: '' }) as number, forest.predictRow(['']) as number, forest.predictRow([null]) as number);
    for (const p of found) expect(p).toBe(found[0]);
    expect(found[0]).toBeCloseTo(5, 3);
  });

  it('is a category still of a model that has it', async () => {
    using forest = await grow({ town: { codes, categories: ['blank', 'Oslo', 'Rome'] } }, label);
    using old = await parseForest(Buffer.from((await forest.toJSONText()).replace('"blank"', '""')));
    const found = [old.predictSync({ town: [''] })[0], old.predictSync({ town: { codes: Int32Array.of(1), categories: ['x', ''] } })[0]];
    found.push(old.predictRow({ town: '' }) as number);
    for (const p of found) expect(p).toBe(forest.predictRow({ town: 'blank' }));
  });

  it('is missing among numbers', async () => {
    using forest = await grow({ x: ['' as never, 1, 2] }, [0, 1, 2]);
    expect(forest.signature.categories).toEqual([null]);
    expect(forest.predictRow({ x: '' })).toBe(forest.predictRow({ x: null }));
    expect(forest.predictSync({ x: ['', null] })[0]).toBe(forest.predictRow({ x: null }));
  });

  it('and a name that comes twice is one category', async () => {
    using data = await createDataset({ town: { codes: Int32Array.of(0, 1, 2), categories: ['a', 'b', 'a'] } });
    expect(data.signature.categories).toEqual([['a', 'b']]);
    await expect(createDataset({ town: { codes: Int32Array.of(0, 7), categories: ['a', 'a'] } })).rejects.toThrow(
      /codes in \[0, 1\] in column 'town', got 7 in row 1/,
    );
  });
});

describe('booleans', () => {
  it('are 1 and 0', async () => {
    using forest = await grow({ x: repeated([true, false, null]) }, repeated([1, 2, 3]));
    const found = forest.predictSync({ x: [1, 0, null] });
    expect(forest.predictSync({ x: [true, false, undefined] })).toEqual(found);
    expect(forest.predictRow({ x: true })).toBe(found[0]);
  });

  it('are the texts true and false to a model that knows categories', async () => {
    using forest = await grow({ x: repeated(['true', 'false', 'maybe']) }, repeated([1, 2, 3]));
    const found = forest.predictSync({ x: ['true', 'false'] });
    expect(forest.predictSync({ x: [true, false] })).toEqual(found);
    expect([forest.predictRow({ x: true }), forest.predictRow([false])]).toEqual([...found]);
    expect(told).toEqual([]);
  });
});

describe('a column of which the model knows no value', () => {
  it('is told once, for rows as for batches, with the nearest spelling', async () => {
    using forest = await grow({ zone: repeated(['1', '2', '3', '4']) }, repeated([1, 5, 2, 9]));
    forest.predictSync({ zone: ['1.0', '2'] });
    expect(told).toEqual([]);
    forest.predictSync({ zone: ['', '1.0', '2.0'] });
    forest.predictRow({ zone: '3.0' });
    expect(told).toEqual([
      "TENSORWOOD_UNKNOWN_CATEGORIES predict: the model knows none of the categories in column 'zone', as '1.0', did you mean '1'? (it knows 1, 2, 3, 4)",
    ]);
    using other = await parseForest(Buffer.from(await forest.toJSONText()));
    other.predictRow({ zone: ' 4' });
    other.predictRow({ zone: 'five' });
    expect(told[1]).toMatch(/^TENSORWOOD_UNKNOWN_CATEGORIES predictRow: .* as ' 4', did you mean '4'\?/);
    expect(told.length).toBe(2);
  });

  it('is told of codes without names and of evaluation sets', async () => {
    const zone = { codes: Int32Array.from(repeated([0, 1, 2])), categories: 3 };
    using data = await createDataset({ zone }, { label: repeated([1, 2, 3]) });
    const evaluation = { later: { features: { zone: { codes: Int32Array.of(7), categories: 8 } }, label: [1] } };
    using _ = await trainTrees(data, { trees: 1, evaluation });
    expect(told[0]).toMatch(/evaluation 'later': .* column 'zone', as code 7 \(it knows codes in \[0, 2\]\)/);
  });
});

it('bigints of which f64 merges two are told with the column, once', async () => {
  const id = [1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 53n];
  using _ = await createDataset({ id, other: BigInt64Array.from(id) }, { label: [1, 2, 3, 4] });
  expect(told).toEqual([
    expect.stringMatching(
      /^TENSORWOOD_MERGED_INTEGERS dataset: column 'id' .* 9007199254740993 in row 2 with 9007199254740992; pass them as text/,
    ),
    expect.stringMatching(/column 'other'/),
  ]);
});

describe('labels', () => {
  const x = Float32Array.from({ length: 4 }, (_, i) => i);
  const refusals: [string, Label, RegExp][] = [
    [
      'that floats merge',
      moments.slice(0, 4),
      /tell apart, got 170000000000\d in row \d, which they round to 1\d+, .*; subtract 1700000000000/,
    ],
    ['that floats merge, as Dates', moments.slice(0, 4).map((t) => new Date(t)), /subtract 1700000000000 from every label/],
    ['beyond the range', [1, 2, 1e39, 3], /labels within ±3.4e38, .* got 1e\+39 in row 2; scale them down/],
    ['that are infinite', Float64Array.of(1, 2, 3, Infinity), /finite labels, got Infinity in row 3; leave such rows out/],
    ['that are empty', ['a', '', 'b', 'c'], /the label is missing in row 1/],
    ['that are no Date', [new Date(0), new Date(Number.NaN), new Date(1), new Date(2)], /the label is missing in row 1/],
  ];
  it.each(refusals)('%s are refused', async (_, label, message) => {
    await expect(createDataset({ x }, { label })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_DATA',
      message: expect.stringMatching(message),
    });
  });

  it('by codes leave out the empty name, and names that come twice are one class', async () => {
    using data = await createDataset({ x }, { label: { codes: Int32Array.of(1, 2, 3, 1), categories: ['', 'no', 'yes', 'no'] } });
    expect(data.classes).toEqual(['no', 'yes']);
    expect(data.largestLabel).toBe(1);
  });

  it('that are booleans are two classes unless regression is asked for', async () => {
    using data = await createDataset({ x }, { label: [false, true, true, false] });
    using guessed = await trainTrees(data, { trees: 1 });
    using asked = await trainTrees(data, { trees: 1, objective: 'regression' });
    using numbers = await createDataset({ x }, { label: [false, 1, true, 0] });
    using mixed = await trainTrees(numbers, { trees: 1 });
    expect([guessed, asked, mixed].map((forest) => forest.objective)).toEqual(['binary', 'regression', 'regression']);
  });

  it('may be booleans, bigints and Dates', async () => {
    for (const label of [[false, true, true, false], [0n, 1n, 1, 0n], [0, 1, 1, 0].map((day) => new Date(day))]) {
      using forest = await grow({ x }, label as Label);
      expect(forest.predictSync({ x })[1]).toBeCloseTo(1, 2);
    }
  });

  it.each([
    ['beyond the range', [1, 1e39, 1, 1], /weights within ±3.4e38, .* row 1/],
    ['too small for floats', [1e-50, 0, 1e-60, 0], /at least 1.2e-38, got 1e-50 as the largest; scale them up/],
  ])('with weights %s are refused', async (_, weight, message) => {
    await expect(createDataset({ x }, { label: x, weight })).rejects.toThrow(message);
  });
});

describe('refuses in a list', () => {
  it.each([
    ['bytes', [Buffer.from('a')], /got Buffer in row 0; pass bytes as text, as Buffer.from\(bytes\).toString\('hex'\)/],
    ['objects', [{ a: 1 }], /got Object in row 0; pass text, as JSON.stringify/],
    ['text after numbers', [1, 'x'], /numbers alone or strings alone in column 'x', got string in row 1/],
  ])('%s', async (_, x, message) => {
    await expect(createDataset({ x } as never)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });
});
