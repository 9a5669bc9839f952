// Convolution of images, NCHW, and its gradients, each a matrix product over patches. Kernels: native/cpu/kernels/conv.h.
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { permute, reshape } from './layout';
import { sum } from './reduce';

export type Pair = readonly [y: number, x: number];

interface Window {
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
}

const integers = ({ stride, padding, dilation, groups }: Window): number[] => [...stride, ...padding, ...dilation, groups];

function outputSize(x: Shape, kernel: Shape, { stride, padding, dilation }: Window): number[] {
  return [0, 1].map((i) => Math.floor((x[i + 2]! + 2 * padding[i]! - dilation[i]! * (kernel[i + 2]! - 1) - 1) / stride[i]!) + 1);
}

function requireFloating(name: string, inputs: readonly Signature[]): void {
  const dtype = inputs[0]!.dtype;
  if (!isFloating(dtype) || inputs.some((x) => x.dtype !== dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected inputs of one dtype, f32 or bf16, got ${inputs.map((x) => x.dtype).join(' and ')}`);
  }
}

function requireWindow(name: string, window: Window): void {
  const positive = [...window.stride, ...window.dilation, window.groups];
  if (positive.some((n) => !Number.isInteger(n) || n < 1) || window.padding.some((n) => !Number.isInteger(n) || n < 0)) {
    fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected whole numbers, stride, dilation and groups from 1, got ${JSON.stringify(window)}`);
  }
}

/** The shape of conv2d's result; refuses what does not fit. */
function convolvedShape(name: string, x: Shape, weight: Shape, window: Window): Shape {
  requireWindow(name, window);
  const { groups } = window;
  if (x.length !== 4 || weight.length !== 4 || x[1] !== weight[1]! * groups || weight[0]! % groups !== 0) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected x (images, channels, h, w) and weight (outputs, channels / ${groups}, h, w), got ${showShape(x)} and ${showShape(weight)}`,
    );
  }
  const size = outputSize(x, weight, window);
  if (weight[2]! < 1 || weight[3]! < 1 || size.some((n) => n < 1)) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected a padded image at least as large as the kernel, got ${showShape(x)} and ${showShape(weight)}`,
    );
  }
  return [x[0]!, weight[0]!, ...size];
}

function requireShape(name: string, what: string, expected: Shape, x: Signature): void {
  if (!sameShape(x.shape, expected)) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected ${what} of shape ${showShape(expected)}, got ${showShape(x.shape)}`);
  }
}

// x, weight, and a bias when there is a third input.
const convolution: Operation<Window> = {
  name: 'conv2d',
  infer(inputs, window) {
    const [x, weight, bias] = inputs;
    requireFloating('conv2d', inputs);
    const shape = convolvedShape('conv2d', x!.shape, weight!.shape, window);
    if (bias) requireShape('conv2d', 'bias', [shape[1]!], bias);
    return [{ shape, dtype: x!.dtype }];
  },
  kernel: (_, __, window) => ({ name: 'conv2d', integers: integers(window) }),
  gradient({ inputs: [x, weight, bias], attributes }, [g]) {
    if (!g) return [];
    const [dx] = apply(inputGradient, [g, weight!], { ...attributes, shape: x!.shape });
    const [dweight] = apply(weightGradient, [g, x!], { ...attributes, shape: weight!.shape });
    return [dx, dweight, ...(bias ? [sum(g, { axes: [0, 2, 3] })] : [])];
  },
};

// dy, weight -> dx of `shape`
const inputGradient: Operation<Window & { shape: Shape }> = {
  name: 'conv2d_input_gradient',
  infer(inputs, attributes) {
    const [dy, weight] = inputs as [Signature, Signature];
    requireFloating('conv2d_input_gradient', inputs);
    requireShape('conv2d_input_gradient', 'dy', convolvedShape('conv2d_input_gradient', attributes.shape, weight.shape, attributes), dy);
    return [{ shape: attributes.shape, dtype: dy.dtype }];
  },
  kernel: (_, __, window) => ({ name: 'conv2d_input_gradient', integers: integers(window) }),
  gradient({ inputs: [dy, weight], attributes }, [g]) {
    if (!g) return [];
    const { shape: _, ...window } = attributes;
    return [apply(convolution, [g, weight!], window)[0], apply(weightGradient, [dy!, g], { ...window, shape: weight!.shape })[0]];
  },
};

// dy, x -> dweight of `shape`
const weightGradient: Operation<Window & { shape: Shape }> = {
  name: 'conv2d_weight_gradient',
  infer(inputs, attributes) {
    const [dy, x] = inputs as [Signature, Signature];
    requireFloating('conv2d_weight_gradient', inputs);
    requireShape('conv2d_weight_gradient', 'dy', convolvedShape('conv2d_weight_gradient', x.shape, attributes.shape, attributes), dy);
    return [{ shape: attributes.shape, dtype: dy.dtype }];
  },
  kernel: (_, __, window) => ({ name: 'conv2d_weight_gradient', integers: integers(window) }),
  gradient({ inputs: [dy, x], attributes }, [g]) {
    if (!g) return [];
    const { shape: _, ...window } = attributes;
    return [apply(convolution, [x!, g], window)[0], apply(inputGradient, [dy!, g], { ...window, shape: x!.shape })[0]];
  },
};

/** Convolution and its gradients. */
export const convOperations = { conv2d: convolution, conv2d_input_gradient: inputGradient, conv2d_weight_gradient: weightGradient };

/** A number stands for both axes. */
export interface ConvOptions {
  /** Default 1. */
  readonly stride?: number | Pair;
  /** Zeros around the image. Default 0. */
  readonly padding?: number | Pair;
  /** Distance between taps. Default 1. */
  readonly dilation?: number | Pair;
  /** Channels are divided into this many independent convolutions. Default 1. */
  readonly groups?: number;
}

/** Both axes of an option that may be one number. */
export const pair = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

/**
 * Cross-correlation as in PyTorch: x (images, channels, h, w), weight (outputs, channels / groups, kernel h, kernel w), bias (outputs) ->
 * (images, outputs, h', w'), h' = floor((h + 2 padding - dilation (kernel h - 1) - 1) / stride) + 1.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  checkOptions('conv2d', options, ['stride', 'padding', 'dilation', 'groups']);
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const window: Window = { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups };
  return apply(convolution, bias ? [x, weight, bias] : [x, weight], window)[0]!;
}

/**
 * Cuts images into square patches: (images, channels, h, w) -> (images, h/size w/size, channels size size). A linear layer on top is the convolution
 * whose kernel equals its stride, with the weight (outputs, channels, size, size) read as (outputs, channels size size).
 */
export function patchify(x: Tensor, size: number): Tensor {
  checkTensors('patchify', x);
  const [images, channels, h, w] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4 || !(size >= 1) || h % size !== 0 || w % size !== 0) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `patchify: expected (images, channels, h, w) with sides that are multiples of ${size}, got ${showShape(x.shape)}`,
    );
  }
  const [rows, columns] = [h / size, w / size];
  const cut = permute(reshape(x, [images, channels, rows, size, columns, size]), [0, 2, 4, 1, 3, 5]);
  return reshape(cut, [images, rows * columns, channels * size * size]);
}
