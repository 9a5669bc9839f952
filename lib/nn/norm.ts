// Normalisation layers. Ba et al., arXiv:1607.06450 (layer norm); Ioffe and Szegedy, arXiv:1502.03167 (batch norm).

import { add, mul } from '../ops/elementwise';
import { batchNorm, batchNormInference, layerNorm } from '../ops/norm';
import type { Variable } from '../ops/state';
import { assign } from '../ops/state';
import { sizeOf } from '../shape';
import type { Tensor } from '../tensor';
import type { Initializer } from './init';
import { ones, zeros } from './init';
import type { Layer, Scope } from './module';
import { parameter, statistic } from './module';

/** Each row of the last axis to mean 0 and variance 1, then weight and bias. x (..., dimension). epsilon default 1e-6, as timm and Flax. */
export function createLayerNorm(scope: Scope, options: { dimension: number; epsilon?: number }): (x: Tensor) => Tensor {
  const weight = parameter(scope, 'weight', [options.dimension], ones);
  const bias = parameter(scope, 'bias', [options.dimension], zeros);
  return (x) => layerNorm(x, { weight, bias, epsilon: options.epsilon ?? 1e-6 });
}

export interface BatchNormOptions {
  readonly channels: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the newest batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Of the weight; default ones. Zeros make a residual branch begin as nothing. */
  readonly initializer?: Initializer;
}

/**
 * Images (B, C, H, W), each channel to mean 0 and variance 1 over the batch in training, by the running statistics otherwise. Training moves those; the
 * running variance is the unbiased one (divided by n - 1), as in PyTorch, while the batch is normalised by the biased one.
 */
export function createBatchNorm(scope: Scope, options: BatchNormOptions): Layer {
  const { channels, epsilon = 1e-5, momentum = 0.1 } = options;
  const weight = parameter(scope, 'weight', [channels], options.initializer ?? ones);
  const bias = parameter(scope, 'bias', [channels], zeros);
  const runningMean = statistic(scope, 'running_mean', [channels], 0);
  const runningVariance = statistic(scope, 'running_var', [channels], 1);
  const follow = (running: Variable, fresh: Tensor): void => {
    assign(running, add(mul(running, 1 - momentum), mul(fresh, momentum)));
  };

  return (x, { training }) => {
    const settings = { weight, bias, epsilon };
    if (!training) return batchNormInference(x, { mean: runningMean, variance: runningVariance }, settings);
    const batch = batchNorm(x, settings);
    const n = sizeOf(x.shape) / channels;
    follow(runningMean, batch.mean);
    follow(runningVariance, mul(batch.variance, n / Math.max(1, n - 1)));
    return batch.y;
  };
}
