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
    expect(noteLines(table.notes)).toContain(
      "1 line end inside quotes, the first in line 7, was taken for text, and other quotes stand inside fields (to change it: --quote '')",
    );
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

  it('have one decimal mark in a file: where commas are decimal, points stand between thousands', async () => {
    const text = 'Menge;Umsatz\n1.100;1.234,5\n2.200;3.000,75\n12;4,75\n';
    expect(await columnsOf(text)).toEqual([
      [1100, 2200, 12],
      [1234.5, 3000.75, 4.75],
    ]);
    expect(await notesOf(text)).toEqual([
      "'Menge': points between groups of three digits were read as thousands, as '1.100' in line 2: commas are decimal in other columns (to change it: --decimal .)",
      "'Umsatz': read as numbers with a decimal comma (to change it: --decimal .)",
    ]);
    expect((await columnsOf(text, { decimal: '.' }))[0]).toEqual([Math.fround(1.1), Math.fround(2.2), 12]);
    expect(await columnsOf('a;b;c;d\n1.100;1,5;0.125;1.5\n-0.250;2,5;-7;3\n')).toEqual([
      [Math.fround(1.1), -0.25],
      [1.5, 2.5],
      [0.125, -7],
      [1.5, 3],
    ]);
    expect((await columnsOf('a;b\n1.100;2\n3;4\n', { thousands: '.' }))[0]).toEqual([1100, 3]);
  });

  it('have one decimal mark in a file that shows it late', async () => {
    const late = await columnsOf(`a;b;c;d\n${rows(1500, (i) => `1.100;${i};${i};1.250`)}12;0,5;1.100;1.25\n`, { numbers: ['a'] });
    expect(late.map((values) => [values[0], values.at(-1)])).toEqual([
      [1100, 12],
      [0, 0.5],
      [0, 1100],
      [1.25, 1.25],
    ]);
    const early = await columnsOf(`a;b;c\n${rows(1500, (i) => `${i};0,5;${i}`)}1.100;0,25;1.5\n`);
    expect(early.map((values) => values.at(-1))).toEqual([1100, 0.25, 1.5]);
  });

  it('are named where a point may be either and the delimiter makes decimal commas likely', async () => {
    const text = 'hour\tother\n1.150\tx\n2\ty\n';
    const like = { signature: { names: ['hour'], categories: [null] } };
    expect(await notesOf(text)).toEqual([]);
    const note = "'hour': read with decimal points, as '1.150'; where commas are decimal these are thousands (to change it: --decimal ,)";
    expect(await notesOf(text, { like })).toEqual([note]);
    expect(await notesOf(text.replaceAll('\t', ';'))).toEqual([note]);
    expect((await columnsOf(text, { like, decimal: ',' }))[0]).toEqual([1150, 2]);
    expect(await notesOf('hour\tx\n1.150\ta\n2.5\tb\n', { like })).toEqual([]);
  });

  it('are categories where a comma may be either, until it is told', async () => {
    const text = 'a,b\n"1,234",1\n"5,678",2\n';
    expect((await columnsOf(text))[0]).toEqual(['1,234', '5,678']);
    expect(await notesOf(text)).toEqual([
      "'a': read as categories: '1,234' in line 2 may be a fraction or thousands (to change it: --decimal , or --thousands ,)",
    ]);
    expect((await columnsOf(text, { thousands: ',' }))[0]).toEqual([1234, 5678]);
    expect((await columnsOf(text, { decimal: ',' }))[0]).toEqual([Math.fround(1.234), Math.fround(5.678)]);
    expect(await columnsOf('a,b\n"1,5","x, y"\n2,z\n', { decimal: ',' })).toEqual([
      [1.5, 2],
      ['x, y', 'z'],
    ]);
    expect(await columnsOf('a;b\n"1,5";2\n"2,5";3\n', { decimal: ',' })).toEqual([
      [1.5, 2.5],
      [2, 3],
    ]);
    expect(await columnsOf('a\n1,5\n"2,5"\n', { decimal: ',' })).toEqual([[1.5, 2.5]]);
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

  it.each(['2024-02-30', '2023-02-29', '2024-13-01', '2024-01-31T25:00', '2024-01-31T10', '2024-1-3', '20240131x'])(
    '%j is none',
    async (text) => {
      expect(await columnsOf(`d,n\n${text},1\n`)).toEqual([[text], [1]]);
    },
  );

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
