// A table of vectors, one a token.
import { gatherRows } from '../ops/gather';
import type { Tensor } from '../tensor';
import { normal } from './init';
import type { Scope } from './module';
import { parameter } from './module';

/** Indices, i32 of any shape -> (..., dimension). Named weight (count, dimension) as in PyTorch; first values normal with deviation 0.02 unless given. */
export function createEmbedding(
  scope: Scope,
  options: { count: number; dimension: number; deviation?: number },
): (indices: Tensor) => Tensor {
  const weight = parameter(scope, 'weight', [options.count, options.dimension], normal(options.deviation ?? 0.02));
  return (indices) => gatherRows(weight, indices);
}
