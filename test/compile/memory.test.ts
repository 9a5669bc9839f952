// The planner: no two tensors that live at the same time share memory, whatever the graph; and what a step computes does not depend on the plan.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileGraph } from '../../lib/compile/compile';
import { rootOf } from '../../lib/compile/graph';
import type { Block, MemoryPlan } from '../../lib/compile/memory';
import { placeBlocks } from '../../lib/compile/memory';
import { traceGraph } from '../../lib/compile/trace';
import { array, compile, Executor, evaluate } from '../../lib/executor';
import { add, exp, gelu, mul, tanh } from '../../lib/ops/elementwise';
import { permute } from '../../lib/ops/layout';
import { matmul } from '../../lib/ops/matmul';
import { input } from '../../lib/ops/source';
import type { Tensor } from '../../lib/tensor';
import { createRandom, randomGraph } from './random-graph';

const overlap = (a: Block, b: Block): boolean =>
  a.birth <= b.death && b.birth <= a.death && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;

/** Pairs of blocks that overlap in time and in memory. */
const collisions = (blocks: readonly Block[]): [Block, Block][] =>
  blocks.flatMap((a, i) => blocks.slice(i + 1).flatMap((b): [Block, Block][] => (overlap(a, b) ? [[a, b]] : [])));

/** The smallest arena that any plan could have. */
function peakOf(blocks: readonly Block[]): number {
  const at = (time: number) => blocks.filter((b) => b.birth <= time && b.death >= time).reduce((n, b) => n + b.bytes, 0);
  return Math.max(0, ...blocks.map((b) => at(b.birth)));
}

const planOf = (outputs: readonly Tensor[]): MemoryPlan => compileGraph(traceGraph([], outputs, [])).plan;
const matrix = (): Tensor => input(0, { shape: [16, 16], dtype: 'f32' });

describe('placeBlocks', () => {
  it('never lets blocks collide, and stays near the least possible', () => {
    const random = createRandom(7);
    const integer = (n: number) => Math.floor(random() * n);
    for (let round = 0; round < 300; round++) {
      const blocks = Array.from({ length: 1 + integer(40) }, () => {
        const birth = integer(50);
        return { bytes: 64 * integer(20), birth, death: birth + integer(15), offset: -1 };
      });
      const bytes = placeBlocks(blocks);
      expect(collisions(blocks)).toEqual([]);
      expect(bytes).toBe(Math.max(...blocks.map((b) => b.offset + b.bytes)));
      expect(bytes).toBeLessThanOrEqual(1.5 * peakOf(blocks) + 64);
    }
  });
});

describe('planMemory', () => {
  let executor: Executor;
  beforeAll(() => {
    process.env.TENSORWOOD_POISON = '1';
    executor = new Executor({ threads: 2 });
  });
  afterAll(() => {
    delete process.env.TENSORWOOD_POISON;
    executor.dispose();
  });

  it('keeps what is read later, for random graphs', () => {
    for (let seed = 0; seed < 60; seed++) {
      const { graph, blocks, arenaBytes } = planOf(randomGraph(seed, 60));
      expect(collisions([...new Set(blocks.values())])).toEqual([]);
      expect(arenaBytes % 64).toBe(0);
      graph.nodes.forEach((node, position) => {
        if (node.operation.view) return;
        for (const x of node.inputs) {
          const block = blocks.get(rootOf(x));
          if (block) expect(block.birth < position && block.death >= position, `seed ${seed}, node ${position}`).toBe(true);
        }
      });
    }
  });

  it('gives the same bits as memory that is never shared, in a poisoned arena', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const results = randomGraph(seed, 60);
      const shared = await evaluate(...results);
      using apart = compile(() => results, { executor, reuse: false });
      using planned = compile(() => results, { executor });
      expect(await planned(), `seed ${seed}`).toEqual(shared);
      expect(await apart(), `seed ${seed}`).toEqual(shared);
      for (const data of shared) expect(data.every(Number.isFinite), `seed ${seed}`).toBe(true);
    }
  });

  it('writes point-wise results over operands that nothing else reads', () => {
    const product = matmul(matrix(), matrix());
    const plan = planOf([matmul(gelu(product), matrix())]);
    expect(plan.arenaBytes).toBe(16 * 16 * 4);
  });

  it('does not when the operand is read again, or read in another order too', () => {
    const product = matmul(matrix(), matrix());
    expect(planOf([matmul(gelu(product), product)]).arenaBytes).toBe(2 * 1024);
    expect(planOf([matmul(add(product, permute(product, [1, 0])), matrix())]).arenaBytes).toBe(2 * 1024);
  });

  it('needs two blocks for a chain of any length', () => {
    let x = matrix();
    for (let i = 0; i < 20; i++) x = matmul(x, matrix());
    expect(planOf([x]).arenaBytes).toBe(2 * 1024);
  });

  it('lets a result be the memory of its last operation', async () => {
    using step = compile((x: Tensor) => ({ y: exp(mul(tanh(matmul(x, x)), 2)) }));
    expect(step.plan({ shape: [16, 16], dtype: 'f32' })).toMatchObject({ arenaBytes: 1024, calls: 2 });
    const { y } = await step(array(new Float32Array(256), [16, 16]));
    expect(y).toEqual(new Float32Array(256).fill(1));
  });
});
