// What the reader of text guesses of a file where nobody tells it: what stands above the header, the header, delimiters, quotes; what it says of that; and how it is told.
import { describe, expect, it } from 'vitest';
import { noteLines } from '../../lib/cli/note-lines';
import { type CsvOptions, readCsv } from '../../lib/data/csv';
import type { Note } from '../../lib/data/notes';
import type { Column } from '../../lib/data/table';

const read = (text: string, options?: CsvOptions) => readCsv({ text }, options);
const cells = (column: Column): (number | string | null)[] =>
  column.kind === 'number' ? Array.from(column.values) : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
const columnsOf = async (text: string, options?: CsvOptions) => (await read(text, options)).columns.map(cells);
const namesOf = async (text: string, options?: CsvOptions) => (await read(text, options)).columns.map((c) => c.name);
const linesOf = (notes: readonly Note[]): string[] => noteLines(notes, () => true);
const notesOf = async (text: string, options?: CsvOptions) => linesOf((await read(text, options)).notes);

describe('a header', () => {
  it.each([
    ['years', 'Country,Code,1960,1961\nAruba,ABW,1.5,2\nChad,TCD,4,5\n'],
    ['an index without a name', ',0,1\n0,0.5,1.5\n1,2.5,3.5\n'],
    ['positions above fractions', '0,1\n0.5,1.5\n2.5,3.5\n'],
    ['hours', 'day,0,6,12\nmon,1,2,3\ntue,5,6,7\n'],
    ['a number in quotes above numbers without', '"city","2020"\n"Oslo",5\n"Rome",6\n'],
    ['a year above what is none', 'city,2020\nOslo,5\nRome,6\n'],
    ['years alone', '2019,2020\n5,6\n7,8\n'],
    ['a text above numbers', 'id,7\n1,2\n3,4\n'],
    ['dates above numbers', 'town,2024-01-01,2024-01-02\nOslo,1,2\nRome,4,3\n'],
    ['numbers above texts', '7,12\nred,x\nblue,y\n'],
    ['texts above texts', 'red,blue\ngreen,yellow\n'],
  ])('%s', async (_, text) => {
    const table = await read(text);
    expect(table.header).toBe(true);
    expect(table.columns.map((c) => c.name)).toEqual(
      text
        .split('\n')[0]!
        .replaceAll('"', '')
        .split(',')
        .map((name) => name || 'column1'),
    );
  });

  it.each([
    ['measurements', '1.000,8.692,-6.350\n0.000,9.075,0.329\n'],
    ['pixels', '5,0,0,0,18\n0,0,0,3,0\n4,0,0,0,253\n'],
    ['rows that count up alike', '1,2,3\n4,5,6\n7,8,9\n'],
    ['truth values as numbers', '0,1\n1,0\n1,1\n'],
    ['flowers', '5.1,3.5,setosa\n4.9,3,setosa\n6,2,virginica\n'],
    ['texts that come again', 'yes,no\nno,no\nyes,yes\n'],
    ['people', '39,State-gov,77516\n50,Private,83311\n38,State-gov,215646\n'],
    ['a year above years', 'Ann,1985\nBob,1990\nEve,1979\n'],
    ['truth values', 'true,false\nfalse,true\ntrue,true\n'],
  ])('is none: %s', async (_, text) => {
    const table = await read(text);
    expect(table.header).toBe(false);
    expect(table.rows).toBe(text.split('\n').length - 1);
  });

  it('is said where it is a close call, with what decides it otherwise', async () => {
    expect(await notesOf('city,2020\nOslo,5\nRome,6\n')).toEqual([
      'line 1 (city, 2020) was taken for the names of the columns (to change it: --header no)',
    ]);
    expect((await read('a,2\n3,4\n')).notes).toEqual([
      {
        message: 'line 1 (a, 2) was taken for a row, not for the names of the columns',
        cure: { option: "header: 'yes'" },
      },
    ]);
    expect(await notesOf('a,b\n1,2\n3,4\n')).toEqual([]);
    expect(await notesOf('0.5,1.5\n2.5,3.5\n')).toEqual([]);
    expect(await notesOf(',x\n0,5\n1,6\n')).toEqual([
      "'column1': has no name and counts the rows, like the index that pandas writes (to change it: --ignore column1)",
    ]);
  });

  it.each([
    ['Report 2024\n\na,b\n1,2\n3,4\n', 3, 2],
    ['Report 2024\r\nby me\r\na,b\r\n1,2\r\n3,4\r\n', 3, 2],
    ['\ufeffReport, all, 2024\na,b\n1,2\n3,4\n', 2, 1],
  ])('stands below a title: %j', async (text, line, skipLines) => {
    const cure = `leave out the lines above the header with { skipLines: ${skipLines} }`;
    await expect(read(text)).rejects.toThrow(new RegExp(`line ${line}: .*; ${cure}$`));
    await expect(read(text, { badLines: 'skip' })).rejects.toThrow(cure);
    expect(await namesOf(text, { skipLines })).toEqual(['a', 'b']);
    expect(await columnsOf(text, { skipLines })).toEqual([
      [1, 3],
      [2, 4],
    ]);
    await expect(read(`${text}5,6,7\n`, { skipLines })).rejects.toThrow(`line ${text.split('\n').length}: expected 2 fields, got 3; leave`);
    await expect(read(text, { skipLines: 9 })).rejects.toThrow('holds no rows');
    await expect(read(text, { skipLines: -1 })).rejects.toThrow('expected skipLines to be');
  });

  it('that lacks a name is told from a title', async () => {
    const text = 'a,b\n1,2,\n3,4,\n5,6,\n';
    await expect(read(text)).rejects.toThrow(
      'line 2: expected 2 fields, got 3 (and 2 more bad lines); the header lacks a name: leave it out with { skipLines: 1 } and name all columns with { names }',
    );
    expect(await namesOf(text, { skipLines: 1, names: ['a', 'b'] })).toEqual(['a', 'b', 'column3']);
  });

  it('stands below lines that begin with #', async () => {
    for (const text of ['# exported 2024\na,b\n1,2\n3,4\n', '#by me, in, Oslo\n#\n\na,b\n1,2\n3,4\n']) {
      expect(await namesOf(text)).toEqual(['a', 'b']);
      expect((await read(text)).rows).toBe(2);
    }
    expect(await notesOf('# exported\n# again\nname\nx y\nz w\n')).toEqual(['2 lines above the header that begin with # were left out']);
    expect(await namesOf('## version 4\n#id\tsize\n1\t2\n3\t4\n')).toEqual(['#id', 'size']);
    expect(await namesOf('#id\n1\n2\n')).toEqual(['#id']);
    expect(await columnsOf('#1,2\n#3,4\n')).toEqual([
      ['#1', '#3'],
      [2, 4],
    ]);
    expect((await columnsOf('#fff,1\n#000,2\nred,3\n', { header: 'no' }))[0]).toEqual(['#fff', '#000', 'red']);
    await expect(read('# x\na,b\n1,2\n1,2,3\n')).rejects.toThrow('line 4: expected 2 fields, got 3; leave');
  });

  it('is there where its names are asked for', async () => {
    expect(await namesOf('a,2\n3,4\n', { numbers: ['2'] })).toEqual(['a', '2']);
    const like = { signature: { names: ['0', '1'], categories: [null, null] } };
    expect(await namesOf('0,1\n5,6\n', { like })).toEqual(['0', '1']);
    expect(await namesOf('a,a,y\n1,2,3\n', { names: ['a', 'b', 'y'] })).toEqual(['a', 'b', 'y']);
    await expect(read('a,a,y\n1,2,3\n')).rejects.toThrow("names the column 'a' twice; pass { names } to read it");
  });
});

describe('the dialect', () => {
  it.each(['\n', '\r', '"', 'x', '7'])('is not told by a line of Excel that names %j', async (character) => {
    await expect(read(`sep=${character}\na,b\n1,2\n`)).rejects.toThrow('expected 1 field, got 2');
  });

  it.each([
    ['sep=;\nsize;price\n1;2\n4;5\n'],
    ['\ufeffsep=;\r\nsize;price\r\n1;2\r\n4;5\r\n'],
    ['"sep=,"\nsize,price\n1,2\n4,5\n'],
    ['sep=\t\nsize\tprice\n1\t2\n4\t5\n'],
    ['sep=;\rsize;price\r1;2\r4;5\r'],
    ['size price\n1 2\n4 5\n'],
    ['  size   price\n     1       2\n     4       5  \n'],
  ])('of %j', async (text) => {
    expect(await namesOf(text)).toEqual(['size', 'price']);
    expect(await columnsOf(text)).toEqual([
      [1, 4],
      [2, 5],
    ]);
  });

  it.each(['tab', '\\t', '\t'])('has tabs between fields for %j', async (delimiter) => {
    expect(await namesOf('a,b\tc\n1\t2\n', { delimiter })).toEqual(['a,b', 'c']);
  });

  it('counts the line of Excel among the lines', async () => {
    await expect(read('sep=;\na;b\n1;2\n1;2;3\n')).rejects.toThrow('line 4: expected 2 fields, got 3');
  });

  it('finds quotes behind spaces, and spaces behind quotes', async () => {
    const text = 'a, b\n1, "x, ""y"""\n2,\t"two\nlines" \r\n3 , plain "quoted"\n';
    expect(await columnsOf(text)).toEqual([
      [1, 2, 3],
      ['x, "y"', 'two\nlines', 'plain "quoted"'],
    ]);
    expect(await columnsOf('a,b\n1, "x"\n', { trim: false })).toEqual([[1], [' "x"']]);
  });

  it.each([['"a", "b"\n"1", "x, y"\n"2", "z, w"\n'], ['"a" , "b"\n"1" , "x, y"\n"2" , "z, w"\n'], ['a, b\n1, "x, y"\n2, "z, w"\n']])(
    'of %j takes no commas between fields for decimal ones',
    async (text) => {
      expect(await namesOf(text)).toEqual(['a', 'b']);
      expect(await columnsOf(text)).toEqual([
        [1, 2],
        ['x, y', 'z, w'],
      ]);
      expect(await columnsOf('a, b\n1, 2\n3, 4\n')).toEqual([
        [1, 3],
        [2, 4],
      ]);
      expect(await columnsOf('a b\n1,5 2,5\n3,5 4\n')).toEqual([
        [1.5, 3.5],
        [2.5, 4],
      ]);
    },
  );

  it('splits no sentences, and no records whose spaces differ', async () => {
    expect(await columnsOf('name\nNew York\nLos Angeles\n')).toEqual([['New York', 'Los Angeles']]);
    expect(await columnsOf('hello world\nfoo bar\nold man\n')).toEqual([['foo bar', 'old man']]);
  });
});

describe('quotes that mean nothing', () => {
  const text = 'a\tb\n1\tx\n2\t"open" he said\n3\t"lost\n4\ty\n5\tends" z\t6\n7\t"so\n8\tit" is\n9\tw\n';
  const cure = "if its quotes mean nothing, say so with { quote: '' }";

  it('are named before lines are left out', async () => {
    await expect(read(text)).rejects.toThrow(`line 4: expected 2 fields, got 3 (and 2 more bad lines); ${cure}`);
    await expect(read('a,b\n1,x\n2,"y\n3,z\n4,w\n5,v\n')).rejects.toThrow(
      `line 3: a quoted field is never closed (and 3 more bad lines); ${cure}`,
    );
    await expect(read('a,b\n1,"two\nlines",3\n2,"y"\n3,z\n')).rejects.toThrow("leave such lines out with { badLines: 'skip' }");
    expect((await read('a\tb\n1\t"x\n2\ty\n', { quote: '' })).rows).toBe(2);
  });

  it('swallow lines that are counted', async () => {
    const table = await read(text, { badLines: 'skip' });
    expect(table.rows).toBe(4);
    expect(table.skipped.count).toBe(3);
    expect(linesOf(table.notes)).toContain(
      "1 line end inside quotes, the first in line 7, was taken for text, and other quotes stand inside fields (to change it: --quote '')",
    );
  });
});
