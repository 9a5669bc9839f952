// The texts of `tensorwood inspect`, one for each kind of file.
import { compact, grouped } from '../dashboard/html';
import { readIdx } from '../data/images';
import type { Column, NumberColumn } from '../data/table';
import { fail } from '../errors';
import type { OpenedSource } from '../files/source';
import { type Entry, inspectSafetensors } from '../formats/safetensors';
import { typedArrayName } from '../realm';
import { counted } from '../schema';
import { showShape, sizeOf } from '../shape';
import { loadForest } from '../trees/forest';
import type { Input } from './command';
import { layOut } from './help';
import { kindOf, modelOf, openWord } from './model-file';
import { type Asked, asAsked, guessesOf, readAsked } from './tables';

const listed = 40; // rows of a long list

type Rows = (readonly [string, string])[];

const section = (title: string, rows: Rows): string => {
  const more = rows.length > listed ? `\n  … ${rows.length - listed} more` : '';
  return `${title}\n${rows.length === 0 ? '  none' : layOut(rows.slice(0, listed))}${more}`;
};

const bytes = (n: number): string => (n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`);

async function describeForest(source: OpenedSource, { signal }: Input): Promise<string> {
  using forest = await loadForest(source, { signal });
  const { names, categories } = forest.signature;
  const kinds = new Map(names.map((name, i) => [name, categoryText(categories[i]!)]));
  const features: Rows = forest
    .importance()
    .map(({ name, gain, splits }) => [name, `${kinds.get(name)}, ${counted(splits, 'split')}, gain ${compact(gain)}`]);
  const options: Rows = Object.entries(forest.parameters).map(([name, value]) => [name, String(value)]);
  const classes = forest.classes === undefined ? '' : `, classes ${forest.classes.slice(0, 10).join(', ')}`;
  const head = `${source.name}: ${forest.objective} forest of ${counted(forest.rounds, 'round')}${classes}, ${bytes(source.size)}`;
  return [head, section('Features by gain', features), section('Options', options)].join('\n\n');
}

const categoryText = (categories: readonly string[] | number | null): string => {
  if (categories === null) return 'number';
  return counted(typeof categories === 'number' ? categories : categories.length, 'category', 'categories');
};

function describeEntry({ code, dtype, shape, begin, end }: Entry): string {
  const read = dtype === undefined ? ', cannot be read' : dtype === code.toLowerCase() ? '' : `, read as ${dtype}`;
  return `${code} ${showShape(shape)}, ${bytes(end - begin)}${read}`;
}

async function describeSafetensors(source: OpenedSource, { signal }: Input): Promise<string> {
  const { entries, metadata } = await inspectSafetensors(source, { signal });
  const total = entries.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const head = `${source.name}: safetensors, ${counted(entries.length, 'tensor')}, ${counted(total, 'element')}, ${bytes(source.size)}`;
  const tensors: Rows = entries.map((entry) => [entry.name, describeEntry(entry)]);
  const notes: Rows = Object.entries(metadata).map(([name, value]) => [name, value.length > 200 ? `${value.slice(0, 200)}…` : value]);
  return [head, section('Tensors', tensors), ...(notes.length === 0 ? [] : [section('Metadata', notes)])].join('\n\n');
}

async function describeIdx(source: OpenedSource): Promise<string> {
  const { shape, data } = await readIdx(source);
  const some = `${typedArrayName(data)} ${showShape(shape)}`;
  return `${source.name}: IDX, ${some}, ${bytes(source.size)}; no table: readIdx and readIdxImages of the library read it`;
}

function describeColumn(column: Column, rows: number): string {
  if (column.kind === 'category') {
    const missing = column.codes.reduce((n, code) => n + (code < 0 ? 1 : 0), 0);
    const some = column.categories.slice(0, 4).map((c) => (c.length > 24 ? `${c.slice(0, 23)}…` : c));
    return `${counted(column.categories.length, 'category', 'categories')} (${some.join(', ')}${column.categories.length > 4 ? ', …' : ''})${missingText(missing, rows)}`;
  }
  return describeNumbers(column, rows);
}

const day = (time: number): string =>
  Math.abs(time) > 8.64e15 ? compact(time) : new Date(time).toISOString().replace('T00:00:00.000Z', '');

function describeNumbers({ values, times }: NumberColumn, rows: number): string {
  let [low, high, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    count++;
  }
  const range = times ? `${day(low)} to ${day(high)}` : `${compact(low)} to ${compact(high)}, mean ${compact(sum / count)}`;
  return `${times ? 'time' : 'number'}, ${count === 0 ? 'no value' : range}${missingText(rows - count, rows)}`;
}

const missingText = (missing: number, rows: number): string =>
  missing === 0 ? '' : `, ${grouped(missing)} missing (${((100 * missing) / rows).toFixed(1)} %)`;

function describeTable(path: string, asked: Asked): string {
  const { columns, rows } = asAsked(asked);
  const described: Rows = columns.map((c) => [c.name, describeColumn(c, rows)]);
  const guesses = guessesOf(asked).map((line) => `\n  ${line}`);
  const guessed = guesses.length === 0 ? '' : `\n\nRead by guess${guesses.join('')}`;
  return `${path}: table of ${counted(rows, 'row')}\n\n${section('Columns', described)}${guessed}`;
}

/** What a file, standard input or the folder of a run is and holds. @throws ERR_TENSORWOOD_FILE, _FORMAT, _DATA when it cannot be told */
export async function describeFile(word: string, input: Input): Promise<string> {
  const { run, word: file } = await modelOf('inspect', word);
  if (run !== undefined) return `${word}: folder of a run (${run.kind})\n\n${await describeFile(file, input)}`;
  const source = await openWord('inspect', word, input);
  switch (await kindOf('inspect', source)) {
    case 'forest':
      return describeForest(source, input);
    case 'safetensors':
      return describeSafetensors(source, input);
    case 'idx':
      return describeIdx(source);
    case 'text':
      if (/\.json$/i.test(source.name))
        fail('ERR_TENSORWOOD_FORMAT', `inspect: '${source.name}' is not a tensorwood model, and JSON is no table`);
      break;
    case 'parquet':
  }
  return describeTable(source.name, await readAsked(source, input));
}
