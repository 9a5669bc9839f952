// Parquet: every physical and logical type, encoding and codec; what is left out and what is refused; damaged and hostile files; three million real flights.
import { execFileSync } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { expandCalendar } from '../../lib/data/calendar';
import type { ReadTable } from '../../lib/data/notes';
import { readParquet, readParquetNames } from '../../lib/data/parquet';
import { resolvePeer } from '../../lib/data/peer';
import { type CategoryColumn, type Column, createTable, type NumberColumn } from '../../lib/data/table';
import { readTable } from '../../lib/data/table-file';
import { openSource } from '../../lib/files/source';
import { holdSource, stopAtLatch } from '../border/latch';
import { bytesOf, type HandColumn, page, parquetFile, type Struct, texts } from './parquet-file';

const flights = resolvePeer('test', 'vega-datasets', 'data/flights-3m.parquet');
const golden = (name: string): string => join(__dirname, '..', 'golden', 'parquet', `${name}.parquet`);
const folder = mkdtempSync(join(tmpdir(), 'tensorwood-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As users get it: decoded by a thread of its own. The sources of this test are decoded by the thread that runs it. */
const compiled = createRequire(__filename)('../../dist/index.js') as { readParquet: typeof readParquet };

/** The cells of a column, as a row would have them. */
const cells = (column: Column): (number | string | null)[] =>
  column.kind === 'number'
    ? Array.from(column.values, (v) => (Number.isNaN(v) ? null : v))
    : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
const cellsOf = (table: ReadTable) => Object.fromEntries(table.columns.map((c) => [c.name, cells(c)]));
const column = (table: ReadTable, name: string): Column => table.columns.find((c) => c.name === name)!;
const kindOf = (c: Column): string => (c.kind === 'number' ? `${c.values.constructor.name}${c.times ? ' times' : ''}` : c.kind);

const [minute, last] = [60_000, 1_706_695_200_123];
const [single, double, times, text] = ['Float32Array', 'Float64Array', 'Float64Array times', 'category'];
const uuids = ['00000000-0000-0000-0000-000000000005', '80000000-0000-0000-0000-000000000003'];
/** Column, kind, cells: the same in both readers. */
const types: [string, string, (number | string | null)[]][] = [
  ['bool', single, [1, null, 0, 1]],
  ['int8', single, [-128, null, 127, 0]],
  ['uint8', single, [0, null, 255, 200]],
  ['int16', single, [-32768, null, 32767, 0]],
  ['uint16', single, [0, null, 65535, 40000]],
  ['int32', double, [-(2 ** 31), null, 2 ** 31 - 1, 0]],
  ['uint32', double, [0, null, 2 ** 32 - 1, 2 ** 31]],
  ['int64', double, [-(2 ** 53), null, 2 ** 53, 20180131]],
  ['int64_merged', single, [2 ** 53, 2 ** 53, null, -(2 ** 63)]],
  ['uint64', single, [0, null, 2 ** 64, 2 ** 63]],
  ['float16', single, [1.5, null, Number.POSITIVE_INFINITY, 2 ** -24]],
  ['float', single, [Math.fround(0.1), null, Number.NEGATIVE_INFINITY, Math.fround(1e-45)]],
  ['double', double, [0.1, null, 1e300, null]],
  ['double_exact', single, [0.5, null, -2, 3]],
  ['decimal4', double, [12.3, null, -0.01, 9999999.99]],
  ['decimal8', double, [0.3, null, -123456789012345.6, 0.1]],
  ['decimal13', double, [0.3, null, -12345678901234567e3, 0.1]],
  ['date', times, [Date.UTC(2024, 0, 31), null, -86_400_000, -62_135_596_800_000]],
  ['time_ms', double, [1000, null, 1440 * minute - 1, 0]],
  ['time_us', double, [1000, null, 1440 * minute - 0.001, 0]],
  ['time_ns', double, [1000, null, 1440 * minute - 0.000001, 0]],
  ['timestamp_ms', times, [0, null, -1, last]],
  ['timestamp_us', times, [0, null, -0.001, last + 0.456]],
  ['timestamp_ns', times, [0, null, -0.000001, last + 0.456789]],
  ['timestamp_ms_utc', times, [0, null, -1, last]],
  ['timestamp_us_utc', times, [0, null, -0.001, last + 0.456]],
  ['timestamp_ns_utc', times, [0, null, -0.000001, last + 0.456789]],
  ['text', text, ['b', null, 'ä😀', null]],
  ['enum', text, ['red', null, 'green', 'red']],
  ['bytes_text', text, ['b', null, 'ä', 'b']],
  ['bytes', text, ['ff00', null, '6162', 'ff00']],
  ['fixed', text, ['ff0001', null, '616263', 'ff0001']],
  ['uuid', text, [uuids[0]!, null, uuids[1]!, uuids[0]!]],
  ['json', text, ['{"a": 1}', null, '[]', '{"a": 1}']],
  ['null', single, [null, null, null, null]],
];
const leftOut = ['list', 'map', 'struct'];

describe.each([
  ['the sources, on the calling thread', readParquet],
  ['the package, on a thread of its own', compiled.readParquet],
])('readParquet of %s', (_, read) => {
  it('gives every type its numbers, times or texts, and names what it leaves out or loses', async () => {
    const table = await read(golden('types'));
    expect(table.columns.map((c) => [c.name, kindOf(c), cells(c)])).toEqual(types);
    expect(Object.fromEntries(table.notes.map((note) => [note.column, note.message]))).toEqual({
      list: expect.stringContaining('nested (LIST)'),
      map: expect.stringContaining('nested (MAP)'),
      struct: expect.stringContaining('nested (STRUCT)'),
      int64_merged: expect.stringContaining('9007199254740992 and 9007199254740993 are both 9007199254740992'),
      bytes: expect.stringContaining('hexadecimal'),
      fixed: expect.stringContaining('hexadecimal'),
    });
  });

  it('reads required columns, pages of version 2, Snappy and several row groups to the same', async () => {
    const table = await read(golden('required'));
    const expected = types.filter(([name]) => name !== 'null').map(([name, , all]) => [name, [0, 3, 3, 0, 0].map((i) => all[i])]);
    expect(cellsOf(table)).toEqual(Object.fromEntries(expected));
  });

  it.each(['1', '2'])('reads every encoding, in pages of version %s', async (version) => {
    const table = cellsOf(await read(golden(`encodings-${version}`)));
    const rows = Array.from({ length: 150 }, (_, i) => i);
    expect(table).toEqual({
      int32: rows.map((i) => ((i * i) % 1000) - 500),
      int64: rows.map((i) => (i % 7 === 0 ? null : i * 1e12)),
      text: rows.map((i) => `value ${String(i % 50).padStart(3, '0')}`),
      prefix: rows.map((i) => (i % 11 === 0 ? null : `common prefix ${i}`)),
      float: rows.map((i) => i / 8),
      double: rows.map((i) => i / 3),
      fixed: rows.map((i) => String.fromCharCode(97 + (i % 26)).repeat(4)),
      bool: rows.map((i) => Number(i % 3 === 0)),
      plain: rows.map((i) => i % 2),
    });
  });

  it.each(['snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'empty-groups'])('reads %s', async (name) => {
    expect(cellsOf(await read(golden(name)))).toEqual({ x: [1.5, 2.5, null], t: ['a', 'b', 'a'] });
  });

  it('takes bytes, and refuses what holds no rows, is absent, foreign, cut or encrypted', async () => {
    expect((await read(readFileSync(golden('snappy')))).rows).toBe(3);
    await expect(read(golden('no-rows'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DATA', message: expect.stringMatching(/no rows/) });
    await expect(read(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    const format = { code: 'ERR_TENSORWOOD_FORMAT', name: 'TensorwoodError' };
    await expect(read(Buffer.from('a,b\n1,2\n'))).rejects.toMatchObject(format);
    await expect(read(readFileSync(golden('types')).subarray(0, 4000))).rejects.toMatchObject(format);
    const encrypted = Buffer.concat([readFileSync(golden('snappy')).subarray(0, -1), Buffer.from('E')]);
    await expect(read(encrypted)).rejects.toMatchObject({ message: expect.stringMatching(/encrypted/) });
  });
});

describe('columns of Parquet', () => {
  it('are chosen, or left out, and told by their names', async () => {
    expect(await readParquetNames(await openSource('test', golden('types')))).toEqual([...types.map(([name]) => name), ...leftOut]);
    expect((await readParquet(golden('types'), { columns: ['uuid', 'bool'] })).columns.map((c) => c.name)).toEqual(['bool', 'uuid']);
    const rest = await readTable(golden('types'), { ignore: [...leftOut, 'bytes', 'fixed', 'int64_merged', 'text'] });
    expect([rest.columns.length, rest.notes]).toEqual([types.length - 4, []]);
    const unknown = { code: 'ERR_TENSORWOOD_ARGUMENT', message: expect.stringMatching(/no column 'boole'.*did you mean 'bool'/) };
    for (const option of ['columns', 'ignore', 'categories'])
      await expect(readParquet(golden('types'), { [option]: ['boole'] })).rejects.toMatchObject(unknown);
    await expect(readParquet(golden('types'), { columns: 'bool' as never })).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });

  it('that a table cannot hold are refused when they are asked for, with the cure', async () => {
    for (const option of ['columns', 'categories'])
      await expect(readParquet(golden('types'), { [option]: ['list'] })).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_FORMAT',
        message: expect.stringMatching(/'list'.*nested \(LIST\).*ignore/),
      });
  });

  it('of numbers and times are categories where that is asked for, with all their digits', async () => {
    const names = ['bool', 'int64_merged', 'uint64', 'float', 'decimal4', 'date', 'time_us', 'timestamp_ns', 'timestamp_ms'];
    const table = await readParquet(golden('types'), { categories: names, columns: names });
    expect(table.notes).toEqual([]);
    expect(cellsOf(table)).toEqual({
      bool: ['true', null, 'false', 'true'],
      int64_merged: ['9007199254740992', '9007199254740993', null, '-9223372036854775808'],
      uint64: ['0', null, '18446744073709551615', '9223372036854775808'],
      float: ['0.1', null, '-Infinity', '1e-45'],
      decimal4: ['12.30', null, '-0.01', '9999999.99'],
      date: ['2024-01-31', null, '1969-12-31', '0001-01-01'],
      time_us: ['00:00:01', null, '23:59:59.999999', '00:00:00'],
      timestamp_ns: ['1970-01-01T00:00:00Z', null, '1969-12-31T23:59:59.999999999Z', '2024-01-31T10:00:00.123456789Z'],
      timestamp_ms: ['1970-01-01T00:00:00Z', null, '1969-12-31T23:59:59.999Z', '2024-01-31T10:00:00.123Z'],
    });
    expect((column(table, 'uint64') as CategoryColumn).categories).toEqual(['0', '9223372036854775808', '18446744073709551615']);
  });

  it('keep times of INT96', async () => {
    expect(cellsOf(await readParquet(golden('int96')))).toEqual({ timestamp_ns: [0, null, -0.000001, last + 0.456789] });
  });
});

const [one, two] = [bytesOf(Int32Array.of(1, -2)), bytesOf(BigInt64Array.of(1n, -2n))];
const converted = (type: HandColumn['type'], body: Buffer, element: Struct): HandColumn => ({
  name: 'x',
  type: type!,
  pages: page(2, body),
  element,
});
const utf8 = 0;

describe('types by their older names', () => {
  it.each<[string, HandColumn, (number | string)[]]>([
    ['UTF8', converted('BYTE_ARRAY', texts('é', 'a'), { 6: utf8 }), ['é', 'a']],
    ['ENUM', converted('BYTE_ARRAY', texts('b', 'a'), { 6: 4 }), ['b', 'a']],
    ['JSON', converted('BYTE_ARRAY', texts('{}', '['), { 6: 19 }), ['{}', '[']],
    ['DECIMAL in INT32', converted('INT32', one, { 6: 5, 7: 1, 8: 9 }), [0.1, -0.2]],
    ['DECIMAL in INT64', converted('INT64', two, { 6: 5, 7: 2, 8: 18 }), [0.01, -0.02]],
    ['DECIMAL in BYTE_ARRAY', converted('BYTE_ARRAY', texts(Buffer.of(1), Buffer.of(0xff, 0xfe)), { 6: 5, 7: 1, 8: 4 }), [0.1, -0.2]],
    ['DECIMAL of no digits behind the point', converted('INT32', one, { 6: 5, 8: 9 }), [1, -2]],
    ['DATE', converted('INT32', one, { 6: 6 }), [86_400_000, -172_800_000]],
    ['TIME_MILLIS', converted('INT32', one, { 6: 7 }), [1, -2]],
    ['TIME_MICROS', converted('INT64', two, { 6: 8 }), [0.001, -0.002]],
    ['TIMESTAMP_MILLIS', converted('INT64', two, { 6: 9 }), [1, -2]],
    ['TIMESTAMP_MICROS', converted('INT64', two, { 6: 10 }), [0.001, -0.002]],
    ['UINT_32', converted('INT32', one, { 6: 13 }), [1, 2 ** 32 - 2]],
    ['UINT_64', converted('INT64', two, { 6: 14 }), [1, 2 ** 64]],
    ['INT_8', converted('INT32', one, { 6: 15 }), [1, -2]],
    ['INT_64', converted('INT64', two, { 6: 18 }), [1, -2]],
  ])('%s', async (_, made, expected) => {
    expect(cellsOf(await readParquet(parquetFile([made], 2)))).toEqual({ x: expected });
  });

  const plain: HandColumn = { name: 'n', type: 'INT32', pages: page(2, one) };
  it.each<[string, HandColumn]>([
    ['INTERVAL', converted('FIXED_LEN_BYTE_ARRAY', Buffer.alloc(24), { 2: 12, 6: 21 })],
    ['BSON', converted('BYTE_ARRAY', texts('', ''), { 6: 20 })],
    ['GEOMETRY', converted('BYTE_ARRAY', texts('', ''), { 10: { 17: {} } })],
    [
      'VARIANT',
      {
        name: 'x',
        children: [
          { 1: 6, 3: 0, 4: 'metadata' },
          { 1: 6, 3: 0, 4: 'value' },
        ],
        element: { 10: { 16: {} } },
      },
    ],
    ['LIST', converted('INT32', one, { 3: 2 })],
    ['DATE (in DOUBLE)', converted('DOUBLE', Buffer.alloc(16), { 6: 6 })],
    ['FLOAT16 (in FIXED', converted('FIXED_LEN_BYTE_ARRAY', Buffer.alloc(6), { 2: 3, 10: { 15: {} } })],
  ])('%s is left out by name, and refused when it is asked for', async (name, made) => {
    const file = parquetFile([plain, made], 2);
    const { columns, notes } = await readParquet(file);
    expect([columns.map((c) => c.name), notes.map((n) => n.column)]).toEqual([['n'], ['x']]);
    expect(notes[0]!.message).toContain(name);
    await expect(readParquet(file, { columns: ['x'] })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FORMAT',
      message: expect.stringContaining(name),
    });
    await expect(readParquet(parquetFile([made], 2))).rejects.toMatchObject({
      message: expect.stringMatching(/no column that can be read/),
    });
  });

  it.each<[string, HandColumn]>([
    ['times', converted('INT96', Buffer.concat([1, 2].map((ns) => Buffer.from([ns, 0, 0, 0, 0, 0, 0, 0, 0, 0x89, 0x25, 0]))), {})],
    ['decimals', converted('INT64', bytesOf(BigInt64Array.of(2n ** 60n, 2n ** 60n + 1n)), { 6: 5, 7: 6, 8: 18 })],
    ['integers', converted('INT64', bytesOf(BigInt64Array.of(2n ** 60n, 2n ** 60n + 1n)), {})],
  ])('%s that become one number are said', async (_, made) => {
    const { notes } = await readParquet(parquetFile([made], 2));
    expect(notes).toEqual([{ column: 'x', message: expect.stringContaining('some become one ('), cure: { option: "categories: ['x']" } }]);
  });

  it('text that nearly every row has its own of is said', async () => {
    const words = texts(...Array.from({ length: 30 }, (_, i) => `${i}`));
    const { notes } = await readParquet(parquetFile([{ ...converted('BYTE_ARRAY', words, { 6: utf8 }), pages: page(30, words) }], 30));
    expect(notes).toEqual([
      { column: 'x', message: expect.stringContaining('30 different texts, nearly one a row'), cure: { option: "ignore: ['x']" } },
    ]);
  });

  it('text that is not UTF-8 is said, and equal texts are one category', async () => {
    const made = converted('BYTE_ARRAY', texts(Buffer.of(0x61, 0xff), Buffer.of(0x61, 0xfe)), { 6: utf8 });
    const { columns, notes } = await readParquet(parquetFile([made], 2));
    expect(columns[0]).toMatchObject({ categories: ['a\ufffd'], codes: Int32Array.of(0, 0) });
    expect(notes).toEqual([{ column: 'x', message: expect.stringContaining('2 texts that are not UTF-8') }]);
  });
});

describe('readParquet', () => {
  it('reads three million flights: times, numbers and airports', async () => {
    const table = await compiled.readParquet(flights);
    expect([table.rows, table.notes]).toEqual([3_000_000, []]);
    expect(table.columns.map((c) => `${c.name} ${kindOf(c)}`)).toEqual([
      `date ${times}`,
      `delay ${single}`,
      `distance ${single}`,
      'origin category',
      'destination category',
    ]);
    const [date, , distance, origin] = table.columns as [NumberColumn, NumberColumn, NumberColumn, CategoryColumn];
    expect(new Date(date.values[0]!).toISOString()).toMatch(/^2001-/);
    expect(distance.values.every((d) => d >= 21 && d <= 4962)).toBe(true);
    expect(origin.categories.length).toBeGreaterThan(200);
    expect([...origin.categories].sort()).toEqual(origin.categories);
    expect(origin.codes.every((code) => code >= 0 && code < origin.categories.length)).toBe(true);
  });

  it('stops while its thread decodes, and the thread with it', async () => {
    const controller = new AbortController();
    const started = once(process as EventEmitter, 'worker') as Promise<[Worker]>;
    const reading = compiled.readParquet(flights, { signal: controller.signal });
    const refused = expect(reading).rejects.toThrow('enough');
    const [worker] = await started;
    const ended = once(worker, 'exit');
    await once(worker, 'message'); // the first column is decoded, four are to come
    controller.abort(new Error('enough'));
    await refused;
    await ended;
  });

  it('stops on the calling thread where it reads a row group, and before it begins', async () => {
    await expect(readParquet(flights, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    for (const source of [flights, new Uint8Array(readFileSync(flights))]) {
      using latch = holdSource();
      await stopAtLatch(latch, (signal) => readParquet(source, { signal }));
    }
  });

  it('decodes on the calling thread where permissions allow no other', () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const code = `require(${JSON.stringify(join(__dirname, '../../dist/index.js'))}).readParquet(${JSON.stringify(golden('types'))}).then((t) => console.log(t.rows))`;
    const said = execFileSync(process.execPath, [flag, '--allow-fs-read=*', '--allow-addons', '--no-warnings', '-e', code]);
    expect(Number(said)).toBeGreaterThan(0);
  });
});

describe('expandCalendar', () => {
  it('agrees with Date on every part, over centuries', () => {
    const times = Float64Array.from({ length: 4000 }, (_, i) => (i - 1000) * 86_400_000 * 13.37 + 12_345);
    const table = expandCalendar(createTable([{ kind: 'number', name: 't', values: times }]), 't', [
      'year',
      'month',
      'day',
      'weekday',
      'hour',
      'time',
    ]);
    const [year, month, day, weekday, hour, time] = table.columns.map((c) => (c.kind === 'number' ? c.values : c.codes));
    times.forEach((t, i) => {
      const date = new Date(t);
      expect([year![i], month![i], day![i], weekday![i], hour![i], time![i]]).toEqual([
        date.getUTCFullYear(),
        date.getUTCMonth(),
        date.getUTCDate() - 1,
        date.getUTCDay(),
        date.getUTCHours(),
        date.getUTCHours() * 100 + date.getUTCMinutes(),
      ]);
    });
  });

  it('keeps missing times missing, and refuses categories', () => {
    const table = expandCalendar(createTable([{ kind: 'number', name: 't', values: Float64Array.of(Number.NaN) }]), 't');
    expect(table.columns.map((c) => (c.kind === 'number' ? c.values[0] : c.codes[0]))).toEqual([-1, -1, -1, Number.NaN]);
    const towns = createTable([{ kind: 'category', name: 'town', codes: Int32Array.of(0), categories: ['Oslo'] }]);
    expect(() => expandCalendar(towns, 'town')).toThrowError(/got categories/);
  });
});
