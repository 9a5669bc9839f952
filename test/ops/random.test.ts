// Random operations beyond the suite: published answers, streams and steps, the mask of the backward pass, frequencies.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { compile, Executor } from '../../lib/executor';
import { native } from '../../lib/native';
import { bernoulli, dropout, dropPath, randomNormal, randomUniform } from '../../lib/ops/random';
import { sum } from '../../lib/ops/reduce';
import type { Tensor } from '../../lib/tensor';
import { runNative } from '../native/program';
import { philox } from './random';

const ones = (n: number) => new Float32Array(n).fill(1);
const withSeed = (seed: number, threads = 2) => new Executor({ seed, threads });

describe('Philox 4x32-10', () => {
  const all = 0xffffffff;
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [all, all, all, all],
      [all, all],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('the definition gives the known answer for %j', (counter, key, words) => {
    expect(philox(counter, key)).toEqual(words);
  });

  it.each(native().describe().isas)('the native generator gives the known answers, %s', (isa) => {
    expect(runNative(`philox_${isa}`)).toBe('ok\n');
  });
});

describe('random operations', () => {
  it('draw other numbers for each operation and each step, the same ones for the same seed', async () => {
    const draw = async (seed: number) => {
      using executor = withSeed(seed);
      const step = compile(() => [randomUniform([8]), randomUniform([8])] as const, { executor });
      return [...(await step()), ...(await step())].map((x) => x.join());
    };
    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(new Set(first).size).toBe(4);
    expect(again).toEqual(first);
    expect(new Set([...first, ...other]).size).toBe(8);
  });

  it('draw the mask again for the gradient of dropout', async () => {
    using executor = withSeed(7);
    const step = compile(
      (x: Tensor) => {
        const y = dropout(x, 0.4);
        return { y, slope: gradient(sum(y), [x])[0]! };
      },
      { executor },
    );
    const { y, slope } = await step(ones(1000));
    expect(slope).toEqual(y);
    expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.6)]));
  });

  it('keep elements as often as they should: chi-squared below its .999 quantile', async () => {
    using executor = withSeed(11);
    const drawn = await compile(() => [bernoulli([100_000], 0.3), randomNormal([100_000])] as const, { executor })();
    const [kept, normal] = drawn.map((x) => Array.from(x)) as [number[], number[]];
    const count = kept.reduce((a, b) => a + b, 0);
    expect((count - 30_000) ** 2 / 30_000 + (count - 30_000) ** 2 / 70_000).toBeLessThan(10.83);
    const mean = normal.reduce((a, b) => a + b, 0) / normal.length;
    const variance = normal.reduce((a, b) => a + (b - mean) ** 2, 0) / normal.length;
    expect(Math.abs(mean)).toBeLessThan(3.3 / Math.sqrt(normal.length));
    expect(Math.abs(variance - 1)).toBeLessThan(3.3 * Math.sqrt(2 / normal.length));
  });

  it('drop whole samples', async () => {
    using executor = withSeed(3);
    const step = compile((x: Tensor) => dropPath(x, 0.5), { executor });
    const y = await step({ data: ones(64 * 3), shape: [64, 3], dtype: 'f32' });
    const rows = Array.from({ length: 64 }, (_, i) => [...y.subarray(3 * i, 3 * i + 3)].join());
    expect(new Set(rows)).toEqual(new Set(['0,0,0', '2,2,2']));
  });

  it('refuse probabilities outside [0, 1]', () => {
    expect(() => bernoulli([2], 1.5)).toThrow('bernoulli: expected a probability in [0, 1], got 1.5');
    expect(() => dropout(randomUniform([2]), -1)).toThrow('dropout: expected a probability in [0, 1], got -1');
  });
});
