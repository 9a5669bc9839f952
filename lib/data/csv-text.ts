// Tables as CSV text, which readCsv reads back to the same values where it is told what a model knows of the columns (`like`), or their kinds
// (`numbers` and `categories`): categories may look like numbers, dates or words that mean missing. An empty category comes back missing.
import { types } from 'node:util';
import { shortestSingle } from '../floats';
import { usualMissing } from './csv';
import type { Column, Table } from './table';

/** Quoted when it must be: what may be a delimiter, quotes, line ends, spaces that a reader would drop, and words that would be missing. */
const quote = (text: string): string =>
  /[",;|\t\r\n]|^\s|\s$/.test(text) || usualMissing.includes(text) ? `"${text.replaceAll('"', '""')}"` : text;

type Decimal = '.' | ',';

const cellOf = (column: Column, row: number, decimal: Decimal): string => {
  if (column.kind === 'category') return column.codes[row]! < 0 ? '' : quote(column.categories[column.codes[row]!]!);
  const value = column.values[row]!;
  if (Number.isNaN(value)) return '';
  if (column.times && Number.isInteger(value) && value >= earliest && value <= latest) return new Date(value).toISOString();
  return (types.isFloat32Array(column.values) ? shortestSingle(value) : String(value)).replace('.', decimal);
};

/** Years of four digits; other times stay milliseconds. */
const [earliest, latest] = [Date.parse('0001-01-01'), Date.parse('9999-12-31')] as const;

/** A lone empty cell is quoted: a blank line is no row, and no header. */
const lineOf = (cells: readonly string[], decimal: Decimal): string =>
  cells.join(decimal === ',' ? ';' : ',') || (cells.length === 1 ? '""' : '');

export interface TextOptions {
  readonly from?: number;
  readonly to?: number;
  readonly header?: boolean;
  /** With a comma, semicolons stand between fields. */
  readonly decimal?: Decimal;
}

/** Header and rows [from, to) as pieces of text; missing values are empty, and times as ISO 8601 writes them. */
export function* csvText(table: Table, options: TextOptions = {}): Generator<string> {
  const { from = 0, to = table.rows, header = true, decimal = '.' } = options;
  if (header)
    yield `${lineOf(
      table.columns.map((c) => quote(c.name)),
      decimal,
    )}\n`;
  const piece = 4096; // rows
  for (let first = from; first < to; first += piece) {
    const lines: string[] = [];
    for (let row = first; row < Math.min(to, first + piece); row++)
      lines.push(
        lineOf(
          table.columns.map((c) => cellOf(c, row, decimal)),
          decimal,
        ),
      );
    yield `${lines.join('\n')}\n`;
  }
}
