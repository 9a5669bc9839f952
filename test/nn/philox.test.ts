// The generator against its published known answers, and the properties of what is made from it.
import { describe, expect, it } from 'vitest';
import { hashName, permutation, philox, uniform } from '../../lib/nn/philox';

describe('philox', () => {
  // kat_vectors of the Random123 distribution, philox4x32 with 10 rounds
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('counter %j, key %j', (counter, key, answer) => {
    const block = Uint32Array.from(counter);
    philox(block, Uint32Array.from(key));
    expect([...block]).toEqual(answer);
  });

  it('gives element i whatever was drawn before it', () => {
    const stream = { seed: 2 ** 40 + 3, stream: 9 };
    const all = uniform(23, stream);
    for (const offset of [0, 1, 3, 4, 7, 22]) expect(uniform(23 - offset, stream, offset)).toEqual(all.slice(offset));
    expect(uniform(23, { ...stream, seed: 3 })).not.toEqual(all);
    expect(uniform(23, { ...stream, stream: 8 })).not.toEqual(all);
  });

  it('is uniform: mean, variance, and no end of the interval', () => {
    const draws = uniform(100_000, { seed: 1, stream: 2 });
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / draws.length));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.001);
    expect(draws.every((u) => u > 0 && u < 1)).toBe(true);
  });
});

describe('permutation', () => {
  it('holds every index once, differs by seed and stream, and repeats', () => {
    const order = permutation(1000, { seed: 5, stream: 1 });
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(permutation(1000, { seed: 5, stream: 1 })).toEqual(order);
    expect(permutation(1000, { seed: 5, stream: 2 })).not.toEqual(order);
    expect(permutation(0, { seed: 5, stream: 1 })).toEqual(new Int32Array(0));
  });

  it('favours no order: every order of three about equally often', () => {
    const counts = new Map<string, number>();
    for (let stream = 0; stream < 6000; stream++) {
      const key = permutation(3, { seed: 7, stream }).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquare = [...counts.values()].reduce((total, n) => total + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 0.1 % point for 5 degrees of freedom
  });
});

describe('hashName', () => {
  it('is FNV-1a: its published values', () => {
    expect(hashName('')).toBe(0x811c9dc5);
    expect(hashName('a')).toBe(0xe40c292c);
    expect(hashName('foobar')).toBe(0xbf9cf968);
  });
});
