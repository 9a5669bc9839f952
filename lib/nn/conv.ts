// Convolution over images, weights (outputs, inputs, K, K) as in PyTorch.
import { conv2d } from '../ops/conv';
import type { Tensor } from '../tensor';
import { kaimingNormal, zeros } from './init';
import type { Scope } from './module';
import { parameter } from './module';

export interface ConvOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Side of the window. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image. Default (kernel - 1) / 2, which keeps the size at stride 1. */
  readonly padding?: number;
  /** Default false: a batch norm that follows has one. */
  readonly bias?: boolean;
}

/** x (B, inputs, H, W) -> (B, outputs, H', W'). First weights as He et al., arXiv:1502.01852, counting what goes out. */
export function createConv(scope: Scope, options: ConvOptions): (x: Tensor) => Tensor {
  const { inputs, outputs, kernel, stride = 1, padding = (kernel - 1) / 2 } = options;
  const weight = parameter(scope, 'weight', [outputs, inputs, kernel, kernel], kaimingNormal);
  const bias = options.bias ? parameter(scope, 'bias', [outputs], zeros) : undefined;
  return (x) => conv2d(x, weight, bias, { stride, padding });
}
