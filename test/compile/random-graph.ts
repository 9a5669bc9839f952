// Random graphs for properties that must hold for every graph: a seeded generator over operations of every kind (point-wise, views, reductions, products).
import { add, gelu, mul, neg, sub, tanh } from '../../lib/ops/elementwise';
import { concat, expand, permute, reshape, slice } from '../../lib/ops/layout';
import { matmul } from '../../lib/ops/matmul';
import { max, sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { sameShape, sizeOf } from '../../lib/shape';
import type { Tensor } from '../../lib/tensor';

/** Uniform numbers in [0, 1) (Mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const leafShapes = [[3, 4], [4, 3], [3, 1], [4], [2, 3, 4]];

/** Some results of a graph of about `size` nodes. */
export function randomGraph(seed: number, size: number): Tensor[] {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const pool: Tensor[] = leafShapes.map((shape) =>
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, () => random() - 0.5),
      shape,
    ),
  );
  const like = (x: Tensor) => pick(pool.filter((y) => sameShape(x.shape, y.shape)));
  const axisOf = (x: Tensor) => Math.floor(random() * x.shape.length);
  const reverse = (x: Tensor) =>
    permute(
      x,
      x.shape.map((_, i) => x.shape.length - 1 - i),
    );

  const moves: ((x: Tensor) => Tensor)[] = [
    (x) => tanh(add(x, like(x))),
    (x) => sub(gelu(x), like(x)),
    (x) => mul(neg(x), 0.5),
    (x) => mul(like(x), x),
    reverse,
    (x) => reshape(x, [sizeOf(x.shape)]),
    (x) => tanh(sum(x, { axes: axisOf(x), keepDimensions: true })),
    (x) => add(expand(max(x, { axes: axisOf(x), keepDimensions: true }), x.shape), x),
    (x) => (x.shape.at(-1)! < 2 ? x : slice(x, { axis: -1, start: 1 })),
    (x) => (sizeOf(x.shape) > 200 ? x : concat([x, like(x)], { axis: axisOf(x) })),
    (x) => (x.shape.length === 2 ? tanh(matmul(x, reverse(like(x)))) : x),
  ];
  for (let i = 0; i < size; i++) {
    const x = pick(pool.slice(-12));
    if (x.shape.length > 0) pool.push(pick(moves)(x));
  }
  return Array.from({ length: 3 }, () => pick(pool.slice(-8)));
}
