// The CSV reader against a slow definition of the grammar (random files), against csv-parse (real files), and on what must be refused.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse as parseWithPeer } from 'csv-parse/sync';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type CsvOptions, readCsv } from '../../lib/data/csv';
import type { Column } from '../../lib/data/table';
import { uniform } from '../../lib/nn/philox';
import { holdPipe, isOpen, stopAtLatch } from '../border/latch';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood csv '));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function written(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.csv`);
  writeFileSync(path, content);
  return path;
}

const read = (content: string | Uint8Array, options?: CsvOptions) => readCsv(written(content), options);
const cells = (column: Column): (number | string | null)[] =>
  column.kind === 'number' ? Array.from(column.values) : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));

/** The grammar, one character at a time: records of fields; blank lines, and a record whose quote is never closed, are left out. */
function definition(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field = '';
    let quoted = false;
    if (text[at] === '"') {
      quoted = true;
      for (at++; at < text.length; at++) {
        if (text[at] !== '"') field += text[at];
        else if (text[at + 1] === '"') field += text[at++];
        else break;
      }
      if (at >= text.length) return records;
      at++;
    }
    const from = at;
    while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++;
    const rest = text.slice(from, at);
    const last = at >= text.length || text[at] === '\n';
    field += last && rest.endsWith('\r') && (!quoted || rest === '\r') ? rest.slice(0, -1) : rest;
    if (!(last && fields.length === 0 && field === '' && !quoted)) fields.push(field);
    if (last) {
      if (fields.length > 0) records.push(fields);
      fields = [];
    }
    at++;
  }
  if (fields.length > 0) records.push([...fields, '']); // the text ends behind a delimiter
  return records;
}

describe('readCsv', () => {
  it('reads numbers, categories, missing values, quotes, CRLF and a byte order mark', async () => {
    const table = await read('\ufeffage, town ,note\r\n1.5,Oslo,"a, ""b""\nc"\r\n?,NA,\r\n-2e3,Rome,"x"\r\n');
    expect(table.columns.map((c) => c.name)).toEqual(['age', 'town', 'note']);
    expect(cells(table.columns[0]!)).toEqual([1.5, Number.NaN, -2000]);
    expect(cells(table.columns[1]!)).toEqual(['Oslo', null, 'Rome']);
    expect(cells(table.columns[2]!)).toEqual(['a, "b"\nc', null, 'x']);
  });

  it.each([',', ';', '\t', '|'])('finds the delimiter %j', async (delimiter) => {
    const table = await read(['a', 'b', 'c'].join(delimiter) + '\n' + ['1', 'x y', '3.5'].join(delimiter) + '\n');
    expect(table.delimiter).toBe(delimiter);
    expect(table.columns.map((c) => c.kind)).toEqual(['number', 'category', 'number']);
  });

  it('tells a header from data, and takes bare positions for names', async () => {
    expect((await read('1,2\n3,4\n')).rows).toBe(2);
    expect((await read('a,2\n3,4\n')).header).toBe(false);
    expect((await read('1,2,3,phase\n0.5,7,9,D\n')).columns.map((c) => c.name)).toEqual(['1', '2', '3', 'phase']);
    expect((await read('1,2\n3,4\n', { header: 'yes' })).rows).toBe(1);
  });

  it('keeps integers exact: Float64Array where f32 would round', async () => {
    const table = await read('small,large,fraction\n16777216,16777217,0.1\n1,2,3\n');
    expect(table.columns.map((c) => (c.kind === 'number' ? c.values.constructor : null))).toEqual([
      Float32Array,
      Float64Array,
      Float32Array,
    ]);
    expect(cells(table.columns[1]!)).toEqual([16777217, 2]);
  });

  it('rounds numbers as JavaScript does', async () => {
    const written = ['0.1', '1e22', '9007199254740993', '123456789012345678901234567890', '5e-324', '1.7976931348623157e308', '+.5', '-0'];
    const table = await read(`x\n${[...written, '99999999999'].join('\n')}\n`, { numbers: ['x'] });
    expect(cells(table.columns[0]!).slice(0, -1)).toEqual(written.map(Number));
  });

  it('keeps identifiers as they are written, unless they are to be numbers', async () => {
    const twins = ['12345678901234567890', '12345678901234567891'];
    const table = await read(`zip,id,n,pi\n01234,${twins[0]},0,0.5\n1,${twins[1]},-9007199254740991,00.5e1\n`);
    expect(table.columns.map(cells)).toEqual([['01234', '1'], twins, [0, -9007199254740991], ['0.5', '00.5e1']]);
    expect(cells((await read('zip,n\n01234,1\n', { numbers: ['zip'] })).columns[0]!)).toEqual([1234]);
    const late = await read(`id,n\n${'1,2\n'.repeat(2000)}0012,3\n`);
    expect(late.columns.map((c) => cells(c).at(-1))).toEqual(['0012', 3]);
  });

  it('takes words in quotes for categories though they are spelled as missing, among numbers for missing', async () => {
    const table = await read('code,n,note\n"NA",1,""\nNA,"NA",x\nUS,2,y\n');
    expect(table.columns.map(cells)).toEqual([
      ['NA', null, 'US'],
      [1, Number.NaN, 2],
      [null, 'x', 'y'],
    ]);
    expect(cells((await read('a,b\n1,"NA"\n2,"NA"\n')).columns[1]!)).toEqual([Number.NaN, Number.NaN]);
  });

  it('turns a column of numbers into categories when text comes late', async () => {
    const rows = Array.from({ length: 30000 }, (_, i) => `${i},${i % 7}`);
    rows[29000] = '29000,seven';
    const table = await read(`id,digit\n${rows.join('\n')}\n`);
    const digit = table.columns[1]!;
    expect(digit).toMatchObject({ kind: 'category', categories: ['0', '1', '2', '3', '4', '5', '6', 'seven'] });
    expect(cells(digit)[28999]).toBe(String(28999 % 7));
    expect(cells(digit)[29000]).toBe('seven');
  });

  it('leaves a bad line out of the columns that it reads again as categories', async () => {
    const good = Array.from({ length: 1200 }, (_, i) => `${i},${i % 7}`);
    const table = await read(`a,b\n${[...good, 'x,9', 'x,9', '5,late'].join('\n')}\n`, { numbers: ['a'], badLines: 'skip' });
    expect([table.rows, table.skipped.count]).toEqual([1201, 2]);
    expect(table.columns[1]).toMatchObject({ categories: ['0', '1', '2', '3', '4', '5', '6', 'late'] });
    expect(cells(table.columns[1]!)).toEqual([...good.map((_, i) => String(i % 7)), 'late']);
    const first = await read('a,b\nred,1\nblue,x\n', { numbers: ['b'], badLines: 'skip' });
    expect(first.columns[0]).toMatchObject({ categories: ['red'] });
  });

  it('keeps nothing of a line that is skipped', async () => {
    const options: CsvOptions = { badLines: 'skip', numbers: ['y'] };
    const kinds = async (text: string, more: CsvOptions = {}) => {
      const table = await read(text, { ...options, ...more });
      return [
        ...table.columns.map((c) => (c.kind === 'number' ? `${c.values.constructor.name}${c.times ? ' times' : ''}` : 'category')),
        table.notes.length,
      ];
    };
    const rows = '1,2\n'.repeat(1100);
    expect(await kinds(`x,y\n${rows}16777217,bad\n1,2\n`)).toEqual(['Float32Array', 'Float32Array', 0]);
    expect(await kinds(`x,y\n${rows}red,bad\n1,2\n`)).toEqual(['Float32Array', 'Float32Array', 0]);
    expect(await kinds(`x,y\n${rows}9007199254740993,bad\n1,2\n`, { numbers: ['x', 'y'] })).toEqual(['Float32Array', 'Float32Array', 0]);
    expect(await kinds('x,y\n2024-01-31,1\n5,bad\n', { numbers: ['x', 'y'] })).toEqual(['Float64Array times', 'Float32Array', 0]);
  });

  it('reads many columns, some at once', async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `c${i}`);
    const table = await read(`${names}\n${names.map((_, i) => (i % 7 === 0 ? `word${i}` : i))}\n`);
    expect(table.columns.map((c) => c.name)).toEqual(names);
    expect(table.columns.flatMap(cells)).toEqual(names.map((_, i) => (i % 7 === 0 ? `word${i}` : i)));
  });

  it('leaves out what an open quote swallows, and nothing else', async () => {
    const table = await read('a,b\n1,p\n2,q\nx,"open\n', { numbers: ['a'], badLines: 'skip' });
    expect(table.columns.map(cells)).toEqual([
      [1, 2],
      ['p', 'q'],
    ]);
    expect(table.columns[1]).toMatchObject({ categories: ['p', 'q'] });
    expect(table.skipped).toEqual({ count: 1, first: [{ line: 4, reason: 'a quoted field is never closed' }] });
  });

  it('takes no decimal comma for the delimiter', async () => {
    const table = await read('1,5;2,5\n3,5;4,5\n', { decimal: ',' });
    expect([table.delimiter, ...table.columns.map(cells)]).toEqual([';', [1.5, 3.5], [2.5, 4.5]]);
    expect((await read('1,5\n2,5\n', { decimal: ',' })).columns.map(cells)).toEqual([[1.5, 2.5]]);
  });

  it('reads a pipe when its bytes come, and stops waiting for them at an abort', async () => {
    const [silent, pipe] = [join(folder, 'silent-pipe'), join(folder, 'pipe')];
    {
      using latch = holdPipe(silent);
      await stopAtLatch(latch, (signal) => readCsv(silent, { signal }));
    }
    execFileSync('mkfifo', [pipe]);
    const reading = readCsv(pipe);
    await writeFile(pipe, 'a,b\n1,2\n');
    expect((await reading).columns.map(cells)).toEqual([[1], [2]]);
  });

  it('stops at an abort on a file without end', async () => {
    const latch = { arrived: () => isOpen('/dev/zero'), open: () => {}, [Symbol.dispose]: () => {} };
    await stopAtLatch(latch, (signal) => readCsv('/dev/zero', { signal }));
  });

  it('reads bare carriage returns, decimal commas, other names, chosen columns and forced types', async () => {
    expect((await read('a,b\r1,2\r3,4\r')).rows).toBe(2);
    expect(cells((await read('a;b\n1,5;2\n', { decimal: ',' })).columns[0]!)).toEqual([1.5]);
    expect((await read('a,b\n1,2\n', { names: ['x', 'y'], columns: ['y'] })).columns.map((c) => c.name)).toEqual(['y']);
    expect((await read('zip,n\n007,1\n', { categories: ['zip'] })).columns[0]).toMatchObject({ categories: ['007'] });
  });

  it('takes quotes in the middle of a field as they are, and none at all when told so', async () => {
    expect(cells((await read('size,n\n5" pipe,1\n"a"b,2\n')).columns[0]!)).toEqual(['5" pipe', 'ab']);
    expect(cells((await read('t\tn\n"open\t1\n', { quote: '' })).columns[0]!)).toEqual(['"open']);
  });

  it('gives the same table for 1, 2 and 5 threads, over many blocks', async () => {
    const draws = uniform(40_000, { seed: 3, stream: 0 });
    const lines = Array.from(draws, (u, i) => `${u},"${'line\n'.repeat(i % 60)}",${i % 3 ? 'red' : '"blue, green"'}`);
    const path = written(`u,text,colour\n${lines.join('\n')}\n`);
    const [one, two, five] = await Promise.all([1, 2, 5].map((threads) => readCsv(path, { threads })));
    expect(two).toEqual(one);
    expect(five).toEqual(one);
    expect(one!.rows).toBe(40_000);
    expect(cells(one!.columns[1]!)[59]).toBe('line\n'.repeat(59));
  });

  it('reads on while another read waits for the writer of a pipe', async () => {
    const path = written('a\n1\n');
    const pipe = join(folder, 'waiting-pipe');
    execFileSync('mkfifo', [pipe]);
    const waiting = readCsv(pipe, { threads: 4 });
    await vi.waitUntil(() => isOpen(pipe), 30_000);
    expect((await readCsv(path, { threads: 4 })).rows).toBe(1);
    await writeFile(pipe, 'a\n1\n2\n');
    expect((await waiting).rows).toBe(2);
  });

  it('finds its way over many blocks when quotes do not pair', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `pipe ${i % 90}" of ${i},"a, b",${i}`);
    const table = await read(`name,list,n\n${lines.join('\n')}\n`);
    expect(table.rows).toBe(60_000);
    expect(cells(table.columns[2]!)).toEqual(lines.map((_, i) => i));
    expect(cells(table.columns[0]!)[59_999]).toBe('pipe 59" of 59999');
  });

  it('agrees with the definition on random files', async () => {
    const alphabet = ['"', '"', ',', ',', '\n', '\n', '\r\n', 'a', 'b', ' ', 'é', '""', ',"', '",'];
    let compared = 0;
    for (let round = 0; round < 600; round++) {
      const draws = uniform(3 + (round % 40), { seed: round, stream: 1 });
      const text = Array.from(draws, (u) => alphabet[Math.floor(u * alphabet.length)]!).join('');
      const expected = definition(text, ',');
      const options = { delimiter: ',', header: 'no', trim: false, missing: [], badLines: 'skip' } as const;
      const got = await read(text, options).catch((error) => error);
      if (got instanceof Error) {
        expect((got as unknown as { code: string }).code).toMatch(/ERR_TENSORWOOD_(DATA|FORMAT)/);
        continue;
      }
      const rows = expected.filter((fields) => fields.length === got.columns.length);
      const columns: (number | string | null)[][] = got.columns.map(cells);
      const found = Array.from({ length: got.rows }, (_, r) => columns.map((c) => (typeof c[r] === 'string' ? c[r].trim() : '')));
      expect(found).toEqual(rows.map((fields) => fields.map((field) => field.trim())));
      compared++;
    }
    expect(compared).toBeGreaterThan(200);
  });

  it('survives random bytes', async () => {
    for (let round = 0; round < 200; round++) {
      const bytes = Uint8Array.from(uniform(1 + round * 7, { seed: round, stream: 2 }), (u) => Math.floor(u * 256));
      const got = await read(bytes, { badLines: 'skip' }).catch((error) => error);
      expect(got.rows > 0 || /^ERR_TENSORWOOD_/.test(got.code)).toBe(true);
    }
  });
});

describe('readCsv on real files', () => {
  const shared = join(__dirname, '..', '..', '..', 'shared', 'data');
  const sets = [
    { file: 'adult/train.csv' },
    { file: 'california-housing/housing.csv' },
    { file: 'banking77/train.csv' },
    { file: 'sst2/train.csv' },
    { file: 'gesture-phase/a1_raw.csv' },
    { file: 'mrpc/msr-para-val.tsv', delimiter: '\t', quote: '' },
  ];
  for (const { file, delimiter = ',', quote = '"' } of sets) {
    const path = join(shared, file);
    it.skipIf(!existsSync(path))(`${file} says what csv-parse says (skipped where ../shared/data is absent)`, async () => {
      const table = await readCsv(path, { delimiter, quote, trim: false, header: 'yes', missing: [] });
      const [, ...rows] = parseWithPeer(readFileSync(path), { bom: true, delimiter, quote: quote === '' ? null : quote }) as string[][];
      expect(table.rows).toBe(rows.length);
      table.columns.forEach((column, c) => {
        const expected = rows.map((r) => r[c]!);
        if (column.kind === 'category') expect(cells(column)).toEqual(expected.map((t) => (t === '' ? null : t)));
        else
          expect(cells(column)).toEqual(
            Array.from(column.values.map((_, i) => (expected[i]!.trim() === '' ? Number.NaN : Number(expected[i])))),
          );
      });
    });
  }
});

describe('readCsv refuses', () => {
  const refused = (content: string | Uint8Array, code: string, message: RegExp, options?: CsvOptions) =>
    expect(read(content, options)).rejects.toMatchObject({ code: `ERR_TENSORWOOD_${code}`, message: expect.stringMatching(message) });

  it('a file that is absent, a folder, or not to be read', async () => {
    await expect(readCsv(join(folder, 'absent.csv'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE', message: /No such file/ });
    await expect(readCsv(folder)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE', message: /directory/ });
  });

  it('an empty file, and one with a header alone', async () => {
    await refused('', 'DATA', /holds no rows/);
    await refused('a,b\n', 'DATA', /holds no rows/);
  });

  it('foreign files, by name', async () => {
    await refused(Uint8Array.of(0x1f, 0x8b, 8, 0, 1), 'FORMAT', /gzip/);
    await refused('PAR1....', 'FORMAT', /Parquet/);
    await refused('PK\x03\x04\x14[Content_Types].xml', 'FORMAT', /a workbook of a spreadsheet: export it as CSV first/);
    await refused('PK\x03\x04\x14a.csv', 'FORMAT', /a zip archive: unpack it first/);
    for (const json of [
      '{"a": 1, "b": "x"}\n{"a": 2}\n',
      ' {\n  "a": 1\n}',
      '[{"a": 1},\n {"a": 2}]',
      '[1, 2]\n[3, 4]\n',
      '[\n  [1, 2]\n]',
    ])
      await refused(json, 'FORMAT', /is JSON, not delimited text; write it as CSV first/);
    expect((await read('[a],{b}\n1,2\n')).columns.map((c) => c.name)).toEqual(['[a]', '{b}']);
    await refused(Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 'FORMAT', /UTF-16/);
    await refused(
      Buffer.from('a,b\ncaf\xe9,2\n', 'latin1'),
      'FORMAT',
      /expected UTF-8 in column 'a', got the bytes of 'café'; convert the file/,
    );
    await refused(
      Buffer.from('pre\xe7o,b\n1,2\n', 'latin1'),
      'FORMAT',
      /expected UTF-8 in the header of '.*', got the bytes of 'preço'; convert the file, as by iconv -f latin1 -t utf-8$/,
    );
    await refused(Uint8Array.of(65, 0, 66), 'FORMAT', /binary/);
  });

  it('bad lines, with the number of the first; or skips them, with all their numbers', async () => {
    const text = 'a,b\n1,"x\ny"\n2\n3,z\n4,5,6\n';
    await refused(text, 'DATA', /line 4: expected 2 fields, got 1 \(and 1 more bad line\)/);
    const table = await read(text, { badLines: 'skip' });
    expect(table.rows).toBe(2);
    expect(table.skipped).toEqual({
      count: 2,
      first: [
        { line: 4, reason: 'expected 2 fields, got 1' },
        { line: 6, reason: 'expected 2 fields, got 3' },
      ],
    });
  });

  it('text in a column that must be numbers, and a quote that is never closed', async () => {
    await refused('a\n1\nx\n', 'DATA', /line 3: expected a number in column 'a', got 'x'/, { numbers: ['a'] });
    await refused(Buffer.from('a\ncaf\xe9\n', 'latin1'), 'DATA', /got the bytes of 'café', which are no UTF-8; take such/, {
      numbers: ['a'],
    });
    const letters = 'x'.repeat(39);
    for (const text of [`${letters}é`, `${letters}€`, `${letters}😀`])
      await refused(`a\n${text}\n`, 'DATA', /got 'x{39}';/, { numbers: ['a'] });
    await refused('a\n12€😀é\n', 'DATA', /got '12€😀é';/, { numbers: ['a'] });
    await refused('a,b\n1,2\n3,"four\n5,6\n', 'DATA', /line 3: a quoted field is never closed/);
  });

  it('columns that are not there, twins, and options out of range', async () => {
    await refused('a,b\n1,2\n', 'ARGUMENT', /no column 'c' \(columns: a, b\)/, { columns: ['c'] });
    await refused('a,a\n1,2\n', 'FORMAT', /'a' twice/);
    await refused('a,b\n1,2\n', 'ARGUMENT', /delimiter/, { delimiter: '::' });
    await refused('a,b\n1,2\n', 'ARGUMENT', /readCsv: expected options as an object, got null/, null as never);
  });
});
