// What the passes make of a graph, against the graph itself in double precision: random graphs with their gradients, on one and on several threads.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { array, compile, Executor } from '../../lib/executor';
import { add, cast, gelu, mul, square } from '../../lib/ops/elementwise';
import { linear } from '../../lib/ops/matmul';
import { layerNorm } from '../../lib/ops/norm';
import { mean, sum } from '../../lib/ops/reduce';
import { Variable } from '../../lib/ops/state';
import { sizeOf } from '../../lib/shape';
import type { Tensor } from '../../lib/tensor';
import { interpret } from '../interpreter';
import { createRandom, randomGraph } from './random-graph';

/** Largest difference relative to the size of what is expected. */
function distance(actual: ArrayLike<number>, expected: Float64Array): number {
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
  return expected.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[i]!)), 0) / scale;
}

/** The scalar that the sum of all results is, and its gradients with respect to the graph's literals. */
function withGradients(results: readonly Tensor[]): Tensor[] {
  const loss = results.map((t) => mean(square(t))).reduce((a, b) => add(a, b));
  const leaves = new Set<Tensor>();
  const visit = (t: Tensor): void => {
    if (t.node.operation.source) leaves.add(t);
    else t.node.inputs.forEach(visit);
  };
  visit(loss);
  return [...results, loss, ...gradient(loss, [...leaves])];
}

describe('compiled and interpreted', () => {
  it('agree on random graphs and their gradients', async () => {
    using one = new Executor({ threads: 1 });
    using several = new Executor({ threads: 3 });
    for (let seed = 100; seed < 130; seed++) {
      const tensors = withGradients(randomGraph(seed, 14));
      const expected = await interpret(tensors);
      using alone = compile(() => tensors, { executor: one });
      using together = compile(() => tensors, { executor: several });
      const results = await alone();
      expect(await together(), `seed ${seed}`).toEqual(results);
      for (const [i, data] of results.entries()) expect(distance(data, expected[i]!), `seed ${seed}, result ${i}`).toBeLessThan(2e-4);
    }
  });

  it('agree within the rounding of bf16 when activations are stored so', async () => {
    const random = createRandom(3);
    const draw = (shape: readonly number[]) => Float32Array.from({ length: sizeOf(shape) }, () => (random() - 0.5) / 4);
    using w = new Variable({ name: 'w', shape: [64, 32], initial: draw([64, 32]) });
    using v = new Variable({ name: 'v', shape: [16, 64], initial: draw([16, 64]) });
    const model = (x: Tensor) => {
      const loss = mean(square(linear(linear(x, w, undefined, { activation: 'gelu' }), v)));
      return [mul(loss, 100), ...gradient(loss, [w, v])];
    };
    const x = array(draw([48, 32]), [48, 32]);
    using narrow = compile(model, { precision: 'bf16' });
    using wide = compile(model);
    const [actual, expected] = [await narrow(x), await wide(x)];
    expected.forEach((data, i) => {
      const error = distance(actual[i]!, Float64Array.from(data));
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(0.03);
    });
    const shape = { shape: [48, 32], dtype: 'f32' } as const;
    expect(narrow.plan(shape).arenaBytes).toBeLessThan(wide.plan(shape).arenaBytes);
  });

  it('agree to the bit when activations are computed again, in less memory', async () => {
    const random = createRandom(4);
    const draw = (shape: readonly number[]) => Float32Array.from({ length: sizeOf(shape) }, () => (random() - 0.5) / 4);
    const weights = Array.from({ length: 12 }, (_, i) => {
      const shape = i % 2 === 0 ? [128, 32] : [32, 128];
      return new Variable({ name: `w${i}`, shape, initial: draw(shape) });
    });
    const model = (x: Tensor) => {
      let h = x;
      for (let i = 0; i < 12; i += 2) h = add(h, linear(gelu(linear(layerNorm(h), weights[i]!)), weights[i + 1]!));
      const loss = mean(square(h));
      return [loss, ...gradient(loss, weights)];
    };
    const x = array(draw([64, 32]), [64, 32]);
    using kept = compile(model);
    using again = compile(model, { recompute: true });
    expect(await again(x)).toEqual(await kept(x));
    const shape = { shape: [64, 32], dtype: 'f32' } as const;
    expect(again.plan(shape).arenaBytes).toBeLessThan(0.7 * kept.plan(shape).arenaBytes);
    for (const w of weights) w.dispose();
  });

  it('agree on integers and bools', async () => {
    using step = compile((x: Tensor) => sum(cast(cast(x, 'bool'), 'i32')));
    expect(await step(Float32Array.of(0, 1, -2, 0))).toEqual(Int32Array.of(2));
  });
});
