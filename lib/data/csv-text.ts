// Tables as CSV text, which readCsv reads back to the same values where it is told what a model knows of the columns (`like`), or their kinds
// (`numbers` and `categories`): categories may look like numbers, dates or words that mean missing. An empty category comes back missing.
import { types } from 'node:util';
import { shortestSingle } from '../floats';
import { usualMissing } from './csv';
import type { Column, Table } from './table';

/** Quoted when it must be: what may be a delimiter, quotes, line ends, spaces that a reader would drop, and words that would be missing. */
const quote = (text: string): string =>
  /[",;|\t\r\n]|^\s|\s$/.test(text) || usualMissing.includes(text) ? `"${text.replaceAll('"', '""')}"` : text;

const cellOf = (column: Column, row: number): string => {
  if (column.kind === 'category') return column.codes[row]! < 0 ? '' : quote(column.categories[column.codes[row]!]!);
  const value = column.values[row]!;
  if (Number.isNaN(value)) return '';
  return types.isFloat32Array(column.values) ? shortestSingle(value) : String(value);
};

/** A lone empty cell is quoted: a blank line is no row, and no header. */
const lineOf = (cells: readonly string[]): string => cells.join(',') || (cells.length === 1 ? '""' : '');

/** Header and rows [from, to) as pieces of text; missing values are empty. */
export function* csvText(
  table: Table,
  options: { readonly from?: number; readonly to?: number; readonly header?: boolean } = {},
): Generator<string> {
  const { from = 0, to = table.rows, header = true } = options;
  if (header) yield `${lineOf(table.columns.map((c) => quote(c.name)))}\n`;
  const piece = 4096; // rows
  for (let first = from; first < to; first += piece) {
    const lines: string[] = [];
    for (let row = first; row < Math.min(to, first + piece); row++) lines.push(lineOf(table.columns.map((c) => cellOf(c, row))));
    yield `${lines.join('\n')}\n`;
  }
}
