// Definitions of lib/ops/softmax.ts in f64.
import { softmaxOperations } from '../../lib/ops/softmax';
import type { Definition, Definitions, Sample, SampleInput, Value } from './definition';

const largest = (row: Float64Array): number => row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const total = (row: Float64Array): number => row.reduce((a, b) => a + b, 0);

/** Each row of the last axis by `f`, which sees the row's part of every input. */
function byRow(inputs: readonly Value[], f: (...rows: Float64Array[]) => Float64Array): Value[] {
  const { shape, data } = inputs[0]!;
  const width = shape.at(-1)!;
  const result = new Float64Array(data.length);
  for (let at = 0; at < data.length; at += width) result.set(f(...inputs.map((x) => x.data.slice(at, at + width))), at);
  return [{ shape, data: result }];
}

export function logSoftmaxRow(row: Float64Array): Float64Array {
  const shift = largest(row);
  const low = shift + Math.log(total(row.map((x) => Math.exp(x - shift))));
  return row.map((x) => x - low);
}
export const softmaxRow = (row: Float64Array): Float64Array => logSoftmaxRow(row).map(Math.exp);

// Around the lanes of every instruction set, and more rows than one task takes.
const shapes: [string, number[]][] = [
  ['one', [1]],
  ['rows of one', [5, 1]],
  ['odd', [7]],
  ['whole vectors', [3, 32]],
  ['masked tail', [2, 3, 17]],
  ['prime', [11, 101]],
  ['six axes', [2, 1, 3, 1, 2, 5]],
  ['several tasks', [401, 127]],
  ['no rows', [0, 4]],
];
const samples = (inputs: (shape: number[]) => SampleInput[]): Sample[] =>
  shapes.map(([name, shape]) => ({ name, inputs: inputs(shape), attributes: {} }));
const far: Sample = { name: 'far apart', inputs: [{ shape: [2, 3], values: [-1000, 0, 1000, 88, 89, -104] }], attributes: {} };
const i32 = (...shape: number[]) => ({ shape, dtype: 'i32' as const });
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const refused: Definition['refused'] = [
  { inputs: [f32()], attributes: {}, message: /softmax: expected a last axis of at least one element, got shape \(\)$/ },
  { inputs: [f32(3, 0)], attributes: {}, message: /expected a last axis of at least one element, got shape \(3, 0\)$/ },
];
const unequal: Definition['refused'] = [
  { inputs: [f32(2, 3), f32(3, 2)], attributes: {}, message: /_gradient: expected one shape, got \(2, 3\) and \(3, 2\)$/ },
  { inputs: [f32(2, 3), i32(2, 3)], attributes: {}, message: /_gradient: expected dtype f32 or bf16, got f32 and i32$/ },
];

/** What softmax and its logarithm mean. */
export const definitions: Definitions = {
  softmax: {
    operation: softmaxOperations.softmax,
    define: (inputs) => byRow(inputs, softmaxRow),
    samples: [...samples((shape) => [{ shape }]), far],
    refused,
  },
  log_softmax: {
    operation: softmaxOperations.log_softmax,
    define: (inputs) => byRow(inputs, logSoftmaxRow),
    samples: [...samples((shape) => [{ shape }]), far],
    refused,
  },
  softmax_gradient: {
    operation: softmaxOperations.softmax_gradient,
    define: (inputs) =>
      byRow(inputs, (g, y) => {
        const mean = total(g.map((x, i) => x * y[i]!));
        return y.map((p, i) => p * (g[i]! - mean));
      }),
    samples: samples((shape) => [{ shape }, { shape, values: { low: 0, high: 0.1 } }]),
    refused: unequal,
  },
  log_softmax_gradient: {
    operation: softmaxOperations.log_softmax_gradient,
    define: (inputs) => byRow(inputs, (g, y) => g.map((x, i) => x - Math.exp(y[i]!) * total(g))),
    samples: samples((shape) => [{ shape }, { shape, values: { low: -6, high: 0 } }]),
    refused: unequal,
    tolerance: 1e-5,
  },
};
