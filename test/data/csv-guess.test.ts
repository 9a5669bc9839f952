// What the reader of text guesses of fields where nobody tells it: spellings of numbers, truth values, dates; what it says of that; and how it is told.
import { describe, expect, it } from 'vitest';
import { noteLines } from '../../lib/cli/note-lines';
import { type CsvOptions, readCsv, usualMissing } from '../../lib/data/csv';
import type { Note } from '../../lib/data/notes';
import type { Column } from '../../lib/data/table';

const read = (text: string, options?: CsvOptions) => readCsv({ text }, options);
const cells = (column: Column): (number | string | null)[] =>
  column.kind === 'number' ? Array.from(column.values) : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
const columnsOf = async (text: string, options?: CsvOptions) => (await read(text, options)).columns.map(cells);
const linesOf = (notes: readonly Note[]): string[] => noteLines(notes, () => true);
const notesOf = async (text: string, options?: CsvOptions) => linesOf((await read(text, options)).notes);
const rows = (count: number, row: (i: number) => string): string => Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('');

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
    expect(await notesOf(`a;b\n${rows(1500, (i) => `1.100;${i}`)}12;0,5\n`)).toEqual([
      "'a': points between groups of three digits were read as thousands, as '1.100' in line 2: commas are decimal in other columns (to change it: --decimal .)",
      "'b': read as numbers with a decimal comma, as '0,5' (to change it: --decimal .)",
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
    expect(notes[0]!.cure!.option).toBe("numbers: ['x'], badValues: 'missing'");
    expect(notes[0]!.message.length).toBeLessThan(200);
  });

  it('are named where few fields of a column of numbers are none', async () => {
    const text = `x,y\n${rows(3000, (i) => (i === 2500 || i === 2600 ? `late, ${i}` : `${i}.5,1`))}`.replaceAll('late, 2', 'late,2');
    expect(await notesOf(text)).toEqual([
      "'x': read as categories for 2 fields that are no numbers, the first 'late' in line 2502 (to change it: --numbers x --bad-values missing, or --missing late in place of the usual words)",
    ]);
    const table = await read(text, { numbers: ['x'], badValues: 'missing' });
    expect(cells(table.columns[0]!).slice(2499, 2502)).toEqual([2499.5, Number.NaN, 2501.5]);
    expect(linesOf(table.notes)).toEqual(["'x': 2 fields that are no numbers were taken for missing, the first 'late' in line 2502"]);
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
    expect(linesOf(odd.notes)).toEqual([
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
      "'d': read as categories: '01/02/2024' in line 2 is a date by day and month or by month and day (to change it: --date-order dmy or --date-order mdy)",
    ]);
    expect((await columnsOf(text, { dateOrder: 'dmy' }))[0]).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 1, 13)]);
    await expect(read(text, { dates: ['d'] })).rejects.toThrow("expected a date in column 'd', got '01/02/2024'");
    await expect(read(text, { dates: ['d'], dateOrder: 'mdy' })).rejects.toThrow("line 3: expected a date in column 'd', got '13/02/2024'");
  });

  it('that are none are named, with where they stand', async () => {
    const noteOf = async (values: readonly string[], options?: CsvOptions) =>
      (await read(`d\tn\n${values.map((value, i) => `${value}\t${i}\n`).join('')}`, options)).notes.map(({ column, message }) => [
        column,
        message,
      ]);
    const like = (text: string, line: number) => [
      ['d', `read as categories: '${text}' in line ${line} looks like a date but is none that is read, such as 2024-01-31`],
    ];
    expect(await noteOf(['2024-02-28', '2024-02-30', '2024-03-01'])).toEqual(like('2024-02-30', 3));
    expect(await noteOf(['5-Feb-2024', '17-Mar-2024'])).toEqual(like('5-Feb-2024', 2));
    expect(await noteOf(['5 February 2024', '17 May 2024 10:00'])).toEqual(like('5 February 2024', 2));
    expect(await noteOf(['2024-1-3', '2024-11-30'])).toEqual(like('2024-1-3', 2));
    expect(await noteOf(['01/02/2024', '31/02/2024'])).toEqual(like('31/02/2024', 3));
    expect(await noteOf(['1.2.34', '10.0.255', '078-05-1120', '5-Fox-2024'])).toEqual([]);
    expect((await read('town,5-Feb-2024,6-Feb-2024\nOslo,1,2\nRome,4,3\n')).header).toBe(true);
    expect(await notesOf('d,n\n5-Feb-2024,1\n')).toEqual([
      "'d': read as categories: '5-Feb-2024' in line 2 looks like a date but is none that is read, such as 2024-01-31",
    ]);
    expect((await read('d\n2024-02-30\n2024-02-28\n')).notes[0]!.cure!.option).toBe(
      "dates: ['d'], badValues: 'missing', or missing: ['2024-02-30'] in place of the usual words",
    );
    expect((await read('d\n01/13/2024\n02/14/2024\n', { dateOrder: 'dmy' })).notes[0]!.cure!.option).toBe("dateOrder: 'dmy' or 'mdy'");
    const told = [['d', "read as categories: '01/13/2024' in line 3 is no date in the order of day, month and year that was told"]];
    expect(await noteOf(['31/01/2024', '01/13/2024'], { dateOrder: 'dmy' })).toEqual(told);
    expect(await noteOf(['31/01/2024', '01/13/2024', '31/02/2024'], { dateOrder: 'dmy' })).toEqual(told);
    expect(await noteOf(['31/01/2024', '31/02/2024'], { dateOrder: 'dmy' })).toEqual(like('31/02/2024', 3));
    expect(await noteOf(['2024-01-31', '01/13/2024', '02/14/2024'], { dateOrder: 'dmy' })).toEqual(told);
  });

  it('with zones and without are named', async () => {
    const text = 'd\n2024-01-31T10:00:00Z\n2024-01-31T10:00:00\n2024-01-31\n2024-01-31 11:00\n';
    expect(await notesOf(text)).toEqual([
      "'d': 2 times without a zone were read as UTC, the first '2024-01-31T10:00:00' in line 3; others have a zone",
    ]);
    expect(await notesOf(text.replace('Z', ''))).toEqual([]);
  });

  it('a column without values is named', async () => {
    expect(await notesOf('a,b,\n1,2,\n3,4,\n')).toEqual([
      "'column3': has no values, as where lines end with a delimiter (to change it: --ignore column3)",
    ]);
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
