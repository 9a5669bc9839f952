// One transformer block with the norms before its branches: x + attention(norm(x)), then x + mlp(norm(x)). Names as timm.
import { add } from '../ops/elementwise';
import { dropPath as dropBranch } from '../ops/random';
import type { Tensor } from '../tensor';
import type { AttentionOptions } from './attention';
import { createAttention } from './attention';
import type { MlpOptions } from './mlp';
import { createMlp, dropIn } from './mlp';
import type { Layer, Scope } from './module';
import { within } from './module';
import { createLayerNorm } from './norm';

export interface BlockOptions extends AttentionOptions, MlpOptions {
  /** Probability of leaving out a whole branch for an example in training (stochastic depth). Default 0. */
  readonly dropPath?: number;
  /** Of the norms. Default 1e-6. */
  readonly epsilon?: number;
}

/** x (B, T, D) -> (B, T, D). Where nothing is dropped, the additions join the products before them. */
export function createBlock(scope: Scope, options: BlockOptions): Layer {
  const { dimension, epsilon = 1e-6, dropout = 0, dropPath = 0 } = options;
  const before = createLayerNorm(within(scope, 'norm1'), { dimension, epsilon });
  const attend = createAttention(within(scope, 'attn'), options);
  const between = createLayerNorm(within(scope, 'norm2'), { dimension, epsilon });
  const transform = createMlp(within(scope, 'mlp'), options);
  return (x, mode) => {
    const drops = mode.training && (dropout > 0 || dropPath > 0);
    const drop = (branch: Tensor): Tensor => dropBranch(dropIn(mode, branch, dropout), dropPath);
    const join = (residual: Tensor, branch: (fused?: { residual: Tensor }) => Tensor): Tensor =>
      drops ? add(residual, drop(branch())) : branch({ residual });
    const attended = join(x, (fused) => attend(before(x), fused));
    return join(attended, (fused) => transform(between(attended), mode, fused));
  };
}
