// Random tensors and dropout. Element e of a tensor draws from Philox at (e, step, stream) under the seed (native/core/philox.h): the stream numbers the
// operation, the step and the seed come from the random state of the executor. So a mask is drawn again, not kept, for the backward pass.
import type { DType } from '../dtype';
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { cast, mul } from './elementwise';
import { nextStream, randomState } from './state';

interface Draw {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly stream: number;
  readonly numbers: readonly number[];
}

function checkState(name: string, state: Signature | undefined): void {
  if (state?.dtype !== 'i32' || state.shape.length !== 1 || state.shape[0] !== 4) {
    fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a random state, i32 (4), as the first input`);
  }
}

function checkFloating(name: string, dtype: DType): void {
  if (!isFloating(dtype)) fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32 or bf16, got ${dtype}`);
}

function checkRate(name: string, rate: number): void {
  if (!(rate >= 0 && rate <= 1)) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a probability in [0, 1], got ${rate}`);
}

const drawn = (name: string): Operation<Draw> => ({
  name,
  infer([state], { shape, dtype }) {
    checkState(name, state);
    if (name !== 'bernoulli') checkFloating(name, dtype);
    return [{ shape, dtype }];
  },
  kernel: (_, __, { stream, numbers }) => ({ name, integers: [stream], numbers }),
  effect: true,
});

const dropped: Operation<{ rate: number; stream: number }> = {
  name: 'dropout',
  infer([state, x]) {
    checkState('dropout', state);
    checkFloating('dropout', x!.dtype);
    return [x!];
  },
  kernel: (_, __, { rate, stream }) => ({ name: 'dropout', integers: [stream], numbers: [rate] }),
  inPlace: [[0, 1]],
  gradient: ({ inputs: [state], attributes }, [g]) => [undefined, g && apply(dropped, [state!, g], attributes)[0]!],
};

/** Every random operation. dropout's gradient is dropout with the same stream. */
export const randomOperations = {
  random_uniform: drawn('random_uniform'),
  random_normal: drawn('random_normal'),
  bernoulli: drawn('bernoulli'),
  dropout: dropped,
};

/** Numbers of (low, high), default (0, 1), in 2^23 equal steps: new ones in every step. */
export function randomUniform(shape: Shape, options: { low?: number; high?: number; dtype?: DType } = {}): Tensor {
  checkOptions('random_uniform', options, ['low', 'high', 'dtype']);
  const numbers = [options.low ?? 0, options.high ?? 1];
  return apply(randomOperations.random_uniform, [randomState()], {
    shape,
    dtype: options.dtype ?? 'f32',
    stream: nextStream(),
    numbers,
  })[0]!;
}

/** Normal numbers (Box and Muller, 1958), default mean 0 and deviation 1: new ones in every step. */
export function randomNormal(shape: Shape, options: { mean?: number; deviation?: number; dtype?: DType } = {}): Tensor {
  checkOptions('random_normal', options, ['mean', 'deviation', 'dtype']);
  const numbers = [options.mean ?? 0, options.deviation ?? 1];
  return apply(randomOperations.random_normal, [randomState()], {
    shape,
    dtype: options.dtype ?? 'f32',
    stream: nextStream(),
    numbers,
  })[0]!;
}

/** bool, true with the given probability: new ones in every step. */
export function bernoulli(shape: Shape, probability: number): Tensor {
  checkRate('bernoulli', probability);
  return apply(randomOperations.bernoulli, [randomState()], { shape, dtype: 'bool', stream: nextStream(), numbers: [probability] })[0]!;
}

/** Zeroes elements with probability `rate` and divides the others by 1 - rate (Srivastava et al., JMLR 15, 2014). */
export function dropout(x: Tensor, rate: number): Tensor {
  checkTensors('dropout', x);
  checkRate('dropout', rate);
  return rate === 0 ? x : apply(dropped, [randomState(), x], { rate, stream: nextStream() })[0]!;
}

/** Zeroes whole samples, x (B, ...), with probability `rate` and divides the others by 1 - rate: stochastic depth (Huang et al., arXiv:1603.09382). */
export function dropPath(x: Tensor, rate: number): Tensor {
  checkTensors('drop_path', x);
  checkRate('drop_path', rate);
  if (rate === 0) return x;
  const kept = bernoulli(
    x.shape.map((n, i) => (i === 0 ? n : 1)),
    1 - rate,
  );
  return mul(x, mul(cast(kept, x.dtype), rate === 1 ? 0 : 1 / (1 - rate)));
}
