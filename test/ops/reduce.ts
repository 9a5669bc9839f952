// Definitions of lib/ops/reduce.ts in f64.
import type { DType } from '../../lib/dtype';
import { reduceOperations } from '../../lib/ops/reduce';
import { contiguousStrides, type Shape, sizeOf } from '../../lib/shape';
import type { Definition, Definitions, Draw, Sample, Value } from './definition';

/** The elements that each output element is made of, in row-major order. */
function groupElements(x: Value, axes: readonly number[]): number[][] {
  const kept = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const groups: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  const [from, to] = [contiguousStrides(x.shape), contiguousStrides(kept)];
  x.data.forEach((value, at) => {
    const target = x.shape.reduce((sum, n, i) => sum + (axes.includes(i) ? 0 : (Math.floor(at / from[i]!) % n) * to[i]!), 0);
    groups[target]!.push(value);
  });
  return groups;
}

// Around vectors, the chunks along an output (8192) and by columns (256 rows of 1024).
const shapes: [string, Shape, number[], Draw?][] = [
  ['one', [1], [0]],
  ['odd, last axis', [5, 7], [1]],
  ['odd, first axis', [7, 5], [0]],
  ['prime, all axes', [101], [0]],
  ['masked tail, last axis', [3, 67], [1]],
  ['middle axis', [3, 11, 5], [1]],
  ['outer axes', [3, 5, 37], [0, 1]],
  ['first and last axis', [4, 3, 7], [0, 2]],
  ['chunks along an output', [2, 8195], [1], { low: 0, high: 2 }],
  ['chunks by columns', [259, 6], [0]],
  ['wide columns', [3, 1031], [0]],
  ['nothing left', [0, 3], [1]],
  ['no axis', [3, 4], []],
];

function define(
  name: keyof typeof reduceOperations,
  f: (elements: readonly number[]) => number,
  samples: readonly Sample[] = [],
): Definition {
  const dtypes: readonly DType[] = ['f32', 'bf16', 'i32'];
  const single = (axes: number[]) => name !== 'argmax' || axes.length === 1;
  return {
    operation: reduceOperations[name],
    define: ([x], { axes }, outputs) => [{ shape: outputs[0]!.shape, data: Float64Array.from(groupElements(x!, axes), f) }],
    dtypes,
    tolerance: 1e-5,
    samples: [
      ...shapes
        .filter(([, , axes]) => single(axes))
        .map(([label, shape, axes, values]) => ({ name: label, inputs: [{ shape, values }], attributes: { axes } })),
      ...samples,
    ],
    refused:
      name === 'sum'
        ? []
        : [
            {
              inputs: [{ shape: [3, 0], dtype: 'f32' }],
              attributes: { axes: [1] },
              message: new RegExp(`^${name}: expected at least one element to reduce, got shape \\(3, 0\\)$`),
            },
          ],
  };
}

const special = (...values: number[]): Sample => ({
  name: 'NaN and ties',
  inputs: [{ shape: [values.length], dtype: 'f32', values }],
  attributes: { axes: [0] },
  gradient: { skipped: 'no derivative at these points' },
});
const { NaN: none } = Number;
const extreme = (better: (a: number, b: number) => boolean) => (elements: readonly number[]) =>
  elements.reduce((best, x) => (Number.isNaN(best) || !(Number.isNaN(x) || better(x, best)) ? best : x));

function firstLargest(elements: readonly number[]): number {
  const hole = elements.findIndex(Number.isNaN);
  return hole >= 0 ? hole : elements.indexOf(Math.max(...elements));
}

/** What reductions mean. */
export const definitions: Definitions = {
  sum: define('sum', (elements) => elements.reduce((a, b) => a + b, 0), [
    { name: 'of nothing', inputs: [{ shape: [0, 3] }], attributes: { axes: [0] } },
  ]),
  max: define(
    'max',
    extreme((a, b) => a > b),
    [special(1, none, 3), special(2, 2, 1)],
  ),
  min: define(
    'min',
    extreme((a, b) => a < b),
    [special(1, none, 3), special(2, 1, 1)],
  ),
  argmax: define('argmax', firstLargest, [special(1, none, 3), special(1, 2, 2)]),
};
