// Calendar features of a column of times: what a tree can split on, where milliseconds since 1970 tell it little.
import { fail } from '../errors';
import { type Column, columnOf, createTable, type Table } from './table';

export const calendarParts = ['year', 'month', 'day', 'weekday', 'hour', 'time'] as const;
/** time = hour * 100 + minute, as timetables write it; weekday 0 = Sunday. `time` and `year` become numbers, the others categories. */
export type CalendarPart = (typeof calendarParts)[number];

const dayMilliseconds = 86_400_000;
const labels = {
  month: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'],
  day: Array.from({ length: 31 }, (_, i) => String(i + 1)),
  weekday: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
  hour: Array.from({ length: 24 }, (_, i) => String(i)),
};

/** Year, month (0..11) and day (0..30) of a day counted from 1970-01-01. Hinnant, "chrono-compatible low-level date algorithms". */
function civilDate(days: number): [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 2 : march - 10;
  return [yearOfEra + era * 400 + (month <= 1 ? 1 : 0), month, ofYear - Math.floor((153 * march + 2) / 5)];
}

/** The code or number of one part; `milliseconds` since 1970, UTC. */
function partOf(part: CalendarPart, milliseconds: number): number {
  const days = Math.floor(milliseconds / dayMilliseconds);
  const minutes = Math.floor((milliseconds - days * dayMilliseconds) / 60_000);
  switch (part) {
    case 'weekday':
      return (((days + 4) % 7) + 7) % 7;
    case 'hour':
      return Math.floor(minutes / 60);
    case 'time':
      return Math.floor(minutes / 60) * 100 + (minutes % 60);
    default:
      return civilDate(days)[['year', 'month', 'day'].indexOf(part)]!;
  }
}

function partColumn(name: string, part: CalendarPart, times: ArrayLike<number>): Column {
  if (part === 'time' || part === 'year') return { kind: 'number', name, values: Float32Array.from(times, (t) => partOf(part, t)) };
  return {
    kind: 'category',
    name,
    categories: labels[part],
    codes: Int32Array.from(times, (t) => (Number.isNaN(t) ? -1 : partOf(part, t))),
  };
}

/**
 * Replaces a column of times (milliseconds since 1970, read as UTC) by calendar features named `<column>.<part>`.
 * @throws ERR_TENSORWOOD_DATA when there is no such column, or it holds categories
 */
export function expandCalendar(table: Table, name: string, parts: readonly CalendarPart[] = ['month', 'day', 'weekday', 'time']): Table {
  const column = columnOf(table, name);
  if (column.kind !== 'number')
    fail('ERR_TENSORWOOD_DATA', `expandCalendar: expected times in column '${name}', got categories; read dates as such with { dates }`);
  const added = parts.map((part) => partColumn(`${name}.${part}`, part, column.values));
  return createTable(table.columns.flatMap((c) => (c === column ? added : [c])));
}
