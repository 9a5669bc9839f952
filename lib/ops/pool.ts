// Pooling of images, NCHW, and its gradients. Kernels: native/cpu/kernels/pool.h. The mean over a whole image is a reduction (lib/ops/reduce.ts).
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions } from './check';
import { type Pair, pair } from './conv';

interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

const integers = ({ kernel, stride, padding }: Window): number[] => [...kernel, ...stride, ...padding];

function pooledShape(name: string, x: Shape, { kernel, stride, padding }: Window): Shape {
  if (
    [...kernel, ...stride].some((n) => !Number.isInteger(n) || n < 1) ||
    padding.some((n, i) => !(Number.isInteger(n) && n >= 0 && 2 * n <= kernel[i]!))
  ) {
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `${name}: expected kernel and stride from 1 and padding of at most half the kernel, got ${JSON.stringify({ kernel, stride, padding })}`,
    );
  }
  const size = [0, 1].map((i) => Math.floor((x[i + 2]! + 2 * padding[i]! - kernel[i]!) / stride[i]!) + 1);
  if (x.length !== 4 || x[2]! < 1 || x[3]! < 1 || size.some((n) => n < 1)) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected (images, channels, h, w) with a padded image at least as large as the kernel, got ${showShape(x)}`,
    );
  }
  return [x[0]!, x[1]!, ...size];
}

function requireFloating(name: string, inputs: readonly Signature[]): void {
  if (inputs.some((x) => !isFloating(x.dtype) || x.dtype !== inputs[0]!.dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32 or bf16, got ${inputs.map((x) => x.dtype).join(' and ')}`);
  }
}

function pooling(name: string, gradient: Operation<Window>['gradient']): Operation<Window> {
  return {
    name,
    infer([x], window) {
      requireFloating(name, [x!]);
      return [{ shape: pooledShape(name, x!.shape, window), dtype: x!.dtype }];
    },
    kernel: (_, __, window) => ({ name, integers: integers(window) }),
    gradient,
  };
}

// dy, then for the maximum also x -> dx of `shape`
function poolingGradient(name: string, gradient?: Operation<Window & { shape: Shape }>['gradient']): Operation<Window & { shape: Shape }> {
  return {
    name,
    infer(inputs, attributes) {
      const { shape } = attributes;
      requireFloating(name, inputs);
      const expected = pooledShape(name, shape, attributes);
      if (!sameShape(inputs[0]!.shape, expected) || inputs.slice(1).some((x) => !sameShape(x.shape, shape))) {
        const got = inputs.map((x) => showShape(x.shape)).join(' and ');
        fail('ERR_TENSORWOOD_SHAPE', `${name}: expected dy of shape ${showShape(expected)} and x of shape ${showShape(shape)}, got ${got}`);
      }
      return [{ shape, dtype: inputs[0]!.dtype }];
    },
    kernel: (_, __, window) => ({ name, integers: integers(window) }),
    gradient,
  };
}

const largest = pooling('max_pool2d', ({ inputs: [x], attributes }, [g]) => [
  g && apply(largestGradient, [g, x!], { ...attributes, shape: x!.shape })[0],
]);
const largestGradient = poolingGradient('max_pool2d_gradient');
const mean = pooling('avg_pool2d', ({ inputs: [x], attributes }, [g]) => [
  g && apply(meanGradient, [g], { ...attributes, shape: x!.shape })[0],
]);
const meanGradient = poolingGradient('avg_pool2d_gradient', ({ attributes: { shape: _, ...window } }, [g]) => [
  g && apply(mean, [g], window)[0],
]);

/** Pooling and its gradients. */
export const poolOperations = {
  max_pool2d: largest,
  avg_pool2d: mean,
  max_pool2d_gradient: largestGradient,
  avg_pool2d_gradient: meanGradient,
};

/** A number stands for both axes. */
export interface PoolOptions {
  readonly kernel: number | Pair;
  /** Default: the kernel. */
  readonly stride?: number | Pair;
  /** At most half the kernel. Default 0. */
  readonly padding?: number | Pair;
}

function windowOf(name: string, options: PoolOptions): Window {
  checkOptions(name, options, ['kernel', 'stride', 'padding']);
  const { kernel, stride = kernel, padding = 0 } = options;
  return { kernel: pair(kernel), stride: pair(stride), padding: pair(padding) };
}

/** The largest element under each window: (images, channels, h, w) -> (images, channels, h', w'). Padding never wins; equal elements: the first. */
export const maxPool2d = (x: Tensor, options: PoolOptions): Tensor => apply(largest, [x], windowOf('max_pool2d', options))[0]!;

/** The mean under each window, padding counted as zeros: (images, channels, h, w) -> (images, channels, h', w'). */
export const avgPool2d = (x: Tensor, options: PoolOptions): Tensor => apply(mean, [x], windowOf('avg_pool2d', options))[0]!;
