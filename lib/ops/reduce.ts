// Reductions over any axes: sum, mean, max, min, variance, argmax. Kernels: native/cpu/kernels/reduce.h, over the input collapsed to the kept and the
// reduced axes, with partial results in a fixed tree.
import type { DType } from '../dtype';
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { normalizeAxis, showShape, sizeOf } from '../shape';
import type { KernelCall, Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { cast, div, equal, mul, square, sub } from './elementwise';
import { expand, reshape } from './layout';

/** Axes to reduce (default all); keepDimensions leaves them with size 1 (default false). */
export interface ReduceOptions {
  readonly axes?: number | readonly number[];
  readonly keepDimensions?: boolean;
}
const reduceOptions = ['axes', 'keepDimensions'];

interface Axes {
  readonly axes: readonly number[]; // sorted, not negative; the output keeps them with size 1
}

const keep = (shape: Shape, axes: readonly number[]) => shape.map((n, i) => (axes.includes(i) ? 1 : n));

function reduction(name: string, accepted: readonly DType[], gradient?: Operation<Axes>['gradient'], result?: DType): Operation<Axes> {
  return {
    name,
    infer([x], { axes }): Signature[] {
      if (!accepted.includes(x!.dtype)) fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype ${accepted.join(', ')}, got ${x!.dtype}`);
      if (name !== 'sum' && sizeOf(x!.shape) === 0 && sizeOf(keep(x!.shape, axes)) > 0) {
        fail('ERR_TENSORWOOD_SHAPE', `${name}: expected at least one element to reduce, got shape ${showShape(x!.shape)}`);
      }
      return [{ shape: keep(x!.shape, axes), dtype: result ?? x!.dtype }];
    },
    kernel: (): KernelCall => ({ name: `reduce_${name}` }), // the output's shape says which axes
    strides: 'any',
    gradient,
  };
}

// Equal extremes share the gradient equally.
const extremeGradient: Operation<Axes>['gradient'] = ({ inputs: [x], outputs: [y], attributes: { axes } }, [g]) => {
  if (!g) return [undefined];
  const chosen = cast(equal(x!, y!), x!.dtype);
  return [mul(chosen, div(g, sum(chosen, { axes, keepDimensions: true })))];
};

const numeric: readonly DType[] = ['f32', 'bf16', 'i32'];

/** Every reduction with its gradient. mean and var are compositions of these. */
export const reduceOperations = {
  sum: reduction('sum', numeric, ({ inputs: [x] }, [g]) => [g && expand(g, x!.shape)]),
  max: reduction('max', numeric, extremeGradient),
  min: reduction('min', numeric, extremeGradient),
  argmax: reduction('argmax', numeric, undefined, 'i32'),
};

function reduce(operation: Operation<Axes>, x: Tensor, options: ReduceOptions): Tensor {
  checkTensors(operation.name, x);
  checkOptions(operation.name, options, reduceOptions);
  const given = typeof options.axes === 'number' ? [options.axes] : (options.axes ?? x.shape.map((_, i) => i));
  const axes = [...new Set(given.map((axis) => normalizeAxis(operation.name, axis, x.shape)))].sort((a, b) => a - b);
  if (axes.length !== given.length) fail('ERR_TENSORWOOD_ARGUMENT', `${operation.name}: expected each axis once, got ${given.join(', ')}`);
  const kept = apply(operation, [x], { axes })[0]!;
  return options.keepDimensions
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, i) => !axes.includes(i)),
      );
}

/** Sum over axes, accumulated in f32 (i32 wraps). */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(reduceOperations.sum, x, options);
/** Largest element over axes; equal ones share the gradient. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(reduceOperations.max, x, options);
/** Smallest element over axes; equal ones share the gradient. */
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(reduceOperations.min, x, options);

/** Position (i32) of the first largest element along one axis (default -1); a NaN counts as largest. */
export function argmax(x: Tensor, options: { axis?: number; keepDimensions?: boolean } = {}): Tensor {
  checkOptions('argmax', options, ['axis', 'keepDimensions']);
  return reduce(reduceOperations.argmax, x, { axes: options.axis ?? -1, keepDimensions: options.keepDimensions });
}

function checkFloating(name: string, x: Tensor): void {
  if (!isFloating(x.dtype)) fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32 or bf16, got ${x.dtype}; use cast`);
}

/** Mean over axes, floating point. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkTensors('mean', x);
  checkOptions('mean', options, reduceOptions);
  checkFloating('mean', x);
  const total = sum(x, options);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
}

/** Mean squared distance from the mean over axes: divided by n - correction (default 0, the population's; 1 = the sample's). */
export function variance(x: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  checkTensors('variance', x);
  checkOptions('variance', options, [...reduceOptions, 'correction']);
  checkFloating('variance', x);
  const { correction = 0, ...reduced } = options;
  const axes = options.axes ?? x.shape.map((_, i) => i);
  const centred = sub(x, mean(x, { axes, keepDimensions: true }));
  const total = sum(square(centred), reduced);
  return mul(total, 1 / (sizeOf(x.shape) / sizeOf(total.shape) - correction));
}
