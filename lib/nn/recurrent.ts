// Gated recurrent units over sequences, with PyTorch's names and order of gates (reset, update, new). Cho et al., arXiv:1406.1078, in the variant that
// applies the reset gate after the product, as cuDNN does.
import { gru } from '../ops/recurrent';
import type { Tensor } from '../tensor';
import { uniformWithin } from './init';
import type { Scope } from './module';
import { parameter } from './module';

export interface GruOptions {
  readonly inputs: number;
  readonly hidden: number;
  /** Each reads the states of the one below. Default 1. */
  readonly layers?: number;
}

/** x (B, T, inputs) -> states of the top layer (B, T, hidden), from a state of zeros. First weights uniform within 1 / sqrt(hidden). */
export function createGru(scope: Scope, { inputs, hidden, layers = 1 }: GruOptions): (x: Tensor) => Tensor {
  const initializer = uniformWithin(1 / Math.sqrt(hidden));
  const stack = Array.from({ length: layers }, (_, i) => ({
    weightInput: parameter(scope, `weight_ih_l${i}`, [3 * hidden, i === 0 ? inputs : hidden], initializer),
    weightHidden: parameter(scope, `weight_hh_l${i}`, [3 * hidden, hidden], initializer),
    biasInput: parameter(scope, `bias_ih_l${i}`, [3 * hidden], initializer),
    biasHidden: parameter(scope, `bias_hh_l${i}`, [3 * hidden], initializer),
  }));
  return (x) => stack.reduce((h, layer) => gru(h, layer), x);
}
