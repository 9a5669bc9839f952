// Losses. Cross-entropy with labels has kernels (native/cpu/kernels/loss.h) that store no probabilities; the others are compositions.
import { isFloating } from '../dtype';
import { fail } from '../errors';
import { sameShape, showShape, sizeOf } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { abs, add, cast, div, exp, full, log, maximum, mul, neg, notEqual, square, sub } from './elementwise';
import { oneHot } from './gather';
import { expand, reshape, slice, unsqueeze } from './layout';
import { mean, sum } from './reduce';
import { logSoftmax, softmax } from './softmax';

export type Reduction = 'mean' | 'sum' | 'none';

interface CrossEntropy {
  readonly smoothing: number;
  readonly ignoreIndex: number;
  readonly weighted: boolean; // the last input is a weight for each class
}

function checkRows(name: string, logits: Signature, labels: Signature): void {
  if (!isFloating(logits.dtype)) fail('ERR_TENSORWOOD_DTYPE', `${name}: expected logits of dtype f32 or bf16, got ${logits.dtype}`);
  if (labels.dtype !== 'i32') fail('ERR_TENSORWOOD_DTYPE', `${name}: expected labels of dtype i32, got ${labels.dtype}; use cast`);
  if (logits.shape.length !== 2 || logits.shape[1] === 0 || !sameShape(labels.shape, logits.shape.slice(0, 1))) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected logits (N, C) and labels (N), got ${showShape(logits.shape)} and ${showShape(labels.shape)}`,
    );
  }
}

function checkVector(name: string, what: string, x: Signature | undefined, size: number): void {
  if (x?.dtype !== 'f32' || !sameShape(x.shape, [size])) {
    const got = x ? `${x.dtype} ${showShape(x.shape)}` : 'nothing';
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected ${what} f32 (${size},), got ${got}`);
  }
}

interface Rows {
  readonly target: Tensor; // (N, C) what each class's log-probability is weighted by
  readonly weight: Tensor; // (N) the label's class weight, 0 where ignored
}

function describeRows(logits: Tensor, labels: Tensor, weights: Tensor | undefined, attributes: CrossEntropy): Rows {
  const classes = logits.shape[1]!;
  const kept = cast(notEqual(labels, attributes.ignoreIndex), 'f32');
  const each = weights ?? full([classes], 1);
  const hot = mul(oneHot(labels, classes), each);
  const spread = mul(add(mul(hot, 1 - attributes.smoothing), mul(each, attributes.smoothing / classes)), unsqueeze(kept, 1));
  return { target: spread, weight: mul(sum(hot, { axes: 1 }), kept) };
}

// Outputs f32 (N): loss of each row, log-sum-exp, weight of the row.
const crossEntropyRows: Operation<CrossEntropy> = {
  name: 'cross_entropy',
  infer([logits, labels, weights], { weighted }) {
    checkRows('cross_entropy', logits!, labels!);
    if (weighted) checkVector('cross_entropy', 'class weights', weights, logits!.shape[1]!);
    const row: Signature = { shape: labels!.shape, dtype: 'f32' };
    return [row, row, row];
  },
  compose([logits, labels, weights], attributes) {
    const x = cast(logits!, 'f32');
    const { target, weight } = describeRows(x, labels!, weights, attributes);
    const low = logSoftmax(x);
    const logSum = slice(sub(x, low), { axis: 1, start: 0, stop: 1 }); // the same in every column
    return [neg(sum(mul(target, low), { axes: 1 })), reshape(logSum, labels!.shape), weight];
  },
  kernel: (_, __, { ignoreIndex, weighted, smoothing }) => ({
    name: 'cross_entropy',
    integers: [ignoreIndex, Number(weighted)],
    numbers: [smoothing],
  }),
  strides: (input) => (input === 0 ? 'rows' : input === 1 ? 'any' : 'dense'),
  gradient({ inputs: [logits, labels, ...weights], outputs: [, logSum], attributes }, [g, ofLogSum]) {
    const along = g && apply(crossEntropyGradient, [logits!, labels!, logSum!, g, ...weights], attributes)[0]!;
    if (!ofLogSum) return [along];
    const fromLogSum = mul(softmax(logits!), cast(unsqueeze(ofLogSum, 1), logits!.dtype));
    return [along ? add(along, fromLogSum) : fromLogSum];
  },
};

const crossEntropyGradient: Operation<CrossEntropy> = {
  name: 'cross_entropy_gradient',
  infer([logits, labels, logSum, g, weights], { weighted }) {
    checkRows('cross_entropy_gradient', logits!, labels!);
    checkVector('cross_entropy_gradient', 'log-sums', logSum, labels!.shape[0]!);
    checkVector('cross_entropy_gradient', 'gradients', g, labels!.shape[0]!);
    if (weighted) checkVector('cross_entropy_gradient', 'class weights', weights, logits!.shape[1]!);
    return [logits!];
  },
  compose([logits, labels, logSum, g, weights], attributes) {
    const x = cast(logits!, 'f32');
    const { target } = describeRows(x, labels!, weights, attributes);
    const probabilities = exp(sub(x, unsqueeze(logSum!, 1)));
    const slope = sub(mul(probabilities, sum(target, { axes: 1, keepDimensions: true })), target);
    return [cast(mul(slope, unsqueeze(g!, 1)), logits!.dtype)];
  },
  kernel: (_, __, { ignoreIndex, weighted, smoothing }) => ({
    name: 'cross_entropy_gradient',
    integers: [ignoreIndex, Number(weighted)],
    numbers: [smoothing],
  }),
  strides: (input) => (input === 0 ? 'rows' : input === 4 ? 'dense' : 'any'),
};

/** Cross-entropy of rows and its gradient. */
export const lossOperations = { cross_entropy: crossEntropyRows, cross_entropy_gradient: crossEntropyGradient };

function reduceLosses(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}

export interface CrossEntropyOptions {
  /** Share of the target that is spread evenly over all classes, in [0, 1). Default 0. */
  readonly smoothing?: number;
  /** Rows with this label count for nothing. Default -100. */
  readonly ignoreIndex?: number;
  /** A weight for each class, f32 (C). */
  readonly classWeights?: Tensor;
  /** `mean` divides by the weights of the rows that count. Default `mean`. */
  readonly reduction?: Reduction;
}

/**
 * Cross-entropy of softmax(logits) with labels: logits (N, C), or (..., C) with labels (...), f32 or bf16; labels i32. With w the class weights, s the
 * smoothing: (1 - s) w[label] (-log p[label]) + s / C sum_c w[c] (-log p[c]), as PyTorch has it. Scalar f32, or (...) for reduction `none`. A label outside
 * [0, C) that is not ignored gives NaN.
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkTensors('softmax_cross_entropy', logits, labels);
  checkOptions('softmax_cross_entropy', options, ['smoothing', 'ignoreIndex', 'classWeights', 'reduction']);
  const { smoothing = 0, ignoreIndex = -100, classWeights, reduction = 'mean' } = options;
  if (!(smoothing >= 0 && smoothing < 1)) {
    fail('ERR_TENSORWOOD_ARGUMENT', `softmax_cross_entropy: expected smoothing in [0, 1), got ${smoothing}`);
  }
  if (logits.shape.length === 0 || !sameShape(labels.shape, logits.shape.slice(0, -1))) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `softmax_cross_entropy: expected logits (..., C) and labels (...), got ${showShape(logits.shape)} and ${showShape(labels.shape)}`,
    );
  }
  const rows = sizeOf(labels.shape);
  const inputs = [reshape(logits, [rows, logits.shape.at(-1)!]), reshape(labels, [rows]), ...(classWeights ? [classWeights] : [])];
  const attributes = { smoothing, ignoreIndex, weighted: classWeights !== undefined };
  const [losses, , weight] = apply(crossEntropyRows, inputs, attributes);
  if (reduction === 'none') return reshape(losses!, labels.shape);
  return reduction === 'sum' ? sum(losses!) : div(sum(losses!), sum(weight!));
}

function checkAlike(name: string, a: Tensor, b: Tensor): void {
  checkTensors(name, a, b);
  if (!sameShape(a.shape, b.shape))
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected one shape, got ${showShape(a.shape)} and ${showShape(b.shape)}`);
}

/** Cross-entropy of softmax(logits) with probabilities, both (..., C): mixed labels, teachers. Each row of targets should sum to 1. */
export function softCrossEntropy(logits: Tensor, targets: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  checkAlike('soft_cross_entropy', logits, targets);
  checkOptions('soft_cross_entropy', options, ['reduction']);
  return reduceLosses(neg(sum(mul(targets, logSoftmax(logits)), { axes: -1 })), options.reduction ?? 'mean');
}

/** -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logits), without overflow; one shape. */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  checkAlike('binary_cross_entropy', logits, targets);
  checkOptions('binary_cross_entropy', options, ['reduction']);
  const excess = log(add(exp(neg(abs(logits))), 1));
  return reduceLosses(add(sub(maximum(logits, 0), mul(logits, targets)), excess), options.reduction ?? 'mean');
}

/** Squared differences; one shape. With `mask` (broadcast to it, 1 = counts) only those elements count, and `mean` divides by their number. */
export function meanSquaredError(predictions: Tensor, targets: Tensor, options: { reduction?: Reduction; mask?: Tensor } = {}): Tensor {
  checkAlike('mean_squared_error', predictions, targets);
  checkOptions('mean_squared_error', options, ['reduction', 'mask']);
  const { mask, reduction = 'mean' } = options;
  const squares = square(sub(predictions, targets));
  if (!mask) return reduceLosses(squares, reduction);
  const counted = expand(mask.dtype === 'bool' ? cast(mask, squares.dtype) : mask, squares.shape);
  const kept = mul(squares, counted);
  return reduction === 'mean' ? div(sum(kept), sum(counted)) : reduceLosses(kept, reduction);
}
