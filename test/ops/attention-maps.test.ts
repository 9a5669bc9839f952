// Weights of attention found in a graph: those that the attention itself uses.
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../lib/executor';
import { uniform } from '../../lib/nn/philox';
import { attention, attentionWeights, attentionWeightsBelow, selfAttention } from '../../lib/ops/attention';
import { add } from '../../lib/ops/elementwise';
import { tensor } from '../../lib/ops/source';

const random = (shape: number[], stream: number) =>
  tensor(
    Float32Array.from(
      uniform(
        shape.reduce((a, b) => a * b),
        { seed: 1, stream },
      ),
      (u) => 4 * u - 2,
    ),
    shape,
  );

describe('attentionWeightsBelow', () => {
  it('finds each attention once, the first layer first, with rows that sum to 1', async () => {
    const qkv = random([2, 5, 3, 2, 4], 0);
    const first = selfAttention(qkv);
    const second = selfAttention(random([2, 5, 3, 2, 4], 1), { causal: true });
    const found = attentionWeightsBelow(add(first, add(first, second)));
    expect(found.map((t) => t.shape)).toEqual([
      [2, 2, 5, 5],
      [2, 2, 5, 5],
    ]);
    const [one, two] = await evaluate(...found);
    for (let row = 0; row < 20; row++)
      expect((one as Float32Array).subarray(row * 5, row * 5 + 5).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(two![1]).toBe(0);
  });

  it('gives what attentionWeights gives', async () => {
    const [q, k, v] = [random([1, 2, 3, 4], 2), random([1, 2, 6, 4], 3), random([1, 2, 6, 4], 4)];
    const [found, asked] = await evaluate(attentionWeightsBelow(attention(q!, k!, v!))[0]!, attentionWeights(q!, k!));
    expect(found).toEqual(asked);
  });
});
