// Features in a form that none takes: the refusal shows the form that holds the same.
import { expect, it } from 'vitest';
import { createDataset } from '../../lib/trees/dataset';

const matrix = '{ values: Float32Array.from(rows.flat()), columns: 2, names: [...] }';
const forms: [string, unknown, string][] = [
  ['an array of objects', [{ a: 1, 'b c': 2 }], 'an array of objects; pass columns, as { a: rows.map((row) => row.a), … }'],
  ['objects with odd names', [{ 'b c': 2 }], "an array of objects; pass columns, as { 'b c': rows.map((row) => row['b c']) }"],
  ['an array of rows', [[1, 2]], `an array of rows; pass ${matrix}`],
  ['an array of numbers', [1, 2], 'an array'],
  ['no rows', [], 'an array'],
  [
    'a matrix with names as columns',
    { values: Float32Array.of(1, 2), columns: ['a', 'b'] },
    'names as columns; pass { values, columns: 2, names: [...] }',
  ],
  ['a matrix of a plain array', { values: [1, 2], columns: 2 }, 'an array as values; pass { values: Float32Array.from(values), columns }'],
];

it.each(forms)('%s', async (_, features, found) => {
  const message = `dataset: expected features as a table, a record of columns or { values, columns }, got ${found}`;
  await expect(createDataset(features as never)).rejects.toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_ARGUMENT', message }));
});
