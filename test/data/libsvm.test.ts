// Files of libsvm as tables: what is read, what is refused, and real files against a few lines that read them slowly.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CsvOptions, type CsvTable, readCsv } from '../../lib/data/csv';
import { uniform } from '../../lib/nn/philox';

const read = (text: string, options?: CsvOptions) => readCsv({ text }, options);
const record = (table: CsvTable): Record<string, number[]> =>
  Object.fromEntries(table.columns.map((c) => [c.name, c.kind === 'number' ? Array.from(c.values) : []]));

/** Columns by name; what a line leaves out is 0. */
function definition(text: string): Record<string, number[]> {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  const pairs = lines.map((line) => line.split(/\s+/).slice(1)).map((words) => words.map((w) => w.split(':') as [string, string]));
  const indices = pairs.flatMap((p) => p.filter(([i]) => i !== 'qid').map(([i]) => Number(i)));
  const columns: Record<string, number[]> = { label: lines.map((line) => Math.fround(Number(line.split(/\s+/)[0]))) };
  if (pairs.some((p) => p[0]?.[0] === 'qid')) columns.qid = pairs.map((p) => (p[0]?.[0] === 'qid' ? Number(p[0]![1]) : Number.NaN));
  const most = indices.reduce((a, b) => Math.max(a, b), 0);
  for (let i = indices.includes(0) ? 0 : 1; i <= most; i++) columns[`f${i}`] = lines.map(() => 0);
  pairs.forEach((p, row) => {
    for (const [i, value] of p) if (i !== 'qid') columns[`f${i}`]![row] = Math.fround(Number(value));
  });
  return columns;
}

describe('libsvm', () => {
  it('becomes label, qid and features, 0 where a line has none', async () => {
    const text = '# comment\n1 qid:1 1:0.5 3:-2e1\n\n0 qid:2 2:7 # doc 7\r\n-1\n';
    const table = await read(text);
    expect(record(table)).toEqual({
      label: [1, 0, -1],
      qid: [1, 2, Number.NaN],
      f1: [0.5, 0, 0],
      f2: [0, 7, 0],
      f3: [-20, 0, 0],
    });
    expect(table.notes[0]!.message).toMatch(/^libsvm was read: label, qid/);
    expect(Object.keys(record(await read('1 0:1 2:1\n0 1:1\n')))).toEqual(['label', 'f0', 'f1', 'f2']);
  });

  it('says what the definition says, of random files in many blocks', async () => {
    for (let round = 0; round < 30; round++) {
      const lines = 1 + 20 * round;
      const draws = uniform(lines * 40, { seed: round, stream: 5 });
      let at = 0;
      const text = Array.from({ length: lines }, (_, i) => {
        const words = [`${i % 3}`];
        if (round % 2 === 0) words.push(`qid:${i % 5}`);
        for (let index = round % 3 === 0 ? 0 : 1; index < 30; index += 1 + Math.floor(draws[at++]! * 9))
          words.push(`${index}:${(draws[at++]! * 8 - 4).toFixed(3)}`);
        return words.join(draws[at++]! < 0.1 ? '  ' : ' ');
      }).join('\n');
      expect(record(await read(text))).toEqual(definition(text));
    }
  });

  it('keeps exact what f32 does not hold', async () => {
    const { columns } = await read('1 1:16777217\n0 2:1\n');
    expect(columns.map((c) => c.kind === 'number' && c.values.constructor)).toEqual([Float32Array, Float64Array, Float32Array]);
  });

  it('is wide by the rule of all text: what a float may not tell from its neighbours', async () => {
    const { columns } = await read('0.123456789 1:0.1234567 2:1e300\n0 1:1\n0 2:2 3:0.123456789\n');
    const kinds = columns.map((c) => c.kind === 'number' && c.values.constructor);
    expect(kinds).toEqual([Float64Array, Float64Array, Float64Array, Float64Array]);
    const narrow = (await read('0.1 qid:1 1:0.5\n0 qid:2 1:1.25\n')).columns.map((c) => c.kind === 'number' && c.values.constructor);
    expect(narrow).toEqual([Float32Array, Float32Array, Float32Array]);
  });

  it('takes words for missing, and bad values where it is told', async () => {
    const text = '1 1:1 2:5\n0 1:NA 2:x\n1 1:3\n';
    await expect(read(text)).rejects.toThrow("line 2: expected index:value, got '2:x'");
    const table = await read(text, { badValues: 'missing' });
    expect(record(table)).toEqual({ label: [1, 0, 1], f1: [1, Number.NaN, 3], f2: [5, Number.NaN, 0] });
    expect(record(await read('1 1:1\n0 1:none\n', { missing: ['none'] }))).toEqual({ label: [1, 0], f1: [1, Number.NaN] });
    await expect(read('1 1:1\n', { header: 'yes' })).rejects.toThrow('is a libsvm file, whose first line is a row');
    expect(record(await read('1 1:1\n', { header: 'no' }))).toEqual({ label: [1], f1: [1] });
  });

  it('has a column once, and by its one name', async () => {
    expect((await read('1 7:2\n', { columns: ['f7', 'f7'] })).columns.map((c) => c.name)).toEqual(['f7']);
    await expect(read('1 7:2\n', { columns: ['f007'] })).rejects.toThrow("has no column 'f007'");
  });

  it('has the columns of the model that it is for', async () => {
    const like = { signature: { names: ['f1', 'f2', 'f3', 'f4'], categories: [null, null, null, null] } };
    expect(Object.keys(record(await read('1 1:1\n0 2:1\n', { like })))).toEqual(['label', 'f1', 'f2', 'f3', 'f4']);
  });

  it('is read in part', async () => {
    const options = { columns: ['f4000000000', 'label'] };
    expect(record(await read('1 4000000000:2\n0 1:1\n', options))).toEqual({ f4000000000: [2, 0], label: [1, 0] });
    await expect(read('1 1:2\n', { columns: ['f9'] })).rejects.toThrow("has no column 'f9' (columns: label, f1 to f1)");
  });

  it('is refused where it is no table that memory holds', async () => {
    await expect(read('1 1:1\n0 4294967295:1\n')).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_MEMORY',
      message: expect.stringMatching(/at most 100000 columns, got 2 rows of 4294967296 columns; read some of them with { columns }/),
    });
  });

  it('names the first bad line', async () => {
    const refused = async (text: string, message: string) => expect(read(text)).rejects.toThrow(message);
    await refused('1 1:1\n0 1:2\n1 x\n', "line 3: expected index:value, got 'x'");
    await refused('1 1:1\n0 1:2\n1 2:1 2:3\n', 'line 3: expected indices that grow along the line, got 2 behind 2');
    await refused('1 1:1\n0 1:2\n1,2 2:1\n', "line 3: expected a number for the label, got '1,2'");
    expect((await read('1 1:1\n0 1:2\n1 x\n', { badLines: 'skip' })).skipped.count).toBe(1);
  });

  it('is text where a delimiter is told, and refuses options of text', async () => {
    const { columns } = await read('1 1:5\n0 2:6\n', { delimiter: ' ' });
    expect(columns[1]).toMatchObject({ kind: 'category', categories: ['1:5', '2:6'] });
    await expect(read('1 1:5\n', { categories: ['f1'] })).rejects.toThrow('is a libsvm file, which holds numbers alone');
    await expect(read('1 1:5\n', { names: ['a'] })).rejects.toThrow("read it as text with { delimiter: ' ' }");
  });

  const shared = join(__dirname, '..', '..', '..', 'shared', 'data');
  for (const file of ['agaricus/agaricus.txt.test', 'lightgbm-examples/lambdarank/rank.test']) {
    const path = join(shared, file);
    it.skipIf(!existsSync(path))(`${file} says what the definition says (skipped where ../shared/data is absent)`, async () => {
      expect(record(await readCsv(path))).toEqual(definition(readFileSync(path, 'utf8')));
    });
  }
});
