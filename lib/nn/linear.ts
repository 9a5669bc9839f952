// A fully connected layer: y = x W^T + b, named weight (outputs, inputs) and bias (outputs) as in PyTorch.
import type { LinearOptions } from '../ops/matmul';
import { linear } from '../ops/matmul';
import type { Tensor } from '../tensor';
import type { Initializer } from './init';
import { truncatedNormal, zeros } from './init';
import type { Mode, Scope } from './module';
import { parameter } from './module';

export interface LinearLayerOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Of the weight; default a truncated normal of deviation 0.02, as in ViT. The bias begins at 0. */
  readonly initializer?: Initializer;
}

/** A Layer, which does the same in training and after it; an activation and a residual may join its kernel. */
export type LinearLayer = (x: Tensor, fused?: LinearOptions & Partial<Mode>) => Tensor;

/** x (..., inputs) -> (..., outputs). */
export function createLinear(scope: Scope, options: LinearLayerOptions): LinearLayer {
  const weight = parameter(scope, 'weight', [options.outputs, options.inputs], options.initializer ?? truncatedNormal(0.02));
  const bias = (options.bias ?? true) ? parameter(scope, 'bias', [options.outputs], zeros) : undefined;
  return (x, { activation, residual } = {}) => linear(x, weight, bias, { activation, residual });
}
