// One row as a model reads it: by place or by name, checked and coded.
import { describe, expect, it } from 'vitest';
import { createRowReader } from '../../lib/trees/row';

const read = createRowReader({ names: ['size', 'town', 'code'], categories: [null, ['Oslo', 'Rome'], 3] });
const values = (row: Parameters<typeof read>[0]): number[] => Array.from(read(row));
const unknown = 2 ** 24;

describe('a row', () => {
  it('is read by place and by name alike', () => {
    expect(values([1.5, 1, 2])).toEqual([1.5, 1, 2]);
    expect(values(Float32Array.of(1.5, 1, 2))).toEqual([1.5, 1, 2]);
    expect(values({ code: 2, size: 1.5, town: 'Rome' })).toEqual([1.5, 1, 2]);
    expect(values([1.5, 'Rome', 2])).toEqual([1.5, 1, 2]);
  });

  it('has missing values, and categories that the model has not', () => {
    expect(values({ size: null, town: undefined, code: -1 })).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(values({ size: 0, town: 'Atlantis', code: 3 })).toEqual([0, unknown, unknown]);
    expect(values({ size: 0, town: '', code: 0 })).toEqual([0, Number.NaN, 0]);
    const blank = createRowReader({ names: ['town'], categories: [['Oslo', '']] });
    expect([...blank({ town: '' })]).toEqual([1]);
    expect(values({ size: 1, town: Number.NaN, code: 0 })).toEqual([1, Number.NaN, 0]);
    expect(values([0, 2, 99])).toEqual([0, unknown, unknown]);
  });

  it('of numbers alone is given back as it is', () => {
    for (const row of [Float32Array.of(1, 2), Float64Array.of(1, 2)])
      expect(createRowReader({ names: ['a', 'b'], categories: [null, null] })(row)).toBe(row);
  });

  const refusals: [string, () => unknown, RegExp][] = [
    ['another length', () => read([1, 2]), /expected 3 values, got 2/],
    ['no row', () => read(null as never), /a row of 3 values/],
    ['text for a number', () => read({ size: 'big', town: 'Oslo', code: 0 }), /numbers in column 'size', got 'big'/],
    ['a date for a category', () => read({ size: 1, town: new Date(0), code: 0 }), /categories by name in column 'town', got Date/],
    ['a number for a name', () => read({ size: 1, town: 1, code: 0 }), /categories by name in column 'town', got 1; pass the text '1'$/],
    ['a bigint for a name', () => read({ size: 1, town: 1n, code: 0 }), /by name in column 'town', got 1; pass the text '1'$/],
    ['text for a boolean', () => read({ size: 'False', town: 'Oslo', code: 0 }), /numbers in column 'size', got 'False'; pass false$/],
    ['bytes', () => read([Buffer.of(1) as never, 0, 0]), /numbers in column 'size', got Buffer; pass bytes as text/],
    ['text for a code', () => read({ size: 1, town: 'Oslo', code: 'x' }), /category codes in column 'code', got 'x'/],
    ['parts of a code', () => read([1, 0.5, 0]), /codes in \[0, 1\], in column 'town', got 0.5/],
    ['a column that is absent', () => read({ size: 1, town: 'Oslo' }), /a value for 'code'; pass null/],
    ['a column of no model', () => read({ size: 1, town: 'Oslo', code: 1, cod: 2 }), /got 'cod', did you mean 'code'/],
  ];
  it.each(refusals)('is refused with %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
