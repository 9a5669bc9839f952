// A fully connected layer: y = x W^T + b, named weight (outputs, inputs) and bias (outputs) as in PyTorch.
import type { LinearOptions } from '../ops/matmul';
import { linear } from '../ops/matmul';
import type { Tensor } from '../tensor';
import type { Initializer } from './init';
import { truncatedNormal, zeros } from './init';
import type { Scope } from './module';
import { parameter } from './module';

export interface LinearLayerOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Of the weight; default a truncated normal of deviation 0.02, as in ViT. The bias begins at 0. */
  readonly initializer?: Initializer;
}

/** x (..., inputs) -> (..., outputs); an activation and a residual join the same kernel. */
export function createLinear(scope: Scope, options: LinearLayerOptions): (x: Tensor, fused?: LinearOptions) => Tensor {
  const weight = parameter(scope, 'weight', [options.outputs, options.inputs], options.initializer ?? truncatedNormal(0.02));
  const bias = (options.bias ?? true) ? parameter(scope, 'bias', [options.outputs], zeros) : undefined;
  return (x, fused) => linear(x, weight, bias, fused);
}
