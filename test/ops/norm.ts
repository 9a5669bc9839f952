// Definitions of lib/ops/norm.ts in f64.
import { fromBfloat16, toBfloat16 } from '../../lib/dtype';
import { normOperations } from '../../lib/ops/norm';
import { sizeOf } from '../../lib/shape';
import type { Signature } from '../../lib/tensor';
import type { Definitions, Sample, SampleInput, Value } from './definition';

const zeros = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });
const mean = (list: Float64Array): number => list.reduce((a, b) => a + b, 0) / list.length;
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((s, x, i) => s + x * b[i]!, 0);

// --- layer norm ----------------------------------------------------------------------------------------------------------------------

interface LayerNorm {
  readonly epsilon: number;
  readonly residual: boolean;
  readonly weight: boolean;
  readonly bias: boolean;
}

function defineLayerNorm(inputs: readonly Value[], { epsilon, residual, weight, bias }: LayerNorm, outputs: readonly Signature[]): Value[] {
  const [x, ...rest] = inputs as [Value, ...Value[]];
  const other = residual ? rest.shift()! : undefined;
  const scale = weight ? rest.shift()! : undefined;
  const shift = bias ? rest.shift()! : undefined;
  const width = x.shape.at(-1)!;
  const exact = x.data.map((v, i) => v + (other?.data[i] ?? 0));
  // What is normalised is the sum that the way back will read: rounded in bf16.
  const total = { shape: x.shape, data: outputs[0]!.dtype === 'bf16' ? exact.map((v) => fromBfloat16(toBfloat16(v))) : exact };
  const [y, middles, deviations] = [zeros(x.shape), zeros(x.shape.slice(0, -1)), zeros(x.shape.slice(0, -1))];
  for (let row = 0; row < middles.data.length; row++) {
    const values = total.data.slice(row * width, (row + 1) * width);
    const middle = mean(values);
    const deviation = 1 / Math.sqrt(mean(values.map((v) => (v - middle) ** 2)) + epsilon);
    middles.data[row] = middle;
    deviations.data[row] = deviation;
    y.data.set(
      values.map((v, j) => (v - middle) * deviation * (scale?.data[j] ?? 1) + (shift?.data[j] ?? 0)),
      row * width,
    );
  }
  return [...(residual ? [total] : []), y, middles, deviations];
}

interface LayerNormGradient {
  readonly weight: boolean;
  readonly bias: boolean;
  readonly residual: boolean;
}

function defineLayerNormGradient(inputs: readonly Value[], { weight, bias, residual }: LayerNormGradient): Value[] {
  const [g, x, middles, deviations] = inputs as [Value, Value, Value, Value];
  const width = x.shape.at(-1)!;
  const [dx, dweight, dbias] = [zeros(x.shape), zeros([width]), zeros([width])];
  for (let row = 0; row < middles.data.length; row++) {
    const part = (v: Value) => v.data.slice(row * width, (row + 1) * width);
    const normal = part(x).map((v) => (v - middles.data[row]!) * deviations.data[row]!);
    const slope = part(g);
    const u = slope.map((v, j) => v * (weight ? inputs[4]!.data[j]! : 1));
    const [shift, lean] = [mean(u), dot(u, normal) / width];
    const beside = residual ? part(inputs.at(-1)!) : undefined;
    dx.data.set(
      u.map((v, j) => (v - shift - normal[j]! * lean) * deviations.data[row]! + (beside?.[j] ?? 0)),
      row * width,
    );
    slope.forEach((v, j) => {
      dweight.data[j]! += v * normal[j]!;
      dbias.data[j]! += v;
    });
  }
  return [dx, ...(weight ? [dweight] : []), ...(bias ? [dbias] : [])];
}

// (..., C): around the lanes of every instruction set; more rows than a part or a task takes.
const rows: [string, number[]][] = [
  ['one', [1]],
  ['odd', [3, 7]],
  ['whole vectors', [2, 32]],
  ['masked tail', [2, 3, 19]],
  ['prime', [13, 101]],
  ['several tasks and parts', [601, 67]],
  ['no rows', [0, 5]],
];
const vector = (width: number): SampleInput => ({ shape: [width], dtype: 'f32' });
const positive = (shape: number[]): SampleInput => ({ shape, dtype: 'f32', values: { low: 0.5, high: 1.5 } });

function layerNormSample(name: string, shape: number[], flags: Omit<LayerNorm, 'epsilon'>): Sample<LayerNorm> {
  const width = shape.at(-1)!;
  return {
    name,
    inputs: [
      { shape },
      ...(flags.residual ? [{ shape }] : []),
      ...(flags.weight ? [vector(width)] : []),
      ...(flags.bias ? [vector(width)] : []),
    ],
    attributes: { ...flags, epsilon: 1e-3 },
  };
}

function layerNormGradientSample(name: string, shape: number[], flags: LayerNormGradient): Sample<LayerNormGradient> {
  const statistics = shape.slice(0, -1);
  return {
    name,
    inputs: [
      { shape },
      { shape },
      { shape: statistics, dtype: 'f32' },
      positive(statistics),
      ...(flags.weight ? [vector(shape.at(-1)!)] : []),
      ...(flags.residual ? [{ shape }] : []),
    ],
    attributes: flags,
  };
}

const flagSets = [
  { residual: false, weight: true, bias: true },
  { residual: true, weight: true, bias: true },
  { residual: false, weight: true, bias: false },
  { residual: true, weight: false, bias: false },
  { residual: false, weight: false, bias: true },
];
const say = (flags: Record<string, boolean>): string =>
  Object.keys(flags)
    .filter((key) => flags[key])
    .join(' and ');

// --- batch norm ----------------------------------------------------------------------------------------------------------------------

interface BatchNorm {
  readonly epsilon: number;
  readonly weight: boolean;
  readonly bias: boolean;
}

const innerOf = (shape: readonly number[]): number => sizeOf(shape.slice(2));
const channelOf = (shape: readonly number[], at: number): number => Math.floor(at / innerOf(shape)) % shape[1]!;

/** For each channel the elements of x. */
const byChannel = (x: Value): Float64Array[] =>
  Array.from({ length: x.shape[1]! }, (_, c) => x.data.filter((_, at) => channelOf(x.shape, at) === c));

function defineBatchNorm(inputs: readonly Value[], { epsilon, weight, bias }: BatchNorm): Value[] {
  const x = inputs[0]!;
  const [scale, shift] = [weight ? inputs[1] : undefined, bias ? inputs.at(-1) : undefined];
  const middles = Float64Array.from(byChannel(x), mean);
  const spreads = Float64Array.from(byChannel(x), (list, c) => mean(list.map((v) => (v - middles[c]!) ** 2)));
  const y = x.data.map((v, at) => {
    const c = channelOf(x.shape, at);
    return ((v - middles[c]!) / Math.sqrt(spreads[c]! + epsilon)) * (scale?.data[c] ?? 1) + (shift?.data[c] ?? 0);
  });
  const shape = [middles.length];
  return [
    { shape: x.shape, data: y },
    { shape, data: middles },
    { shape, data: spreads },
  ];
}

function defineBatchNormGradient(inputs: readonly Value[], { epsilon, weight }: { weight: boolean; epsilon: number }): Value[] {
  const [g, x, middles, spreads] = inputs as [Value, Value, Value, Value];
  const deviation = spreads.data.map((v) => 1 / Math.sqrt(v + epsilon));
  const normal = {
    shape: x.shape,
    data: x.data.map((v, at) => (v - middles.data[channelOf(x.shape, at)]!) * deviation[channelOf(x.shape, at)]!),
  };
  const [slopes, normals] = [byChannel(g), byChannel(normal)];
  const dbias = Float64Array.from(slopes, (list) => list.reduce((a, b) => a + b, 0));
  const dweight = Float64Array.from(slopes, (list, c) => dot(list, normals[c]!));
  const count = x.data.length / x.shape[1]!;
  const dx = g.data.map((v, at) => {
    const c = channelOf(x.shape, at);
    return (v - dbias[c]! / count - (normal.data[at]! * dweight[c]!) / count) * deviation[c]! * (weight ? inputs[4]!.data[c]! : 1);
  });
  const shape = [dbias.length];
  return [
    { shape: x.shape, data: dx },
    { shape, data: dweight },
    { shape, data: dbias },
  ];
}

const planes: [string, number[]][] = [
  ['two samples of one channel', [2, 1]],
  ['(N, C), masked tail', [5, 19]],
  ['(N, C), prime', [37, 101]],
  ['sequences', [3, 5, 7]],
  ['images', [2, 3, 5, 5]],
  ['many planes', [33, 17, 4, 5]],
];
const batchFlags = [
  { weight: true, bias: true },
  { weight: false, bias: false },
  { weight: false, bias: true },
];

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const plain = { epsilon: 1e-5, residual: false, weight: false, bias: false };

/** What norms mean. */
export const definitions: Definitions = {
  layer_norm: {
    operation: normOperations.layer_norm,
    define: defineLayerNorm,
    tolerance: 1e-5,
    samples: [
      ...rows.map(([name, shape]) => layerNormSample(name, shape, flagSets[0]!)),
      ...flagSets.map((flags) => layerNormSample(`with ${say(flags)}`, [3, 21], flags)),
      layerNormSample('alone', [3, 21], { residual: false, weight: false, bias: false }),
    ],
    refused: [
      { inputs: [f32(3, 0)], attributes: plain, message: /^layer_norm: expected a last axis of at least one element, got shape \(3, 0\)$/ },
      {
        inputs: [f32(3, 4), f32(3)],
        attributes: { ...plain, weight: true },
        message: /^layer_norm: expected weight and bias f32 \(4,\), got f32 \(3,\)$/,
      },
      {
        inputs: [f32(3, 4), f32(4, 3)],
        attributes: { ...plain, residual: true },
        message: /^add_layer_norm: expected tensors like f32 \(3, 4\), got f32 \(4, 3\)$/,
      },
    ],
  },
  layer_norm_gradient: {
    operation: normOperations.layer_norm_gradient,
    define: defineLayerNormGradient,
    tolerance: 2e-5,
    samples: [
      ...rows.map(([name, shape]) => layerNormGradientSample(name, shape, flagSets[0]!)),
      ...flagSets.map((flags) => layerNormGradientSample(`with ${say(flags)}`, [11, 21], flags)),
      layerNormGradientSample('alone', [3, 21], { residual: false, weight: false, bias: false }),
    ],
    refused: [
      {
        inputs: [f32(3, 4), f32(3, 4), f32(4), f32(3)],
        attributes: { weight: false, bias: false, residual: false },
        message: /^layer_norm_gradient: expected statistics f32 \(3,\), got f32 \(4,\)$/,
      },
    ],
  },
  batch_norm: {
    operation: normOperations.batch_norm,
    define: defineBatchNorm,
    tolerance: 1e-5,
    samples: planes.flatMap(([name, shape]) =>
      batchFlags.map((flags) => ({
        name: `${name}, ${say(flags) || 'alone'}`,
        inputs: [{ shape }, ...(flags.weight ? [vector(shape[1]!)] : []), ...(flags.bias ? [vector(shape[1]!)] : [])],
        attributes: { ...flags, epsilon: 1e-3 },
      })),
    ),
    refused: [
      {
        inputs: [f32(3)],
        attributes: plain,
        message: /^batch_norm: expected x \(N, C, \.\.\.\) with at least one element, got shape \(3,\)$/,
      },
      { inputs: [f32(0, 3)], attributes: plain, message: /with at least one element, got shape \(0, 3\)$/ },
    ],
  },
  batch_norm_gradient: {
    operation: normOperations.batch_norm_gradient,
    define: defineBatchNormGradient,
    tolerance: 2e-5,
    samples: planes.flatMap(([name, shape]) =>
      [true, false].map((weight) => ({
        name: weight ? `${name}, weight` : name,
        inputs: [{ shape }, { shape }, vector(shape[1]!), positive([shape[1]!]), ...(weight ? [vector(shape[1]!)] : [])],
        attributes: { weight, epsilon: 1e-3 },
      })),
    ),
    refused: [
      {
        inputs: [f32(3, 4), f32(4, 3), f32(3), f32(3)],
        attributes: { weight: false, epsilon: 1e-3 },
        message: /^batch_norm_gradient: expected tensors like f32 \(4, 3\), got f32 \(3, 4\)$/,
      },
    ],
  },
};
