// Checks lists of row numbers, which are easily mistaken for masks: one entry a row, true for those to take.
import { types } from 'node:util';
import { describe, fail } from '../errors';

type RowNumbers = Int32Array | Uint32Array | readonly number[];

/** @throws ERR_TENSORWOOD_ARGUMENT for a mask, for what is no list, and when one of the rows is not among `count` */
export function checkRowNumbers(subject: string, rows: RowNumbers, count: number): void {
  const listed = Array.isArray(rows) || ArrayBuffer.isView(rows);
  if (!listed) fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected row numbers, got ${describe(rows)}`);
  if (types.isUint8Array(rows) || typeof rows[0] === 'boolean')
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected row numbers, got a mask of ${rows.length}`);
  const wrong = rows.findIndex((row: number) => !(Number.isInteger(row) && row >= 0 && row < count));
  if (wrong >= 0) fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected rows in [0, ${count - 1}], got ${rows[wrong]}`);
}
