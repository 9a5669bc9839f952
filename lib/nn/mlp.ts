// The two-layer perceptron of a transformer block: widen, GELU, narrow. Names fc1 and fc2 as timm.

import type { LinearOptions } from '../ops/matmul';
import { dropout } from '../ops/random';
import type { Tensor } from '../tensor';
import { xavierUniform } from './init';
import { createLinear } from './linear';
import type { Mode, Scope } from './module';
import { within } from './module';

export interface MlpOptions {
  readonly dimension: number;
  readonly hidden: number;
  /** `gelu` is exact (timm, PyTorch), `gelu_tanh` the approximation of Flax. Default gelu. */
  readonly activation?: 'gelu' | 'gelu_tanh' | 'relu';
  /** Probability of dropping a hidden element in training. Default 0. */
  readonly dropout?: number;
}

/** x (..., dimension) -> (..., dimension). */
export function createMlp(scope: Scope, options: MlpOptions): (x: Tensor, mode: Mode, fused?: LinearOptions) => Tensor {
  const { dimension, hidden, activation = 'gelu' } = options;
  const widen = createLinear(within(scope, 'fc1'), { inputs: dimension, outputs: hidden, initializer: xavierUniform });
  const narrow = createLinear(within(scope, 'fc2'), { inputs: hidden, outputs: dimension, initializer: xavierUniform });
  return (x, mode, fused) => narrow(dropIn(mode, widen(x, { activation }), options.dropout ?? 0), fused);
}

/** Dropout in training, x itself otherwise. */
export const dropIn = (mode: Mode, x: Tensor, rate: number): Tensor => (mode.training && rate > 0 ? dropout(x, rate) : x);
