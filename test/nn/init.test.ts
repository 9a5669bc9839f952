// First values: their spread, their ends, and that they depend on seed and stream alone.
import { describe, expect, it } from 'vitest';
import { kaimingNormal, normal, normalQuantile, truncatedNormal, uniformWithin, xavierUniform } from '../../lib/nn/init';

const stream = { seed: 3, stream: 4 };
const spread = (values: Float32Array): { mean: number; deviation: number; largest: number } => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { mean, deviation, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
};

describe('normalQuantile', () => {
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.959963984540054],
    [0.999, 3.090232306167813],
    [0.022750131948179195, -2],
    [2 ** -25, -5.419983174916868],
    [1e-15, -7.941345326170998],
  ])('%d -> %d', (p, x) => {
    expect(Math.abs(normalQuantile(p) - x)).toBeLessThan(1e-6 * Math.max(1, Math.abs(x)));
  });
});

describe('initializers', () => {
  it('normal has its deviation', () => {
    const { mean, deviation } = spread(normal(0.5)([200, 100], stream));
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(deviation).toBeCloseTo(0.5, 2);
  });

  it('truncatedNormal ends at two deviations and keeps the shape between', () => {
    const { deviation, largest } = spread(truncatedNormal(0.02)([200, 100], stream));
    expect(largest).toBeLessThanOrEqual(0.04 + 1e-8);
    expect(deviation / 0.02).toBeCloseTo(0.8796, 2); // of a standard normal cut at 2
  });

  it('xavierUniform and kaimingNormal count what goes in and out, windows included', () => {
    expect(spread(xavierUniform([300, 100], stream)).largest).toBeLessThanOrEqual(Math.sqrt(6 / 400));
    expect(spread(xavierUniform([300, 100], stream)).deviation).toBeCloseTo(Math.sqrt(2 / 400), 3);
    expect(spread(kaimingNormal([64, 32, 3, 3], stream)).deviation).toBeCloseTo(Math.sqrt(2 / (64 * 9)), 3);
  });

  it('repeat for the same seed and stream, and differ otherwise', () => {
    const init = uniformWithin(1);
    expect(init([7], stream)).toEqual(init([7], stream));
    expect(init([7], stream)).not.toEqual(init([7], { ...stream, stream: 5 }));
    expect(init([7], stream)).not.toEqual(init([7], { ...stream, seed: 5 }));
  });
});
