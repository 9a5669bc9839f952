// A value means the same at every door: trained through one, a model gives equal bits through all. Prints what came out at each.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runPredictTrees } from '../../lib/cli/predict-trees';
import { readCsv } from '../../lib/data/csv';
import { readParquet } from '../../lib/data/parquet';
import { type Column, columnOf, createTable, type Table, takeRows } from '../../lib/data/table';
import { type TrainOptions, trainTrees } from '../../lib/trees/booster';
import type { Cell } from '../../lib/trees/cell';
import { createDataset } from '../../lib/trees/dataset';
import type { Features } from '../../lib/trees/features';
import { type Forest, loadForest } from '../../lib/trees/forest';
import { warnings } from '../../lib/trees/warning';
import { cases, type DoorCase } from './door-cases';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood doors '));
const parquetFile = join(__dirname, '../golden/doors.parquet');
const printed: string[] = [];
afterAll(() => {
  rmSync(folder, { recursive: true });
  console.log(printed.join('\n'));
});
beforeEach(() => {
  vi.spyOn(warnings, 'tell').mockImplementation(() => {});
});

/** What is asked for at a door: cells, and how a file spells them. */
type Asked = Pick<DoorCase, 'cells' | 'fields' | 'typed' | 'parquet' | 'asCategories'>;

const csvOf = (fields: readonly string[]): string => `x,one\n${fields.map((field) => `${field},1\n`).join('')}`;
const withoutFillings = (table: Table, rows: number): Table =>
  takeRows(
    table,
    Int32Array.from({ length: rows }, (_, i) => i),
  );
const named = (column: Column): Table => createTable([{ ...column, name: 'x' }]);
const areNumbers = (cells: readonly Cell[]): boolean => !cells.some((cell) => typeof cell === 'string');
const numbersOf = (cells: readonly Cell[]): Float64Array => Float64Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell)));

function dictionaryOf(cells: readonly Cell[]): { codes: Int32Array; categories: string[] } {
  const categories = ['another', ...new Set(cells.filter((cell) => typeof cell === 'string'))];
  return { codes: Int32Array.from(cells, (cell) => (typeof cell !== 'string' ? -1 : categories.indexOf(cell as string))), categories };
}

type Open = () => Features | Promise<Features>;

/** How features come through a door; nothing where the door cannot hold them. */
const sources: Record<string, (asked: Asked) => Open[]> = {
  list: ({ cells }) => [() => ({ x: cells }) as Features],
  typed: ({ typed = [] }) => typed.map((x) => () => ({ x })),
  matrix: ({ cells }) => (areNumbers(cells) ? [() => ({ values: numbersOf(cells), columns: 1, names: ['x'] })] : []),
  table: ({ cells }) => [
    () =>
      named(
        areNumbers(cells) ? { kind: 'number', name: '', values: numbersOf(cells) } : { kind: 'category', name: '', ...dictionaryOf(cells) },
      ),
  ],
  dictionary: ({ cells }) => (areNumbers(cells) ? [] : [() => ({ x: dictionaryOf(cells) })]),
  CSV: ({ fields, asCategories, cells }) => {
    if (fields === undefined) return [];
    const numbers = cells.some((cell) => typeof cell === 'bigint') ? ['x'] : []; // beyond 2^53 they would be taken for identifiers
    return [() => readCsv({ text: csvOf(fields) }, { numbers, categories: asCategories ? ['x'] : [] })];
  },
  Parquet: ({ parquet = [], cells }) =>
    parquet.map(
      (name) => async () => named(columnOf(withoutFillings(await readParquet(parquetFile, { columns: [name] }), cells.length), name)),
    ),
};

async function throughCommandLine(forest: Forest, fields: readonly string[]): Promise<Float32Array> {
  const [model, data, output] = ['model.json', 'data.csv', 'answers.csv'].map((name) => join(folder, name)) as [string, string, string];
  await forest.save(model);
  writeFileSync(data, csvOf(fields));
  using loaded = await loadForest(model);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await runPredictTrees(loaded, undefined, { words: [model], flags: { data, output }, signal: new AbortController().signal });
  stderr.mockRestore();
  return Float32Array.from(readFileSync(output, 'utf8').trim().split('\n').slice(1), Number);
}

/** The answers through every door, by its name. */
async function answersOf(forest: Forest, asked: Asked): Promise<[string, Float32Array][]> {
  const row = (read: (cell: Cell) => Parameters<Forest['predictRow']>[0]): Float32Array =>
    Float32Array.from(asked.cells, (cell) => forest.predictRow(read(cell)) as number);
  const answers: [string, Float32Array][] = [
    ['row', row((x) => ({ x }))],
    ['row list', row((x) => [x])],
    ['sync', forest.predictSync({ x: asked.cells } as Features)],
  ];
  for (const [door, open] of Object.entries(sources)) {
    for (const [i, features] of open(asked).entries()) answers.push([`${door}${' '.repeat(i)}`, await forest.predict(await features())]);
  }
  if (asked.fields !== undefined) answers.push(['command line', await throughCommandLine(forest, asked.fields)]);
  return answers;
}

const times = 40;

/** Trees that tell every value from every other. */
const exact: TrainOptions = {
  ...{ trees: 60, learningRate: 0.5, minChildWeight: 0, l2: 0 },
  ...{ minRowsInCategory: 1, minRowsInGroup: 1, categorySmoothing: 0, categoryL2: 0 },
};

async function grow(features: Features, rows: number, label: readonly number[]): Promise<Forest> {
  const order = Int32Array.from({ length: rows * times }, (_, i) => i % rows);
  using data = await createDataset(repeat(features, order), { label: Float32Array.from(order, (row) => label[row]!) });
  return await trainTrees(data, exact);
}

/** Each row many times. */
function repeat(features: Features, order: Int32Array): Features {
  if ('rows' in features) return takeRows(withX(features as Table), order);
  const pick = <T>(list: ArrayLike<T>): T[] => Array.from(order, (row) => list[row]!);
  if ('values' in features) return { ...features, values: Float64Array.from(pick(features.values as Float64Array)) } as Features;
  const { x } = features as unknown as { x: ArrayLike<number> | { codes: Int32Array } };
  if ('codes' in x) return { x: { ...x, codes: Int32Array.from(pick(x.codes)) } } as unknown as Features;
  if (Array.isArray(x)) return { x: pick(x) } as Features;
  return { x: new (x.constructor as Float64ArrayConstructor)(pick(x as ArrayLike<number>)) };
}
const withX = (table: Table): Table => createTable(table.columns.filter(({ name }) => name === 'x'));

const shown = (cell: Cell): string =>
  cell instanceof Date ? cell.toISOString() : typeof cell === 'string' ? JSON.stringify(cell) : String(cell);

/** One line a value: its answer, and the doors that gave it. */
function print(title: string, cells: readonly Cell[], answers: readonly [string, Float32Array][]): void {
  const doors = [...new Set(answers.map(([door]) => door.trim()))];
  printed.push('', `${title.padEnd(38)} ${doors.map((door) => door.padStart(13)).join('')}`);
  for (const [row, cell] of cells.entries()) {
    const answerOf = (door: string): string =>
      [...new Set(answers.filter(([name]) => name.trim() === door).map(([, found]) => found[row]!.toFixed(2)))].join('/');
    printed.push(`  ${shown(cell).padEnd(36)} ${doors.map((door) => answerOf(door).padStart(13)).join('')}`);
  }
}

const doorsOf = (given: DoorCase): string[] => Object.keys(sources).filter((door) => sources[door]!(given).length > 0);

it('no door is without a case but where it holds no such values', () => {
  const absent = Object.keys(sources).map((door) => [door, cases.filter((c) => !doorsOf(c).includes(door)).map(({ title }) => title)]);
  const titles = (kept: (given: DoorCase) => boolean): string[] => cases.filter(kept).map(({ title }) => title);
  expect(Object.fromEntries(absent)).toEqual({
    ...{ list: [], table: [], CSV: ['bigints between two floats'] },
    ...{ typed: titles((c) => !areNumbers(c.cells)), matrix: titles((c) => !areNumbers(c.cells)) },
    dictionary: titles((c) => areNumbers(c.cells)),
    Parquet: ['decimals between those learned', 'bigints between two floats', 'names among which NaN is missing'],
  });
});

describe.each(cases)('$title', (given) => {
  const { title, cells, groups = [...cells.keys()], asked } = given;

  it.each(doorsOf(given))('learned through %s', async (door) => {
    expect.hasAssertions();
    for (const features of sources[door]!(given)) {
      using forest = await grow(await features(), cells.length, groups);
      const answers = await answersOf(forest, given);
      const [, first] = answers[0]!;
      expect(Array.from(first, Math.round)).toEqual(groups);
      expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(answers.map(([name]) => [name, first])));
      if (asked !== undefined) {
        const others = await answersOf(forest, { ...asked, asCategories: given.asCategories === true });
        expect(Object.fromEntries(others)).toEqual(Object.fromEntries(others.map(([name]) => [name, others[0]![1]])));
        if (door === 'list') print(`${title}, asked`, asked.cells, others);
      } else if (door === 'list') print(title, cells, answers);
    }
  });
});

describe('numbers for categories that have names', () => {
  const names = ['1', '2', '3'];

  it.each(['list', 'dictionary', 'table'])('are refused where columns have names, learned through %s', async (door) => {
    using forest = await grow(await sources[door]!({ cells: names })[0]!(), 3, [0, 1, 2]);
    expect(() => forest.predictRow({ x: 1 })).toThrow("categories by name in column 'x', got 1; pass the text '1'");
    expect(() => forest.predictSync({ x: [1] })).toThrow("expected categories in column 'x', got numbers");
    await expect(forest.predict(await readCsv({ text: csvOf(['1', '2']) }))).rejects.toThrow(
      "expected categories in column 'x', got numbers",
    );
    const code = (forest.signature.categories[0] as string[]).indexOf('2');
    expect(forest.predictRow([code])).toBe(forest.predictRow({ x: '2' }));
  });
});
