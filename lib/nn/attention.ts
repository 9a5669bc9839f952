// Multi-head self-attention with one product for queries, keys and values. Vaswani et al., arXiv:1706.03762; names and order q, k, v as timm.
import { fail } from '../errors';
import { selfAttention } from '../ops/attention';
import { reshape } from '../ops/layout';
import { xavierUniform } from './init';
import type { LinearLayer } from './linear';
import { createLinear } from './linear';
import type { Scope } from './module';
import { within } from './module';

export interface AttentionOptions {
  readonly dimension: number;
  readonly heads: number;
  /** Whether queries, keys and values have a bias. Default true. */
  readonly qkvBias?: boolean;
}

/** x (B, T, D) -> (B, T, D): softmax(Q K^T / sqrt(D / heads)) V for each head, then a projection. */
export function createAttention(scope: Scope, options: AttentionOptions): LinearLayer {
  const { dimension, heads } = options;
  if (dimension % heads !== 0)
    fail('ERR_TENSORWOOD_ARGUMENT', `attention: expected a dimension that ${heads} heads divide, got ${dimension}`);
  const initializer = xavierUniform;
  const qkv = createLinear(within(scope, 'qkv'), { inputs: dimension, outputs: 3 * dimension, bias: options.qkvBias ?? true, initializer });
  const project = createLinear(within(scope, 'proj'), { inputs: dimension, outputs: dimension, initializer });
  return (x, fused) => {
    const [B, T] = x.shape as [number, number];
    const packed = reshape(qkv(x), [B, T, 3, heads, dimension / heads]);
    return project(reshape(selfAttention(packed), [B, T, dimension]), fused);
  };
}
