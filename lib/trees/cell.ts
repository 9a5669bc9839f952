// What one value of a list or a row means, the same at every door: a number, a name, or nothing.
import { types } from 'node:util';
import { describe, fail } from '../errors';

/** Numbers are numbers, true 1 and false 0, a Date its milliseconds since 1970, a bigint the nearest number; null, undefined, NaN and the empty text are missing. */
export type Cell = number | bigint | boolean | Date | string | null | undefined;

export const isMissing = (cell: unknown): boolean => cell === null || cell === undefined || cell === '' || Number.isNaN(cell);

/** The number that a value other than text stands for; undefined when it is none. */
export function numberOf(cell: unknown): number | undefined {
  if (typeof cell === 'number') return cell;
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (typeof cell === 'bigint' || types.isDate(cell)) return Number(cell);
  return undefined;
}

/** What to pass in place of a value that is neither a number nor text: the end of a refusal. */
export function cureOf(cell: unknown): string {
  if (ArrayBuffer.isView(cell)) return "; pass bytes as text, as Buffer.from(bytes).toString('hex')";
  return typeof cell === 'object' && cell !== null ? '; pass text, as JSON.stringify(value)' : '';
}

/** @throws ERR_TENSORWOOD_ARGUMENT `subject: expected <what>, got <kind> in row <row>`, with the cure where there is one */
export function refuseCell(subject: string, what: string, cell: unknown, row: number): never {
  const got = typeof cell === 'object' ? describe(cell) : typeof cell;
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${what}, got ${got} in row ${row}${cureOf(cell)}`);
}
