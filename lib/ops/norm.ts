// Layer norm, alone or after a residual sum, and batch norm. Kernels: norm.h and batch_norm.h of native/cpu/kernels. Statistics and weights are f32.
// Sources: Ba, Kiros, Hinton, "Layer Normalization" (2016); Ioffe, Szegedy, "Batch Normalization" (2015).
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { sameShape, showShape, sizeOf } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { add, cast, full, mul, rsqrt, square, sub } from './elementwise';
import { expand, reshape, unsqueeze } from './layout';
import { mean, sum } from './reduce';

interface LayerNorm {
  readonly epsilon: number;
  readonly residual: boolean; // inputs: x, then those present of residual, weight, bias
  readonly weight: boolean;
  readonly bias: boolean;
}

const last = { axes: -1, keepDimensions: true };

function checkActivations(name: string, x: Signature, others: readonly (Signature | undefined)[]): void {
  if (!isFloating(x.dtype)) fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32 or bf16, got ${x.dtype}`);
  for (const other of others) {
    if (other?.dtype !== x.dtype || !sameShape(other.shape, x.shape)) {
      const got = other ? `${other.dtype} ${showShape(other.shape)}` : 'nothing';
      fail('ERR_TENSORWOOD_SHAPE', `${name}: expected tensors like ${x.dtype} ${showShape(x.shape)}, got ${got}`);
    }
  }
}

function checkFloats(name: string, what: string, shape: Shape, inputs: readonly (Signature | undefined)[]): void {
  for (const x of inputs) {
    if (x?.dtype !== 'f32' || !sameShape(x.shape, shape)) {
      const got = x ? `${x.dtype} ${showShape(x.shape)}` : 'nothing';
      fail('ERR_TENSORWOOD_SHAPE', `${name}: expected ${what} f32 ${showShape(shape)}, got ${got}`);
    }
  }
}

const features = (name: string, x: Signature): number => {
  const size = x.shape.at(-1) ?? 0;
  if (size === 0) fail('ERR_TENSORWOOD_SHAPE', `${name}: expected a last axis of at least one element, got shape ${showShape(x.shape)}`);
  return size;
};

const named = (inputs: readonly Tensor[], { residual, weight, bias }: LayerNorm) => {
  const rest = inputs.slice(1);
  return {
    x: inputs[0]!,
    residual: residual ? rest.shift() : undefined,
    weight: weight ? rest.shift() : undefined,
    bias: bias ? rest.shift() : undefined,
  };
};

// Gradients that statistics, read as results, give to what was normalised. Layers do not read them; the programs of gradients drop these parts.
const addPresent = (first: Tensor, ...others: readonly (Tensor | undefined)[]): Tensor =>
  others.reduce<Tensor>((total, x) => (x ? add(total, x) : total), first);
const ofMean = (x: Tensor, g: Tensor | undefined): Tensor | undefined =>
  g && cast(expand(unsqueeze(mul(g, 1 / x.shape.at(-1)!), -1), x.shape), x.dtype);
function ofDeviation(x: Tensor, statistics: readonly Tensor[], g: Tensor | undefined): Tensor | undefined {
  if (!g) return undefined;
  const [middle, deviation] = statistics.map((t) => unsqueeze(t, -1)) as [Tensor, Tensor];
  const slope = mul(mul(square(deviation), deviation), mul(unsqueeze(g, -1), -1 / x.shape.at(-1)!));
  return cast(mul(sub(cast(x, 'f32'), middle), slope), x.dtype);
}

const layerNormName = ({ residual }: LayerNorm): string => (residual ? 'add_layer_norm' : 'layer_norm');

// Outputs: [sum,] y like x, mean and 1 / deviation of each row.
const layerNormRows: Operation<LayerNorm> = {
  name: 'layer_norm',
  infer(inputs, attributes) {
    const name = layerNormName(attributes);
    const x = inputs[0]!;
    const vectors = inputs.slice(attributes.residual ? 2 : 1);
    checkActivations(name, x, attributes.residual ? [inputs[1]] : []);
    checkFloats(name, 'weight and bias', [features(name, x)], vectors);
    const statistic: Signature = { shape: x.shape.slice(0, -1), dtype: 'f32' };
    return [...(attributes.residual ? [x] : []), x, statistic, statistic];
  },
  compose(inputs, attributes) {
    const { x, residual, weight, bias } = named(inputs, attributes);
    const total = residual ? add(x, residual) : x;
    const wide = cast(total, 'f32');
    const middle = mean(wide, last);
    const away = sub(wide, middle);
    const deviation = rsqrt(add(mean(square(away), last), attributes.epsilon));
    const normal = mul(away, deviation);
    const scaled = weight ? mul(normal, weight) : normal;
    const y = cast(bias ? add(scaled, bias) : scaled, x.dtype);
    const rows = x.shape.slice(0, -1);
    return [...(residual ? [total] : []), y, reshape(middle, rows), reshape(deviation, rows)];
  },
  kernel: (_, __, { residual, weight, bias, epsilon }) => ({
    name: 'layer_norm',
    integers: [Number(residual), Number(weight), Number(bias)],
    numbers: [epsilon],
  }),
  strides: 'rows',
  gradient({ inputs, outputs, attributes }, gradients) {
    const { x, residual, weight, bias } = named(inputs, attributes);
    const total = residual ? outputs[0]! : x;
    const [middle, deviation] = outputs.slice(-2);
    const ofSum = residual ? gradients[0] : undefined;
    const g = gradients[residual ? 1 : 0] ?? full(x.shape, 0, x.dtype);
    const given = [g, total, middle!, deviation!, ...(weight ? [weight] : []), ...(ofSum ? [ofSum] : [])];
    const flags = { weight: weight !== undefined, bias: bias !== undefined, residual: ofSum !== undefined };
    const [along, ...ofVectors] = apply(layerNormGradient, given, flags);
    const ofX = addPresent(along!, ofMean(total, gradients.at(-2)), ofDeviation(total, outputs.slice(-2), gradients.at(-1)));
    return [ofX, ...(residual ? [ofX] : []), ...ofVectors];
  },
};

interface LayerNormGradient {
  readonly weight: boolean;
  readonly bias: boolean;
  readonly residual: boolean; // the last input is what the sum's other readers give
}

// Inputs: g, what was normalised, mean, 1 / deviation [, weight] [, gradient of the sum]. Outputs: dx [, dweight] [, dbias].
const layerNormGradient: Operation<LayerNormGradient> = {
  name: 'layer_norm_gradient',
  infer(inputs, { weight, bias, residual }) {
    const [g, x, middle, deviation] = inputs;
    checkActivations('layer_norm_gradient', x!, [g, ...(residual ? [inputs.at(-1)] : [])]);
    checkFloats('layer_norm_gradient', 'statistics', x!.shape.slice(0, -1), [middle, deviation]);
    const vector: Signature = { shape: [features('layer_norm_gradient', x!)], dtype: 'f32' };
    if (weight) checkFloats('layer_norm_gradient', 'weight', vector.shape, [inputs[4]]);
    return [x!, ...(weight ? [vector] : []), ...(bias ? [vector] : [])];
  },
  compose(inputs, attributes) {
    const [g, x] = inputs.slice(0, 2).map((t) => cast(t, 'f32')) as [Tensor, Tensor];
    const [middle, deviation] = inputs.slice(2, 4).map((t) => unsqueeze(t, -1)) as [Tensor, Tensor];
    const normal = mul(sub(x, middle), deviation);
    const u = attributes.weight ? mul(g, inputs[4]!) : g;
    const inner = sub(sub(u, mean(u, last)), mul(normal, mean(mul(u, normal), last)));
    const along = cast(mul(inner, deviation), inputs[1]!.dtype);
    const rows = x.shape.slice(0, -1).map((_, i) => i);
    return [
      attributes.residual ? add(along, inputs.at(-1)!) : along,
      ...(attributes.weight ? [sum(mul(g, normal), { axes: rows })] : []),
      ...(attributes.bias ? [sum(g, { axes: rows })] : []),
    ];
  },
  kernel: (_, __, { weight, bias, residual }) => ({
    name: 'layer_norm_gradient',
    integers: [Number(weight), Number(bias), Number(residual)],
  }),
  strides: (input) => (input < 2 ? 'rows' : 'dense'),
};

interface BatchNorm {
  readonly epsilon: number;
  readonly weight: boolean; // inputs: x, then those present of weight, bias
  readonly bias: boolean;
}

function channels(name: string, x: Signature): number {
  if (x.shape.length < 2 || sizeOf(x.shape) === 0) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected x (N, C, ...) with at least one element, got shape ${showShape(x.shape)}`);
  }
  return x.shape[1]!;
}

// (C) as (1, C, 1, ...) beside x.
const beside = (vector: Tensor, x: Tensor): Tensor =>
  reshape(
    vector,
    x.shape.map((n, i) => (i === 1 ? n : 1)),
  );
const allButChannels = (x: Tensor): number[] => x.shape.map((_, i) => i).filter((i) => i !== 1);

// Outputs: y like x, mean (C) and variance (C) of the batch.
const batchNormPlanes: Operation<BatchNorm> = {
  name: 'batch_norm',
  infer([x, ...vectors]) {
    checkActivations('batch_norm', x!, []);
    const vector: Signature = { shape: [channels('batch_norm', x!)], dtype: 'f32' };
    checkFloats('batch_norm', 'weight and bias', vector.shape, vectors);
    return [x!, vector, vector];
  },
  compose([x, ...vectors], { epsilon, weight, bias }) {
    const wide = cast(x!, 'f32');
    const over = { axes: allButChannels(wide) };
    const middle = mean(wide, over);
    const away = sub(wide, beside(middle, wide));
    const spread = mean(square(away), over);
    const normal = mul(away, beside(rsqrt(add(spread, epsilon)), wide));
    const scaled = weight ? mul(normal, beside(vectors[0]!, wide)) : normal;
    return [cast(bias ? add(scaled, beside(vectors.at(-1)!, wide)) : scaled, x!.dtype), middle, spread];
  },
  kernel: (_, __, { weight, bias, epsilon }) => ({ name: 'batch_norm', integers: [Number(weight), Number(bias)], numbers: [epsilon] }),
  gradient({ inputs: [x, ...vectors], outputs: [, middle, spread], attributes: { weight, bias, epsilon } }, [g, ofMiddle, ofSpread]) {
    const given = [g ?? full(x!.shape, 0, x!.dtype), x!, middle!, spread!, ...(weight ? [vectors[0]!] : [])];
    const [along, ofWeight, ofBias] = apply(batchNormGradient, given, { weight, epsilon });
    const share = x!.shape[1]! / sizeOf(x!.shape);
    const fromMean = ofMiddle && cast(expand(beside(mul(ofMiddle, share), x!), x!.shape), x!.dtype);
    const away = ofSpread && sub(cast(x!, 'f32'), beside(middle!, x!));
    const ofX = addPresent(along!, fromMean, away && cast(mul(away, beside(mul(ofSpread, 2 * share), x!)), x!.dtype));
    return [ofX, ...(weight ? [ofWeight] : []), ...(bias ? [ofBias] : [])];
  },
};

// Inputs: g, x, mean, variance [, weight]. Outputs: dx, dweight, dbias.
const batchNormGradient: Operation<{ readonly weight: boolean; readonly epsilon: number }> = {
  name: 'batch_norm_gradient',
  infer([g, x, ...vectors]) {
    checkActivations('batch_norm_gradient', x!, [g]);
    const vector: Signature = { shape: [channels('batch_norm_gradient', x!)], dtype: 'f32' };
    checkFloats('batch_norm_gradient', 'statistics and weight', vector.shape, vectors);
    return [x!, vector, vector];
  },
  compose(inputs, { weight, epsilon }) {
    const [g, x] = inputs.slice(0, 2).map((t) => cast(t, 'f32')) as [Tensor, Tensor];
    const deviation = rsqrt(add(inputs[3]!, epsilon));
    const normal = mul(sub(x, beside(inputs[2]!, x)), beside(deviation, x));
    const over = { axes: allButChannels(x) };
    const ofBias = sum(g, over);
    const ofWeight = sum(mul(g, normal), over);
    const share = x.shape[1]! / sizeOf(x.shape);
    const inner = sub(sub(g, beside(mul(ofBias, share), x)), mul(normal, beside(mul(ofWeight, share), x)));
    const factor = weight ? mul(deviation, inputs[4]!) : deviation;
    return [cast(mul(inner, beside(factor, x)), inputs[1]!.dtype), ofWeight, ofBias];
  },
  kernel: (_, __, { weight, epsilon }) => ({ name: 'batch_norm_gradient', integers: [Number(weight)], numbers: [epsilon] }),
};

/** Norms and their gradients. */
export const normOperations = {
  layer_norm: layerNormRows,
  layer_norm_gradient: layerNormGradient,
  batch_norm: batchNormPlanes,
  batch_norm_gradient: batchNormGradient,
};

export interface NormOptions {
  /** f32, one for each feature or channel. Default 1. */
  readonly weight?: Tensor;
  /** f32, one for each feature or channel. Default 0. */
  readonly bias?: Tensor;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

const normOptions = ['weight', 'bias', 'epsilon'];

function checkEpsilon(name: string, epsilon: number): void {
  if (!(epsilon >= 0)) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected epsilon >= 0, got ${epsilon}`);
}

function applyLayerNorm(name: string, rows: readonly Tensor[], options: NormOptions): readonly Tensor[] {
  checkOptions(name, options, normOptions);
  const { weight, bias, epsilon = 1e-5 } = options;
  checkEpsilon(name, epsilon);
  const inputs = [...rows, ...(weight ? [weight] : []), ...(bias ? [bias] : [])];
  const flags = { residual: rows.length > 1, weight: weight !== undefined, bias: bias !== undefined };
  return apply(layerNormRows, inputs, { ...flags, epsilon });
}

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis of x (..., C); the variance divides by C. f32 or bf16. */
export const layerNorm = (x: Tensor, options: NormOptions = {}): Tensor => applyLayerNorm('layer_norm', [x], options)[0]!;

/** sum = x + residual and y = layerNorm(sum) in one pass; both like x (..., C). */
export function addLayerNorm(x: Tensor, residual: Tensor, options: NormOptions = {}): { readonly sum: Tensor; readonly y: Tensor } {
  const [total, y] = applyLayerNorm('add_layer_norm', [x, residual], options);
  return { sum: total!, y: y! };
}

/** What batch norm in training gives: y like x (N, C, ...), and mean and variance (C) of the batch, the variance divided by the count. */
export interface BatchNormResult {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Normalises each channel of x (N, C, ...) by the batch's own mean and variance. Running statistics are the layer's to keep. */
export function batchNorm(x: Tensor, options: NormOptions = {}): BatchNormResult {
  checkOptions('batch_norm', options, normOptions);
  const { weight, bias, epsilon = 1e-5 } = options;
  checkEpsilon('batch_norm', epsilon);
  const inputs = [x, ...(weight ? [weight] : []), ...(bias ? [bias] : [])];
  const flags = { weight: weight !== undefined, bias: bias !== undefined };
  const [y, middle, spread] = apply(batchNormPlanes, inputs, { ...flags, epsilon });
  return { y: y!, mean: middle!, variance: spread! };
}

/** Batch norm with known statistics (C): (x - mean) / sqrt(variance + epsilon) * weight + bias, for inference. */
export function batchNormInference(x: Tensor, statistics: { mean: Tensor; variance: Tensor }, options: NormOptions = {}): Tensor {
  checkTensors('batch_norm', x, statistics?.mean, statistics?.variance);
  checkOptions('batch_norm', options, normOptions);
  const { weight, bias, epsilon = 1e-5 } = options;
  checkEpsilon('batch_norm', epsilon);
  checkFloats('batch_norm', 'statistics', [channels('batch_norm', x)], [statistics.mean, statistics.variance]);
  const deviation = rsqrt(add(statistics.variance, epsilon));
  const factor = weight ? mul(deviation, weight) : deviation;
  const shift = sub(bias ?? 0, mul(statistics.mean, factor));
  return cast(add(mul(cast(x, 'f32'), beside(factor, x)), beside(shift, x)), x.dtype);
}
