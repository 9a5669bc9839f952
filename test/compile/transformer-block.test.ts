// One transformer block as text after each pass: transformer-block.txt shows what the compiler makes of it, and a change of a pass shows there. Update it
// with vitest -u and read the difference.
import { expect, it } from 'vitest';
import { compileGraph } from '../../lib/compile/compile';
import { gradient } from '../../lib/compile/gradient';
import { traceGraph } from '../../lib/compile/trace';
import { selfAttention } from '../../lib/ops/attention';
import { add, gelu, mul, sub } from '../../lib/ops/elementwise';
import { reshape } from '../../lib/ops/layout';
import { linear } from '../../lib/ops/matmul';
import { layerNorm } from '../../lib/ops/norm';
import { mean } from '../../lib/ops/reduce';
import { input } from '../../lib/ops/source';
import { assign, record, Variable } from '../../lib/ops/state';
import type { Tensor } from '../../lib/tensor';

const [B, T, C, H] = [2, 5, 8, 2];
const weight = (name: string, ...shape: number[]) => new Variable({ name, shape });
const w = {
  norm1: weight('norm1', C),
  qkv: weight('qkv', 3 * C, C),
  project: weight('project', C, C),
  norm2: weight('norm2', C),
  widen: weight('widen', 4 * C, C),
  narrow: weight('narrow', C, 4 * C),
};

function block(x: Tensor): Tensor {
  const packed = reshape(linear(layerNorm(x, { weight: w.norm1 }), w.qkv), [B, T, 3, H, C / H]);
  const attended = add(x, linear(reshape(selfAttention(packed), [B, T, C]), w.project));
  return add(attended, linear(gelu(linear(layerNorm(attended, { weight: w.norm2 }), w.widen)), w.narrow));
}

function train(x: Tensor): Tensor {
  const loss = mean(block(x));
  const parameters = Object.values(w);
  gradient(loss, parameters).forEach((g, i) => {
    assign(parameters[i]!, sub(parameters[i]!, mul(g, 0.1)));
  });
  return loss;
}

/** The text after each of the passes that are asked for. */
function show(step: (x: Tensor) => Tensor, passes?: readonly string[]): string {
  const signature = { shape: [B, T, C], dtype: 'f32' } as const;
  const { result, recording } = record(() => step(input(0, signature)));
  const parts: string[] = [];
  const observe = (pass: string, text: () => string) => {
    if (!passes || passes.includes(pass)) parts.push(`--- ${pass}\n${text()}\n`);
  };
  compileGraph(traceGraph([signature], [result], recording.assignments), { observe });
  return parts.join('\n');
}

it('shows a transformer block after each pass, and its training step before and after all', async () => {
  const forward = `One transformer block (B, T, C) = (${B}, ${T}, ${C}), after each pass.\n\n${show(block)}`;
  const training = `Its training step, first and last.\n\n${show(train, ['trace', 'memory'])}`;
  await expect(`${forward}\n${training}`).toMatchFileSnapshot('transformer-block.txt');
});
