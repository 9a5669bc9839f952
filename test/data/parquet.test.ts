// Parquet: three million real flights, calendar features, and what must be refused.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { expandCalendar } from '../../lib/data/calendar';
import { readParquet } from '../../lib/data/parquet';
import { resolvePeer } from '../../lib/data/peer';
import { type CategoryColumn, createTable, type NumberColumn } from '../../lib/data/table';

const flights = resolvePeer('test', 'vega-datasets', 'data/flights-3m.parquet');
const folder = mkdtempSync(join(tmpdir(), 'tensorwood-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('readParquet', () => {
  it('reads three million flights: times, numbers and airports', async () => {
    const table = await readParquet(flights);
    expect(table.rows).toBe(3_000_000);
    expect(table.columns.map((c) => `${c.name} ${c.kind}`)).toEqual([
      'date number',
      'delay number',
      'distance number',
      'origin category',
      'destination category',
    ]);
    const [date, delay, distance, origin] = table.columns as [NumberColumn, NumberColumn, NumberColumn, CategoryColumn];
    expect(new Date(date.values[0]!).toISOString()).toMatch(/^2001-/);
    expect(delay.values).toBeInstanceOf(Float32Array);
    expect(distance.values.every((d) => d >= 21 && d <= 4962)).toBe(true);
    expect(origin.categories.length).toBeGreaterThan(200);
    expect([...origin.categories].sort()).toEqual(origin.categories);
    expect(origin.codes.every((code) => code >= 0 && code < origin.categories.length)).toBe(true);
  });

  it('reads chosen columns, and numbers as categories', async () => {
    const table = await readParquet(flights, { columns: ['distance'], categories: ['distance'] });
    expect(table.columns.length).toBe(1);
    const [distance] = table.columns as [CategoryColumn];
    expect(distance.categories.map(Number)).toEqual([...distance.categories].map(Number).sort((a, b) => a - b));
  });

  it('refuses what is absent, foreign or cut, and columns that are not there', async () => {
    const foreign = join(folder, 'foreign.parquet');
    writeFileSync(foreign, 'a,b\n1,2\n');
    const cut = join(folder, 'cut.parquet');
    writeFileSync(cut, execFileSync('head', ['-c', '100000', flights]));
    await expect(readParquet(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    await expect(readParquet(foreign)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT' });
    await expect(readParquet(cut)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT' });
    await expect(readParquet(flights, { columns: ['fare'] })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: /no column 'fare'/,
    });
  });

  it('stops at an abort', async () => {
    await expect(readParquet(flights, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
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
