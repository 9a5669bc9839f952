// The functions of lib/ops/layout.ts that are made of the operations, against plain arrays.
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../lib/executor';
import { concat, pad, reshape, slice, split, squeeze, stack, transpose, unsqueeze } from '../../lib/ops/layout';
import { argmax, mean, sum, variance } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import type { Tensor } from '../../lib/tensor';

const values = async (x: Tensor) => [...(await evaluate(x))[0]!];
const grid = () =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe('layout functions', () => {
  it('reshape works out one size', () => {
    expect(reshape(grid(), [-1, 2]).shape).toEqual([3, 2]);
    expect(() => reshape(grid(), [-1, -1])).toThrow('reshape: expected at most one size of -1, got (-1, -1)');
    expect(() => reshape(grid(), [4, -1])).toThrow('reshape: expected a shape of 6 elements for (2, 3), got (4, 1.5)');
  });
  it('transpose swaps the last two axes', async () => {
    expect(await values(transpose(grid()))).toEqual([1, 4, 2, 5, 3, 6]);
  });
  it('slice counts from the end', async () => {
    expect(await values(slice(grid(), { axis: 1, start: -2 }))).toEqual([2, 3, 5, 6]);
    expect(await values(slice(grid(), { axis: -1, step: 2 }))).toEqual([1, 3, 4, 6]);
  });
  it('split gives pieces, equal or listed', async () => {
    const [a, b] = split(grid(), [1, 2], { axis: 1 });
    expect([await values(a!), await values(b!)]).toEqual([
      [1, 4],
      [2, 3, 5, 6],
    ]);
    expect(split(grid(), 3, { axis: 1 }).map((x) => x.shape)).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    expect(() => split(grid(), 2, { axis: 1 })).toThrow('split: expected sizes that sum to 3, got 2 pieces');
  });
  it('stack, unsqueeze and squeeze make and remove axes', async () => {
    expect(stack([grid(), grid()], { axis: 1 }).shape).toEqual([2, 2, 3]);
    expect(unsqueeze(grid(), -1).shape).toEqual([2, 3, 1]);
    expect(squeeze(unsqueeze(grid(), 0), 0).shape).toEqual([2, 3]);
    expect(() => squeeze(grid(), 0)).toThrow('squeeze: expected size 1 on axis 0 of (2, 3), got 2');
  });
  it('pad puts values around', async () => {
    const padded = pad(grid(), [
      [0, 1],
      [1, 0],
    ]);
    expect(await values(padded)).toEqual([0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0]);
  });
  it('concat needs a tensor', () => {
    expect(() => concat([])).toThrow('concat: expected at least one tensor, got none');
  });
});

describe('reductions', () => {
  it('take any axes and can keep them', async () => {
    expect(sum(grid(), { axes: -1, keepDimensions: true }).shape).toEqual([2, 1]);
    expect(await values(mean(grid(), { axes: 0 }))).toEqual([2.5, 3.5, 4.5]);
    expect(await values(variance(grid(), { axes: [1], correction: 1 }))).toEqual([1, 1]);
    expect(await values(argmax(grid(), { axis: 0 }))).toEqual([1, 1, 1]);
    expect(() => sum(grid(), { axes: [2] })).toThrow('sum: expected axis in [-2, 1] for shape (2, 3), got 2');
    expect(() => sum(grid(), { axes: [1, -1] })).toThrow('sum: expected each axis once, got 1, -1');
  });
});
