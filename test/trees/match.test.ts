// Features of other rows as a model reads them: which columns fit, how categories are coded, and what is refused.
import { describe, expect, it } from 'vitest';
import type { Features } from '../../lib/trees/features';
import { matchFeatures, type Signature } from '../../lib/trees/match';
import { finish } from '../../lib/turns';

const signature: Signature = { names: ['size', 'town', 'code'], categories: [null, ['Oslo', 'Rome'], 3] };
const full = { size: [1, 2], town: ['Rome', 'Oslo'], code: { codes: Int32Array.of(0, 2), categories: 3 } };
const match = (features: Features) => finish(matchFeatures('predict', features, signature));

describe('matchFeatures', () => {
  it('finds columns by name, and leaves others out', () => {
    const { rows, columns } = match({ other: [0, 0], code: full.code, town: full.town, size: full.size });
    expect(rows).toBe(2);
    expect(columns.map((c) => c.categorical)).toEqual([false, true, true]);
    expect(columns[0]!.data).toEqual(Float64Array.of(1, 2));
  });

  it("translates names to the model's codes; -1 is missing, and one above all a name that it has not", () => {
    const { columns } = match({ ...full, town: ['Rome', 'Atlantis'] });
    expect(columns[1]).toMatchObject({ data: Int32Array.of(0, 1), remap: Int32Array.of(1, 2 ** 24) });
    expect(match({ ...full, town: ['Rome', ''] }).columns[1]!.remap).toEqual(Int32Array.of(1, -1));
    expect(match({ ...full, town: { codes: Int32Array.of(0, 1), categories: ['Oslo', 'Rome'] } }).columns[1]!.remap).toBeUndefined();
  });

  it('takes a column without a value for either kind', () => {
    const nothing = { codes: Int32Array.of(-1, -1), categories: ['a'] };
    const missing = { data: Float32Array.of(Number.NaN, Number.NaN) };
    expect(match({ ...full, size: [null, undefined] }).columns[0]).toMatchObject({ categorical: false });
    expect(match({ ...full, size: nothing }).columns[0]).toMatchObject({ ...missing, categorical: false });
    expect(match({ ...full, town: [null, null] }).columns[1]).toMatchObject({ ...missing, categorical: true });
    expect(match({ ...full, town: new Float32Array(2).fill(Number.NaN) }).columns[1]).toMatchObject(missing);
  });

  it("takes codes for a column of categories without names, the model's or not", () => {
    const codes = Float32Array.of(7, Number.NaN);
    expect(match({ ...full, code: codes }).columns[2]).toMatchObject({ data: codes, categorical: true });
    expect(match({ ...full, code: { codes, categories: 8 } }).columns[2]).toMatchObject({ data: codes, categorical: true });
  });

  const refusals: [string, Features, RegExp][] = [
    [
      'categories for numbers',
      { ...full, size: ['a', null] },
      /expected numbers in column 'size', got categories, as 'a' in row 0; read it with { numbers }, .*; pass null/,
    ],
    [
      'text of numbers',
      { ...full, size: ['', '12'] },
      /got categories, as '12' in row 1; read it with { numbers }; pass numbers, as values.map\(Number\)/,
    ],
    [
      'numbers for names',
      { ...full, town: [null, 1] },
      /got numbers; pass strings .*, or read the table with readCsv\(file, { like: forest }\)$/,
    ],
    ['a column that is absent', { size: [1, 2], twon: ['Rome', 'Oslo'] }, /'town' as the model has, did you mean 'twon'/],
    [
      'parts of a code',
      { ...full, code: { codes: Float32Array.of(1, 0.5), categories: 3 } },
      /integers in column 'code', got 0.5 in row 1/,
    ],
    ['rows of another width', { values: new Float32Array(4), columns: 2 }, /rows of 3 values as the model has, got 2/],
  ];
  it.each(refusals)('refuses %s', (_, features, message) => {
    expect(() => match(features)).toThrow(message);
  });
});
