// Definitions of lib/ops/update.ts in f64, tensor by tensor.
import { updateOperations } from '../../lib/ops/update';
import type { Definitions, Sample, SampleInput, Value } from './definition';

const positive = { low: 0, high: 2 };
const list = (shapes: readonly number[][], values?: SampleInput['values']): SampleInput[] => shapes.map((shape) => ({ shape, values }));
const scalar = (value: number): SampleInput => ({ shape: [], values: [value] });
const map = (x: Value, f: (value: number, i: number) => number): Value => ({ shape: x.shape, data: x.data.map(f) });
const group = (inputs: readonly Value[], count: number, index: number) => inputs.slice(index * count, (index + 1) * count);

// Around vectors and the chunk of 16384.
const models: [string, number[][]][] = [
  ['one', [[1]]],
  ['odd sizes', [[7], [3, 5], [67]]],
  ['chunks', [[3, 5501], [2], [16384]]],
  ['with nothing', [[0], [5]]],
  ['no tensor', []],
];

function adamw(inputs: readonly Value[], { count, integers, numbers }: any): Value[] {
  const [p, g, m, v] = [0, 1, 2, 3].map((k) => group(inputs, count, k)) as [Value[], Value[], Value[], Value[]];
  const [learningRate, step, scale] = inputs.slice(4 * count).map((x) => x.data[0]!) as [number, number, number];
  if (!Number.isFinite(scale)) return [...p, ...m, ...v];
  const [beta1, beta2, epsilon] = numbers;
  const corrected = (beta: number) => (integers[1] ? 1 - beta ** step : 1);
  const first = m.map((x, t) => map(x, (value, i) => beta1 * value + (1 - beta1) * scale * g[t]!.data[i]!));
  const second = v.map((x, t) => map(x, (value, i) => beta2 * value + (1 - beta2) * (scale * g[t]!.data[i]!) ** 2));
  const parameters = p.map((x, t) => {
    const [decay, rate] = [numbers[3 + 2 * t], learningRate * numbers[4 + 2 * t]];
    const direction = (i: number) => first[t]!.data[i]! / corrected(beta1) / (Math.sqrt(second[t]!.data[i]! / corrected(beta2)) + epsilon);
    return map(x, (value, i) => value - rate * decay * value - rate * direction(i));
  });
  return [...parameters, ...first, ...second];
}

function sgd(inputs: readonly Value[], { count, integers, numbers }: any): Value[] {
  const [p, g, m] = [0, 1, 2].map((k) => group(inputs, count, k)) as [Value[], Value[], Value[]];
  const [learningRate, scale] = inputs.slice(3 * count).map((x) => x.data[0]!) as [number, number];
  if (!Number.isFinite(scale)) return [...p, ...m];
  const gradient = (t: number, i: number) => scale * g[t]!.data[i]! + numbers[1 + 2 * t] * p[t]!.data[i]!;
  const velocities = m.map((x, t) => map(x, (value, i) => numbers[0] * value + gradient(t, i)));
  const parameters = p.map((x, t) =>
    map(x, (value, i) => {
      const velocity = velocities[t]!.data[i]!;
      return value - learningRate * numbers[2 + 2 * t] * (integers[1] ? gradient(t, i) + numbers[0] * velocity : velocity);
    }),
  );
  return [...parameters, ...velocities];
}

// Decay and learning rate factor of each tensor, all different.
const perTensor = (count: number) => Array.from({ length: count }, (_, t) => [0.1 / (t + 1), 1 + t / 2]).flat();

function adamwSample([name, shapes]: [string, number[][]], corrected: boolean, scale: number): Sample {
  const count = shapes.length;
  return {
    name,
    inputs: [...list(shapes), ...list(shapes), ...list(shapes), ...list(shapes, positive), scalar(0.01), scalar(3), scalar(scale)],
    attributes: { count, integers: [count, Number(corrected)], numbers: [0.9, 0.99, 1e-6, ...perTensor(count)] },
  };
}

function sgdSample([name, shapes]: [string, number[][]], momentum: number, nesterov: boolean, scale: number): Sample {
  const count = shapes.length;
  return {
    name,
    inputs: [...list(shapes), ...list(shapes), ...list(shapes), scalar(0.1), scalar(scale)],
    attributes: { count, integers: [count, Number(nesterov)], numbers: [momentum, ...perTensor(count)] },
  };
}

const small = models[1]!;
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });

/** What updates mean. */
export const definitions: Definitions = {
  adamw: {
    operation: updateOperations.adamw,
    define: adamw,
    dtypes: ['f32'],
    tolerance: 5e-6,
    samples: [
      ...models.map((model) => adamwSample(model, true, 0.5)),
      { ...adamwSample(small, false, 1), name: 'no bias correction' },
      { ...adamwSample(small, true, Number.NaN), name: 'skipped' },
    ],
    refused: [
      {
        inputs: [f32(2), f32(2), f32(2), f32(3), f32(), f32(), f32()],
        attributes: { count: 1, integers: [1, 1], numbers: [0.9, 0.99, 1e-6, 0, 1] },
        message: /^adamw: expected shape \(2,\) of the parameter, got \(3,\)$/,
      },
      {
        inputs: [f32(2), f32(2), f32(2), f32(2), f32(), f32(1), f32()],
        attributes: { count: 1, integers: [1, 1], numbers: [0.9, 0.99, 1e-6, 0, 1] },
        message: /^adamw: expected a scalar for what varies by step, got shape \(1,\)$/,
      },
    ],
  },
  sgd: {
    operation: updateOperations.sgd,
    define: sgd,
    dtypes: ['f32'],
    samples: [
      ...models.map((model) => sgdSample(model, 0.9, false, 0.5)),
      { ...sgdSample(small, 0.9, true, 1), name: 'nesterov' },
      { ...sgdSample(small, 0, false, 1), name: 'no momentum' },
      { ...sgdSample(small, 0.9, true, Number.POSITIVE_INFINITY), name: 'skipped' },
    ],
    refused: [
      { inputs: [f32(2)], attributes: { count: 1, integers: [1, 0], numbers: [0, 0, 1] }, message: /^sgd: expected 3 lists of 1 tensors/ },
    ],
  },
  ema: {
    operation: updateOperations.ema,
    define(inputs, { count }) {
      const decay = inputs.at(-1)!.data[0]!;
      return group(inputs, count, 0).map((x, t) => map(x, (a, i) => decay * a + (1 - decay) * inputs[count + t]!.data[i]!));
    },
    dtypes: ['f32'],
    samples: models.map(([name, shapes]) => ({
      name,
      inputs: [...list(shapes), ...list(shapes), scalar(0.9)],
      attributes: { count: shapes.length, integers: [shapes.length], numbers: [] },
    })),
    refused: [
      {
        inputs: [f32(2), f32(3), f32()],
        attributes: { count: 1, integers: [1], numbers: [] },
        message: /^ema: expected shape \(2,\) of the parameter, got \(3,\)$/,
      },
    ],
  },
  global_norm: {
    operation: updateOperations.global_norm,
    define: (inputs) => [
      { shape: [], data: Float64Array.of(Math.sqrt(inputs.flatMap((x) => [...x.data]).reduce((sum, x) => sum + x * x, 0))) },
    ],
    dtypes: ['f32'],
    samples: models.map(([name, shapes]) => ({ name, inputs: list(shapes), attributes: {} })),
    refused: [{ inputs: [{ shape: [2], dtype: 'i32' }], attributes: {}, message: /^global_norm: expected dtype f32, got i32; use cast$/ }],
  },
};
