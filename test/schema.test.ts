// The one source of parameters: checks, defaults, flags, documentation rows.
import { describe, expect, it } from 'vitest';
import { boolean, checkSignal, choice, fromFlags, integer, integers, listed, number, parse, rowsOf, text } from '../lib/schema';

const schema = {
  learningRate: number(0.1, [Number.MIN_VALUE, 1], 'Step size.'),
  trees: integer(100, [1, 1e6], 'Number of trees.'),
  grow: choice(['depth-wise', 'leaf-wise'], 'depth-wise', 'Order of growth.'),
  shuffle: boolean(true, 'Draw a new order each epoch.'),
  name: text('', 'A name.'),
  momentum: number(0, [0, Number.POSITIVE_INFINITY], 'Kept velocity.'),
  sizes: integers([1, 2], [1, Number.POSITIVE_INFINITY], 'Layer sizes.'),
};

describe('parse', () => {
  it('fills in defaults and keeps what was given', () => {
    const values = parse('test', schema, { trees: 7, grow: 'leaf-wise', name: undefined });
    expect(values).toEqual({ learningRate: 0.1, trees: 7, grow: 'leaf-wise', shuffle: true, name: '', momentum: 0, sizes: [1, 2] });
    const typed: 'depth-wise' | 'leaf-wise' = values.grow;
    expect(typed).toBe('leaf-wise');
  });

  it.each([
    [{ learningRate: 0 }, 'test: expected learningRate to be a number in (0, 1], got 0'],
    [{ learningRate: Number.NaN }, 'test: expected learningRate to be a number in (0, 1], got NaN'],
    [{ trees: 1.5 }, 'test: expected trees to be an integer in [1, 1000000], got 1.5'],
    [{ grow: 'wide' }, "test: expected grow to be one of depth-wise, leaf-wise, got 'wide'"],
    [{ shuffle: 1 }, 'test: expected shuffle to be true or false, got 1'],
    [{ sizes: [1, 0] }, 'test: expected sizes to be integers of at least 1, got [1, 0]'],
    [{ learningrate: 1 }, "test: unknown option 'learningrate', did you mean 'learningRate'?"],
    [{ sizes: [Number.POSITIVE_INFINITY] }, 'test: expected sizes to be integers of at least 1, got [Infinity]'],
    [{ momentum: Number.POSITIVE_INFINITY }, 'test: expected momentum to be a number of at least 0, got Infinity'],
    [{ colour: 1 }, "test: unknown option 'colour'"],
    [{ toString: 1 }, "test: unknown option 'toString'"],
  ])('refuses %o', (options, message) => {
    expect(() => parse('test', schema, options as never)).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_ARGUMENT', message }));
  });

  it.each([
    [null, 'null'],
    [5, '5'],
    ['fast', "'fast'"],
    [[1], 'Array'],
  ])('refuses %o in the place of options', (options, got) => {
    const message = `test: expected options as an object, got ${got}`;
    expect(() => parse('test', schema, options as never)).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_ARGUMENT', message }));
  });

  it('refuses a signal that is none', () => {
    checkSignal('test', undefined);
    checkSignal('test', new AbortController().signal);
    expect(() => checkSignal('test', 5)).toThrow('test: expected signal to be an AbortSignal, got 5');
    expect(() => checkSignal('test', new AbortController())).toThrow('test: expected signal to be an AbortSignal, got AbortController');
  });
});

describe('flags', () => {
  it('are written with hyphens and read back as options', () => {
    const options = fromFlags(schema, { 'learning-rate': '0.5', sizes: '3,4', shuffle: false, other: 'x' });
    expect(options).toEqual({ learningRate: 0.5, sizes: [3, 4], shuffle: false });
    expect(() => parse('test', schema, fromFlags(schema, { trees: 'many' }))).toThrow("got 'many'");
    expect(() => parse('test', schema, fromFlags(schema, { sizes: '3,few' }))).toThrow("integers of at least 1, got '3,few'");
  });

  it('are documented from the same source', () => {
    expect(rowsOf(schema)[0]).toEqual({
      name: 'learningRate',
      flag: '--learning-rate',
      accepts: 'a number in (0, 1]',
      default: '0.1',
      doc: 'Step size.',
    });
  });
});

describe('names', () => {
  it('are listed up to a dozen', () => {
    const names = Array.from({ length: 13 }, (_, i) => `c${i}`);
    expect(listed(names.slice(0, 12))).toBe('c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11');
    expect(listed(names)).toBe('c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, …');
  });
});
