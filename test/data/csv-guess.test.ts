// What the reader of text guesses where nobody tells it: headers, spellings of numbers, truth values, dates; what it says of that; and how it is told.
import { describe, expect, it } from 'vitest';
import { type CsvOptions, readCsv, usualMissing } from '../../lib/data/csv';
import { noteLines } from '../../lib/data/notes';
import type { Column } from '../../lib/data/table';

const read = (text: string, options?: CsvOptions) => readCsv({ text }, options);
const cells = (column: Column): (number | string | null)[] =>
  column.kind === 'number' ? Array.from(column.values) : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
const columnsOf = async (text: string, options?: CsvOptions) => (await read(text, options)).columns.map(cells);
const namesOf = async (text: string, options?: CsvOptions) => (await read(text, options)).columns.map((c) => c.name);
const notesOf = async (text: string, options?: CsvOptions) => noteLines((await read(text, options)).notes);
const rows = (count: number, row: (i: number) => string): string => Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('');

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
        cure: { option: "header: 'yes'", flag: '--header yes' },
      },
    ]);
    expect(await notesOf('a,b\n1,2\n3,4\n')).toEqual([]);
    expect(await notesOf('0.5,1.5\n2.5,3.5\n')).toEqual([]);
    expect(await notesOf(',x\n0,5\n1,6\n')).toEqual([
      "'column1': has no name and counts the rows, like the index that pandas writes (to change it: --ignore column1)",
    ]);
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

  it.each(['\n', '\r', '"', 'x', '7'])('is not told by a line of Excel that names %j', async (character) => {
    await expect(read(`sep=${character}\na,b\n1,2\n`)).rejects.toThrow('expected 1 field, got 2');
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

  it('splits no sentences, and no records whose spaces differ', async () => {
    expect(await columnsOf('name\nNew York\nLos Angeles\n')).toEqual([['New York', 'Los Angeles']]);
    expect(await columnsOf('hello world\nfoo bar\nold man\n')).toEqual([['foo bar', 'old man']]);
  });
});

describe('numbers in other spellings', () => {
  it('have a decimal comma where commas can be nothing else', async () => {
    expect(await columnsOf('a;b;n\n1,5;1.234,56;3\n-0,25;7;4\n')).toEqual([
      [1.5, -0.25],
      [Math.fround(1234.56), 7],
      [3, 4],
    ]);
    expect(await columnsOf('1,5;2,5\n3,5;4,5\n')).toEqual([
      [1.5, 3.5],
      [2.5, 4.5],
    ]);
    expect(await columnsOf('a,b\n"1,5","2,25"\n')).toEqual([[1.5], [2.25]]);
    expect(await columnsOf('a;b\n12,345;0,5\n3,456;0,25\n')).toEqual([
      [Math.fround(12.345), Math.fround(3.456)],
      [0.5, 0.25],
    ]);
    expect(await columnsOf('a;b\n1,5;1.5\n')).toEqual([[1.5], [1.5]]);
    expect(await columnsOf(`a;b\n${rows(1500, (i) => `${i};2`)}0,5;2\n`)).toMatchObject([{ 1500: 0.5 }, {}]);
    expect(await notesOf('a;b\n1,5;2,5\n')).toEqual(["'a', 'b': read as numbers with a decimal comma (to change it: --decimal .)"]);
    expect(await columnsOf('a;b\n1,5;2\n', { decimal: '.' })).toEqual([['1,5'], [2]]);
  });

  it('are categories where a comma may be either, until it is told', async () => {
    const text = 'a,b\n"1,234",1\n"5,678",2\n';
    expect((await columnsOf(text))[0]).toEqual(['1,234', '5,678']);
    expect(await notesOf(text)).toEqual([
      "'a': read as categories: '1,234' in line 2 may be a fraction or thousands (to change it: --decimal , or --thousands ,)",
    ]);
    expect((await columnsOf(text, { thousands: ',' }))[0]).toEqual([1234, 5678]);
    expect((await columnsOf(text, { decimal: ',', delimiter: ',' }))[0]).toEqual([Math.fround(1.234), Math.fround(5.678)]);
    await expect(read(text, { numbers: ['a'] })).rejects.toThrow(
      "line 2: expected a number in column 'a', got '1,234' (and 1 more bad line); say what its commas mean with { decimal: ',' } or { thousands: ',' }",
    );
  });

  it('have commas between thousands where they show it', async () => {
    expect((await columnsOf('a,b\n"1,234.50",1\n678,2\n"1,234,567",3\n'))[0]).toEqual([1234.5, 678, 1234567]);
    expect(await columnsOf('a\tb\n1,234.5\tx\n2,000\ty\n')).toEqual([
      [1234.5, 2000],
      ['x', 'y'],
    ]);
  });

  it.each([
    ['1 234', '5 678', 'numbers have gaps between thousands', [1234, 5678]],
    ['1\u202f234,5', '7\u00a0000', 'numbers have gaps between thousands', [1234.5, 7000]],
    ['12%', '3.5 %', 'numbers come with a percent sign', [12, 3.5]],
    ['$1,234.50', '-$5', 'numbers come with a currency', [1234.5, -5]],
    ['12 €', '7 €', 'numbers come with a currency', [12, 7]],
    ['00123', '00456', 'looks like an identifier (zeros before a digit)', [123, 456]],
    [
      '12345678901234567890',
      '12345678901234567891',
      'looks like an identifier (an integer beyond 2^53)',
      [12345678901234567000, 12345678901234567000],
    ],
  ])('%j and %j are named, and are numbers when they must be', async (first, second, note, numbers) => {
    const text = `a\tb\n${first}\tx\n${second}\tx\n`;
    expect((await columnsOf(text))[0]).toEqual([first, second]);
    const [said] = await notesOf(text);
    expect(said).toContain(note);
    expect(said).toContain('(to change it: --numbers a)');
    expect((await columnsOf(text, { numbers: ['a'] }))[0]).toEqual(numbers);
  });

  it('say that integers beyond 2^53 may be rounded', async () => {
    expect(await notesOf('a,b\n9007199254740993,1\n', { numbers: ['a'] })).toEqual([
      "'a': 1 integer beyond 2^53 may be rounded, the first '9007199254740993' in line 2 (to change it: --categories a)",
    ]);
  });

  it('have one sign, and are infinite or 0 by their exponent alone', async () => {
    expect(await columnsOf('x\n1\n+-5\n')).toEqual([['1', '+-5']]);
    expect(await columnsOf('x\n1\n-+5\n')).toEqual([['1', '-+5']]);
    const [values] = await columnsOf(
      `x\n1.5e400\n-1,5e400\n1e-400\n-1e-99999999999999999999\n0.${'0'.repeat(400)}1\n${'9'.repeat(400)}.5\n0.${'0'.repeat(400)}1e500\n`.replace(
        ',',
        '.',
      ),
    );
    expect(values).toEqual([Infinity, -Infinity, 0, -0, 0, Infinity, 1e99]);
    expect(await columnsOf('x;y\n1,5e400;1\n-2,5e-400;2\n', { decimal: ',' })).toEqual([
      [Infinity, -0],
      [1, 2],
    ]);
  });

  it('know infinities', async () => {
    expect(await columnsOf('x\ninf\n-Infinity\n+INF\n1\n')).toEqual([
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1],
    ]);
  });
});

describe('missing values', () => {
  it.each([...usualMissing, '-', '--', '.', '–'])('%j among numbers', async (word) => {
    expect(await columnsOf(`x,y\n1,2\n${word},3\n`)).toEqual([
      [1, Number.NaN],
      [2, 3],
    ]);
  });

  it('are no signs that are categories', async () => {
    expect(await columnsOf('x,y\n+,1\n-,2\n')).toEqual([
      ['+', '-'],
      [1, 2],
    ]);
    expect(await columnsOf('x,y\n-,1\n-,2\n')).toMatchObject([['-', '-'], {}]);
    expect(await columnsOf('x\n1\n-\n', { missing: [] })).toEqual([['1', '-']]);
  });

  it('are not offered as the beginning of a long text', async () => {
    const long = 'é'.repeat(5000);
    const { notes } = await read(`x,y\n${'1,2\n'.repeat(50)}${long},2\n`);
    expect(notes[0]!.cure!.option).toBe("numbers: ['x'] with badValues: 'missing'");
    expect(notes[0]!.message.length).toBeLessThan(200);
  });

  it('are named where few fields of a column of numbers are none', async () => {
    const text = `x,y\n${rows(3000, (i) => (i === 2500 || i === 2600 ? `late, ${i}` : `${i}.5,1`))}`.replaceAll('late, 2', 'late,2');
    expect(await notesOf(text)).toEqual([
      "'x': read as categories for 2 fields that are no numbers, the first 'late' in line 2502 (to change it: --numbers x --bad-values missing, or --missing late in place of the usual words)",
    ]);
    const table = await read(text, { numbers: ['x'], badValues: 'missing' });
    expect(cells(table.columns[0]!).slice(2499, 2502)).toEqual([2499.5, Number.NaN, 2501.5]);
    expect(noteLines(table.notes)).toEqual(["'x': 2 fields that are no numbers were taken for missing, the first 'late' in line 2502"]);
    await expect(read(text, { numbers: ['x'] })).rejects.toThrow(
      "line 2502: expected a number in column 'x', got 'late' (and 1 more bad line); take such fields for missing with { badValues: 'missing' }",
    );
    expect((await columnsOf(text, { missing: ['late'] }))[0]![2500]).toBeNaN();
  });
});

describe('truth values and dates', () => {
  it('are numbers', async () => {
    const table = await read('f,d,t,n\ntrue,2024-01-31,2024-01-31T10:00:00Z,x\nFALSE,2024-02-29,2024-01-31 10:00:00.5+02:00,y\n,,NA,\n');
    expect(table.columns.slice(0, 3).map(cells)).toEqual([
      [1, 0, Number.NaN],
      [Date.UTC(2024, 0, 31), Date.UTC(2024, 1, 29), Number.NaN],
      [Date.UTC(2024, 0, 31, 10), Date.UTC(2024, 0, 31, 8, 0, 0, 500), Number.NaN],
    ]);
    expect(table.columns.map((c) => c.kind === 'number' && c.times === true)).toEqual([false, true, true, false]);
    expect(table.columns[1]).toMatchObject({ values: expect.any(Float64Array) });
  });

  it.each([
    ['2024-01-31T24:00:00Z', '2024-02-01T00:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
    ['2024-01-01T10', '2024-01-01T10:00:00Z'],
    ['2024-01-01T10+02', '2024-01-01T08:00:00Z'],
    ['20240131T000000Z', '2024-01-31T00:00:00Z'],
    ['20240131T1030', '2024-01-31T10:30:00Z'],
    ['20240131T103015.25+0200', '2024-01-31T08:30:15.250Z'],
    ['2024-01-31T10:00:00+14:00', '2024-01-30T20:00:00Z'],
  ])('are read as ISO 8601 writes them: %s', async (text, same) => {
    expect(await columnsOf(`x,y\n${text},1\n`)).toEqual([[Date.parse(same)], [1]]);
  });

  it.each([
    '2024-01-31T24:00:01Z',
    '2024-01-31T24:01Z',
    '2024-01-31T10:00:61Z',
    '2024-01-31T10:00:00+14:30',
    '2024-01-31T10:00:00+15:00',
    '2024-01-31T1030',
    '20240131T10:30',
    '20240132T1030',
    '2024-01-01 1',
    '2024-01-31T10:00:00+02:',
  ])('are none of %s', async (text) => {
    expect(await columnsOf(`x,y\n${text},1\n`)).toEqual([[text], [1]]);
  });

  it('are found late, and are none where one field is another', async () => {
    const late = await read(`f,d,c\n${rows(1200, () => 'NA,,')}true,2024-01-02,"1,5"\nfalse,2024-01-03,"2,5"\n`, { delimiter: ',' });
    expect(late.columns.map((c) => cells(c).slice(-2))).toEqual([
      [1, 0],
      [Date.UTC(2024, 0, 2), Date.UTC(2024, 0, 3)],
      [1.5, 2.5],
    ]);
    const odd = await read(`f,d\n${rows(1200, () => 'true,2024-01-02')}maybe,soon\n`);
    expect(odd.columns.map((c) => cells(c).at(-1))).toEqual(['maybe', 'soon']);
    expect(noteLines(odd.notes)).toEqual([
      "'d': read as categories for 1 field that is no date: 'soon' in line 1202 (to change it: --dates d --bad-values missing, or --missing soon in place of the usual words)",
    ]);
  });

  it.each(['2024-02-30', '2023-02-29', '2024-13-01', '2024-01-31T25:00', '2024-1-3', '20240131x'])('%j is none', async (text) => {
    expect(await columnsOf(`d,n\n${text},1\n`)).toEqual([[text], [1]]);
  });

  it('in an order that is not told are categories', async () => {
    const text = 'd,n\n01/02/2024,1\n13/02/2024,2\n';
    expect((await columnsOf(text))[0]).toEqual(['01/02/2024', '13/02/2024']);
    expect(await notesOf(text)).toEqual([
      "'d': read as categories: '01/02/2024' in line 2 is a date by day and month or by month and day (to change it: --date-order dmy, or mdy)",
    ]);
    expect((await columnsOf(text, { dateOrder: 'dmy' }))[0]).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 1, 13)]);
    await expect(read(text, { dates: ['d'] })).rejects.toThrow("expected a date in column 'd', got '01/02/2024'");
    await expect(read(text, { dates: ['d'], dateOrder: 'mdy' })).rejects.toThrow("line 3: expected a date in column 'd', got '13/02/2024'");
  });

  it('stay as they are written where categories are asked for', async () => {
    const options = { categories: ['f', 'd'] };
    expect(await columnsOf('f,d\ntrue,2024-01-31\n', options)).toEqual([['true'], ['2024-01-31']]);
  });
});

describe('like a model', () => {
  const like = { signature: { names: ['hour', 'code', 'flag'], categories: [null, ['01', '02'], null] } };

  it('reads the columns that the file has as the model knows them', async () => {
    expect(await columnsOf('hour,code,other\n09,01,007\n10,02,008\n', { like })).toEqual([
      [9, 10],
      ['01', '02'],
      ['007', '008'],
    ]);
    expect(await columnsOf('flag,hour\ntrue,2024-01-31\n', { like })).toEqual([[1], [Date.UTC(2024, 0, 31)]]);
    await expect(read('hour\n1\nlate\n', { like })).rejects.toThrow("line 3: expected a number in column 'hour', got 'late'");
    expect(await columnsOf('hour\n1\nlate\n', { like, badValues: 'missing' })).toEqual([[1, Number.NaN]]);
  });

  it('refuses what is none', async () => {
    await expect(read('a\n1\n', { like: {} as never })).rejects.toThrow('readCsv: expected like to be a forest, got Object');
  });
});

describe('texts that nearly all differ', () => {
  it('are named', async () => {
    expect(await notesOf(`id,n\n${rows(50, (i) => `user ${i},${i % 3}`)}`)).toEqual([
      "'id': read as 50 different texts, nearly one a row: an identifier or free text tells trees little (to change it: --ignore id)",
    ]);
    expect(await notesOf(`town,n\n${rows(50, (i) => `town ${i % 7},${i % 3}`)}`)).toEqual([]);
  });
});
