// Definitions of lib/ops/matmul.ts in f64.
import { matmulOperations } from '../../lib/ops/matmul';
import { sizeOf } from '../../lib/shape';
import type { Definitions, Sample, SampleInput, Value } from './definition';
import { erf } from './elementwise';

const last = (x: Value): number => x.shape.at(-1)!;
const value = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });

// y (..., n) = x (..., k) weight (n, k)^T
function timesTransposed(x: Value, weight: Value): Value {
  const y = value([...x.shape.slice(0, -1), weight.shape[0]!]);
  const [n, k] = [weight.shape[0]!, last(x)];
  for (let i = 0; i < y.data.length; i++) {
    for (let j = 0; j < k; j++) y.data[i]! += x.data[Math.floor(i / n) * k + j]! * weight.data[(i % n) * k + j]!;
  }
  return y;
}

function multiply(a: Value, b: Value): Value {
  const [m, k, n] = [a.shape.at(-2)!, last(a), last(b)];
  const y = value([...a.shape.slice(0, -1), n]);
  for (let i = 0; i < y.data.length; i++) {
    const [row, column] = [Math.floor(i / n), i % n];
    const batch = Math.floor(row / m);
    for (let j = 0; j < k; j++) y.data[i]! += a.data[row * k + j]! * b.data[(batch * k + j) * n + column]!;
  }
  return y;
}

const slope0 = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;
const normal = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
const activate: Record<string, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  gelu: (x) => x * normal(x),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(slope0 * (x + cubic * x ** 3))),
};
const slopes: Record<string, (x: number) => number> = {
  relu: (x) => (x > 0 ? 1 : 0),
  gelu: (x) => normal(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  gelu_tanh(x) {
    const t = Math.tanh(slope0 * (x + cubic * x ** 3));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope0 * (1 + 3 * cubic * x * x);
  },
};

const of = (...shapes: number[][]): SampleInput[] => shapes.map((shape) => ({ shape }));
const none = { activation: 'none', bias: false, residual: false };
const kink = { skipped: 'relu has a kink at 0' };

// (..., k) x, weight (n, k): sizes around the tiles of every instruction set.
const sizes: [string, number[], number, number][] = [
  ['one', [1], 1, 1],
  ['odd', [7], 5, 3],
  ['tile', [14], 32, 16],
  ['prime, masked tails', [53], 37, 19],
  ['leading axes', [2, 3, 11], 17, 13],
  ['no leading axis', [], 9, 6],
  ['more than one block of k', [5], 3, 801],
  ['more than one block of rows', [401], 3, 2],
  ['no rows', [0], 4, 3],
  ['no inner size', [3], 4, 0],
  ['no inner size, many rows', [401], 3, 0],
  ['no outputs', [3], 0, 5],
];

const linearSamples: Sample[] = [
  ...sizes.map(([name, lead, n, k]) => ({ name, inputs: of([...lead, k], [n, k]), attributes: none })),
  ...sizes.map(([name, lead, n, k]) => ({
    name: `bias, ${name}`,
    inputs: of([...lead, k], [n, k], [n]),
    attributes: { ...none, bias: true },
  })),
  { name: 'relu', inputs: of([6, 5], [35, 5], [35]), attributes: { activation: 'relu', bias: true, residual: false }, gradient: kink },
  { name: 'gelu', inputs: of([3, 5, 7], [19, 7], [19]), attributes: { activation: 'gelu', bias: true, residual: false } },
  { name: 'gelu_tanh', inputs: of([3, 5, 7], [19, 7], [19]), attributes: { activation: 'gelu_tanh', bias: true, residual: false } },
  { name: 'residual', inputs: of([3, 5, 7], [19, 7], [3, 5, 19]), attributes: { activation: 'none', bias: false, residual: true } },
  {
    name: 'everything',
    inputs: of([15, 7], [33, 7], [33], [15, 33]),
    attributes: { activation: 'gelu_tanh', bias: true, residual: true },
  },
];

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });

/** What matrix products mean. */
export const definitions: Definitions = {
  matmul: {
    operation: matmulOperations.matmul,
    define: ([a, b]) => [multiply(a!, b!)],
    tolerance: 2e-5,
    samples: [
      ...sizes.filter(([, lead]) => lead.length === 1).map(([name, [m], n, k]) => ({ name, inputs: of([m!, k], [k, n]), attributes: {} })),
      { name: 'batches', inputs: of([2, 3, 5, 7], [2, 3, 7, 9]), attributes: {} },
      { name: 'no batch', inputs: of([0, 5, 7], [0, 7, 9]), attributes: {} },
      { name: 'batches of no inner size', inputs: of([2, 5, 0], [2, 0, 9]), attributes: {} },
    ],
    refused: [
      {
        inputs: [f32(2, 3), f32(4, 5)],
        attributes: {},
        message: /^matmul: expected \(\.\.\., m, k\) and \(\.\.\., k, n\), got \(2, 3\) and \(4, 5\)$/,
      },
      { inputs: [f32(2, 3), { shape: [3, 5], dtype: 'bf16' }], attributes: {}, message: /^matmul: expected inputs of one dtype/ },
    ],
  },
  linear: {
    operation: matmulOperations.linear,
    define(inputs, { activation, bias, residual }) {
      const before = timesTransposed(inputs[0]!, inputs[1]!);
      const n = last(before);
      for (let i = 0; bias && i < before.data.length; i++) before.data[i]! += inputs[2]!.data[i % n]!;
      const beside = residual ? inputs[bias ? 3 : 2]! : undefined;
      const y = { shape: before.shape, data: before.data.map((v, i) => activate[activation]!(v) + (beside ? beside.data[i]! : 0)) };
      return activation === 'none' ? [y] : [y, before];
    },
    tolerance: 2e-5,
    samples: linearSamples,
    refused: [
      { inputs: [f32(8, 100), f32(768, 192)], attributes: none, message: /^linear: expected x \(\.\.\., k\) and weight \(n, k\), got/ },
      {
        inputs: [f32(8, 3), f32(5, 3), f32(4)],
        attributes: { ...none, bias: true },
        message: /^linear: expected bias of shape \(5,\), got \(4,\)$/,
      },
      { inputs: [f32(8, 3), { shape: [5, 3], dtype: 'i32' }], attributes: none, message: /^linear: expected inputs of one dtype/ },
    ],
  },
  linear_slope: {
    operation: matmulOperations.linear_slope,
    define([x, weight, before], { activation }) {
      const y = timesTransposed(x!, weight!);
      return [{ shape: y.shape, data: y.data.map((v, i) => v * slopes[activation]!(before!.data[i]!)) }];
    },
    tolerance: 2e-5,
    samples: [
      { name: 'relu', inputs: of([6, 5], [35, 5], [6, 35]), attributes: { activation: 'relu' }, gradient: kink },
      { name: 'gelu', inputs: of([2, 3, 5], [19, 5], [2, 3, 19]), attributes: { activation: 'gelu' } },
      { name: 'gelu_tanh', inputs: of([2, 3, 5], [19, 5], [2, 3, 19]), attributes: { activation: 'gelu_tanh' } },
    ],
    refused: [
      { inputs: [f32(2, 3), f32(5, 3), f32(2, 4)], attributes: { activation: 'relu' }, message: /expected before of shape \(2, 5\)/ },
    ],
  },
  linear_weight_gradient: {
    operation: matmulOperations.linear_weight_gradient,
    define([dy, x], { bias }) {
      const [n, k] = [last(dy!), last(x!)];
      const ofWeight = value([n, k]);
      const ofBias = value([n]);
      for (let row = 0; row < dy!.data.length / n; row++) {
        for (let i = 0; i < n; i++) {
          const g = dy!.data[row * n + i]!;
          ofBias.data[i]! += g;
          for (let j = 0; j < k; j++) ofWeight.data[i * k + j]! += g * x!.data[row * k + j]!;
        }
      }
      return bias ? [ofWeight, ofBias] : [ofWeight];
    },
    tolerance: 2e-5,
    samples: sizes.flatMap(([name, lead, n, k]) =>
      [false, true].map((bias) => ({
        name: bias ? `bias, ${name}` : name,
        inputs: of([...lead, n], [...lead, k]),
        attributes: { bias },
      })),
    ),
    refused: [
      {
        inputs: [f32(2, 3), f32(3, 5)],
        attributes: { bias: false },
        message: /expected dy \(\.\.\., n\) and x \(\.\.\., k\), got \(2, 3\) and \(3, 5\)/,
      },
    ],
  },
};
