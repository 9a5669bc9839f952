// Optimizer updates over all tensors of a model in one node: AdamW, SGD, moving averages, and the norm of all gradients. What varies from step to step
// (learning rate, step, gradient scale) is a tensor f32 (), so that one program serves every step. Kernels: native/cpu/kernels/update.h.
import { describe, fail } from '../errors';
import { sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensorList, checkTensors } from './check';
import { add, div, full, minimum, mul } from './elementwise';

interface Update {
  readonly count: number;
  readonly integers: readonly number[];
  readonly numbers: readonly number[];
}

function checkScalar(name: string, scalar: Signature): void {
  if (scalar.shape.length !== 0)
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected a scalar for what varies by step, got shape ${showShape(scalar.shape)}`);
}

function checkGroup(name: string, inputs: readonly Signature[], count: number, index: number): void {
  const first = inputs[index % count]!;
  if (!sameShape(inputs[index]!.shape, first.shape)) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected shape ${showShape(first.shape)} of the parameter, got ${showShape(inputs[index]!.shape)}`,
    );
  }
}

// `groups` lists of `count` tensors, then scalars; outputs are the tensors of all groups but the second, in place where that group is state.
function update(name: string, groups: number, scalars: number): Operation<Update> {
  const states = groups - 1;
  return {
    name,
    infer(inputs, attributes) {
      if (inputs.length !== groups * attributes.count + scalars) {
        fail(
          'ERR_TENSORWOOD_ARGUMENT',
          `${name}: expected ${groups} lists of ${attributes.count} tensors, got ${inputs.length - scalars} tensors`,
        );
      }
      for (const input of inputs) {
        if (input.dtype !== 'f32') fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32, got ${input.dtype}; use cast`);
      }
      for (let i = attributes.count; i < groups * attributes.count; i++) checkGroup(name, inputs, attributes.count, i);
      for (const scalar of inputs.slice(groups * attributes.count)) checkScalar(name, scalar);
      return Array.from({ length: states * attributes.count }, (_, i) => inputs[i < attributes.count ? i : i + attributes.count]!);
    },
    kernel: (_, __, { integers, numbers }) => ({ name, integers, numbers }),
    inPlace: (_, outputs, { count }) => outputs.map((__, i) => [i, i < count ? i : i + count] as const),
  };
}

const normed: Operation<Record<string, never>> = {
  name: 'global_norm',
  infer(inputs) {
    for (const input of inputs) {
      if (input.dtype !== 'f32') fail('ERR_TENSORWOOD_DTYPE', `global_norm: expected dtype f32, got ${input.dtype}; use cast`);
    }
    return [{ shape: [], dtype: 'f32' }];
  },
  kernel: (inputs) => ({ name: 'global_norm', integers: [inputs.length] }),
};

/** Every update. */
export const updateOperations = {
  adamw: update('adamw', 4, 3),
  sgd: update('sgd', 3, 2),
  ema: update('ema', 2, 1),
  global_norm: normed,
};

/** A number for all tensors, or one for each. */
export type PerTensor = number | readonly number[];
const spread = (value: PerTensor, count: number): readonly number[] =>
  typeof value === 'number' ? new Array<number>(count).fill(value) : value;
const pairs = (a: readonly number[], b: readonly number[]): number[] => a.flatMap((value, i) => [value, b[i]!]);

function checkCounts(name: string, count: number, lists: Record<string, readonly unknown[]>): void {
  for (const [list, values] of Object.entries(lists)) {
    if (values.length !== count)
      fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected ${count} ${list}, one for each parameter, got ${values.length}`);
  }
}

function checkNumbers(name: string, options: Record<string, unknown>): void {
  for (const [option, value] of Object.entries(options)) {
    if ([value].flat().every((n) => typeof n === 'number')) continue;
    fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected ${option} to be a number or a list of them, got ${describe(value)}`);
  }
}

/** What both optimizers take: tensors by position, and scalars f32 () of this step. */
export interface UpdateInputs {
  readonly parameters: readonly Tensor[];
  readonly gradients: readonly Tensor[];
  readonly learningRate: Tensor;
  /** Factor on every gradient (clipFactor); default 1. When it is not finite, nothing changes. */
  readonly gradientScale?: Tensor;
}
const inputNames: readonly (keyof UpdateInputs)[] = ['parameters', 'gradients', 'learningRate', 'gradientScale'];

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly decay: PerTensor; // usually 0 for biases and norms
  readonly rate?: PerTensor; // factor on the learning rate, default 1
  readonly biasCorrection?: boolean; // default true
}

/**
 * One step of AdamW (Loshchilov and Hutter, arXiv:1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
 * p = p (1 - lr decay) - lr m' / (sqrt(v') + epsilon), m' and v' corrected by 1 - b^step. `step` counts from 1. Returns the new tensors.
 */
export function adamw(
  inputs: UpdateInputs & { readonly first: readonly Tensor[]; readonly second: readonly Tensor[]; readonly step: Tensor },
  options: AdamWOptions,
): { parameters: readonly Tensor[]; first: readonly Tensor[]; second: readonly Tensor[] } {
  checkOptions('adamw', inputs, [...inputNames, 'first', 'second', 'step']);
  checkOptions('adamw', options, ['betas', 'epsilon', 'decay', 'rate', 'biasCorrection']);
  const { parameters, gradients, first, second } = inputs;
  for (const list of [parameters, gradients, first, second]) checkTensorList('adamw', list);
  checkNumbers('adamw', { betas: options.betas, epsilon: options.epsilon, decay: options.decay, rate: options.rate ?? 1 });
  const count = parameters.length;
  const [decay, rate] = [spread(options.decay, count), spread(options.rate ?? 1, count)];
  checkCounts('adamw', count, { gradients, 'first moments': first, 'second moments': second, decays: decay, rates: rate });
  const scalars = [inputs.learningRate, inputs.step, inputs.gradientScale ?? full([], 1)];
  const outputs = apply(updateOperations.adamw, [...parameters, ...gradients, ...first, ...second, ...scalars], {
    count,
    integers: [count, Number(options.biasCorrection ?? true)],
    numbers: [...options.betas, options.epsilon, ...pairs(decay, rate)],
  });
  return { parameters: outputs.slice(0, count), first: outputs.slice(count, 2 * count), second: outputs.slice(2 * count) };
}

export interface SgdOptions {
  readonly momentum: number;
  readonly nesterov?: boolean; // default false
  readonly decay: PerTensor; // added to the gradient
  readonly rate?: PerTensor; // factor on the learning rate, default 1
}

/** One step of stochastic gradient descent: v = momentum v + g + decay p; p = p - lr v, or p - lr (g + decay p + momentum v) in Nesterov's form. */
export function sgd(
  inputs: UpdateInputs & { readonly velocities: readonly Tensor[] },
  options: SgdOptions,
): { parameters: readonly Tensor[]; velocities: readonly Tensor[] } {
  checkOptions('sgd', inputs, [...inputNames, 'velocities']);
  checkOptions('sgd', options, ['momentum', 'nesterov', 'decay', 'rate']);
  const { parameters, gradients, velocities } = inputs;
  for (const list of [parameters, gradients, velocities]) checkTensorList('sgd', list);
  checkNumbers('sgd', { momentum: options.momentum, decay: options.decay, rate: options.rate ?? 1 });
  const count = parameters.length;
  const [decay, rate] = [spread(options.decay, count), spread(options.rate ?? 1, count)];
  checkCounts('sgd', count, { gradients, velocities, decays: decay, rates: rate });
  const scalars = [inputs.learningRate, inputs.gradientScale ?? full([], 1)];
  const outputs = apply(updateOperations.sgd, [...parameters, ...gradients, ...velocities, ...scalars], {
    count,
    integers: [count, Number(options.nesterov ?? false)],
    numbers: [options.momentum, ...pairs(decay, rate)],
  });
  return { parameters: outputs.slice(0, count), velocities: outputs.slice(count) };
}

/** Moving averages: decay average + (1 - decay) value, decay f32 (). */
export function ema(averages: readonly Tensor[], values: readonly Tensor[], decay: Tensor): readonly Tensor[] {
  for (const list of [averages, values]) checkTensorList('ema', list);
  const count = averages.length;
  checkCounts('ema', count, { values });
  return apply(updateOperations.ema, [...averages, ...values, decay], { count, integers: [count], numbers: [] });
}

/** The root of the sum of the squares of all elements, f32 (). */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  checkTensorList('global_norm', tensors);
  return apply(normed, tensors, {})[0]!;
}

/** The factor that brings gradients of this norm down to at most `limit`; NaN when the norm is not finite, so that the update is skipped. */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  checkTensors('clip_factor', norm);
  const invalid = mul(norm, 0); // 0, or NaN
  return add(minimum(div(limit, add(norm, 1e-6)), 1), invalid);
}
