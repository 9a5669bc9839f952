// Step functions from end to end: structure of results, the programs kept for their shapes, and what is refused.
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { array, compile, Executor, evaluate, memoryUsage } from '../../lib/executor';
import { add, mul, square } from '../../lib/ops/elementwise';
import { linear, matmul } from '../../lib/ops/matmul';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { assign, Variable } from '../../lib/ops/state';
import type { Tensor } from '../../lib/tensor';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const f32 = (...elements: number[]) => Float32Array.from(elements);

describe('evaluate', () => {
  it('computes one tensor, and several that share nodes', async () => {
    const x = square(tensor([1, 2, 3]));
    expect(await x.data()).toEqual(f32(1, 4, 9));
    const [a, b, again] = await evaluate(add(x, 1), sum(x), x);
    expect([a, b, again]).toEqual([f32(2, 5, 10), f32(14), f32(1, 4, 9)]);
  });

  it('shows a tensor as what it is', () => {
    const w = new Variable({ name: 'w', shape: [3, 2] });
    expect(
      inspect(
        linear(
          tensor([
            [1, 2],
            [3, 4],
          ]),
          w,
        ),
      ),
    ).toMatch(/^Tensor \(2, 3\) f32 \w+$/);
  });

  it('refuses what is no number', () => {
    for (const wrong of [['a'], 'a', undefined, [1, [null]], BigInt64Array.of(1n)])
      expect(() => tensor(wrong as never)).toThrow(/tensor: expected numbers, nested arrays of them or a typed array, got/);
    expect(tensor(Float64Array.of(1, 2)).dtype).toBe('f32');
  });

  it('copies leaves, views and results asked for twice', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const y = add(x, x);
    expect(await evaluate(x, y, y)).toEqual([f32(1, 2, 3, 4), f32(2, 4, 6, 8), f32(2, 4, 6, 8)]);
  });

  it('writes a variable when an assignment is evaluated', async () => {
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    expect(await assign(v, mul(v, 3)).data()).toEqual(f32(3, 6));
    expect(await v.read()).toEqual(f32(3, 6));
  });
});

describe('compile', () => {
  it('returns arrays in the structure of the tensors', async () => {
    using step = compile((x: Tensor) => ({ twice: mul(x, 2), list: [square(x), { deep: sum(x) }] }));
    expect(await step(f32(1, 2))).toEqual({ twice: f32(2, 4), list: [f32(1, 4), { deep: f32(3) }] });
  });

  it('traces once for each combination of shapes and dtypes', async () => {
    let traced = 0;
    using step = compile((x: Tensor) => {
      traced++;
      return sum(x);
    });
    const results = [await step(f32(1, 2)), await step(f32(3, 4)), await step(array(f32(1, 2), [2, 1])), await step(Int32Array.of(5, 6))];
    expect(results).toEqual([f32(3), f32(7), f32(3), Int32Array.of(11)]);
    expect(traced).toBe(3);
  });

  it('keeps as many programs as it may, those used last', async () => {
    let traced = 0;
    const fn = (x: Tensor) => {
      traced++;
      return sum(x);
    };
    using step = compile(fn, { programs: 2 });
    for (const n of [1, 2, 1, 3, 1]) await step(new Float32Array(n));
    expect(traced).toBe(3);
    await step(new Float32Array(2));
    expect(traced).toBe(4);
    expect(() => compile(fn, { programs: 0 })).toThrow('compile: expected programs to be an integer in [1, ');
  });

  it('frees the programs that make room, once they have run', async () => {
    using step = compile((x: Tensor) => sum(x), { programs: 2 });
    await Promise.all([1, 2].map((n) => step(new Float32Array(n))));
    const before = memoryUsage().objects;
    const sums = await Promise.all(Array.from({ length: 50 }, (_, n) => step(new Float32Array(n + 1).fill(1))));
    expect(sums.map(([n]) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(memoryUsage().objects).toBeLessThanOrEqual(before);
  });

  it('holds on to no graph', async () => {
    const recorded: WeakRef<Tensor>[] = [];
    using step = compile((x: Tensor) => {
      const twice = mul(x, 2);
      recorded.push(new WeakRef(twice));
      return { list: [twice], total: sum(twice) };
    });
    expect(await step(f32(1, 2))).toEqual({ list: [f32(2, 4)], total: f32(6) });
    await vi.waitFor(() => {
      collectGarbage();
      expect(recorded[0]!.deref()).toBeUndefined();
    }, 30_000);
    expect(await step(f32(1, 2))).toEqual({ list: [f32(2, 4)], total: f32(6) });
  });

  it('takes numbers as scalars and runs in place', async () => {
    using step = compile((x: Tensor, rate: Tensor) => mul(x, rate));
    expect(await step(f32(1, 2), 0.5)).toEqual(f32(0.5, 1));
    expect(step.runSync(f32(1, 2), 3)).toEqual(f32(3, 6));
  });

  it('ignores inputs that nothing reads', async () => {
    using step = compile((_: Tensor, x: Tensor) => mul(x, 2));
    expect(await step(f32(1, 2, 3), f32(4))).toEqual(f32(8));
  });

  it('runs concurrent calls one after another', async () => {
    using count = new Variable({ name: 'count', shape: [1] });
    using step = compile(() => assign(count, add(count, 1)));
    const results = await Promise.all(Array.from({ length: 20 }, () => step()));
    expect(results.map((r) => r[0])).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('refuses inputs of the wrong kind', async () => {
    using step = compile((x: Tensor) => x);
    await expect(step('x' as never)).rejects.toThrow("step: expected input 0 to be an array, a typed array or a number, got 'x'");
    expect(() => array(f32(1, 2), [3])).toThrow('array: expected 3 elements for shape (3,), got 2');
    expect(() => array(f32(1, 2), [2], { dtype: 'i32' })).toThrow('array: expected a Int32Array for dtype i32, got Float32Array');
  });

  it('takes plain numbers through array', async () => {
    using step = compile((x: Tensor) => mul(x, 2));
    expect(await step(array([1, 2, 3], [3, 1]))).toEqual(f32(2, 4, 6));
    expect(array([1, 2])).toEqual({ data: f32(1, 2), shape: [2], dtype: 'f32' });
    expect(array([1, 2], [2], { dtype: 'i32' }).data).toEqual(Int32Array.of(1, 2));
    expect(array(Float64Array.of(1, 2)).data).toEqual(f32(1, 2));
    expect(() => array(['a'] as never)).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_DTYPE' }));
    await expect(step(Float64Array.of(1) as never)).rejects.toThrow(/got Float64Array; use array\(numbers, shape\), or Float32Array.from/);
    await expect(step([1, 2] as never)).rejects.toThrow(/got Array; use array/);
  });

  it('refuses too few inputs and too many', async () => {
    using step = compile((x: Tensor, y: Tensor) => add(x, y));
    await expect(step(1)).rejects.toThrow('step: expected 2 inputs, one for each parameter of its function, got 1');
    await expect(step(1, 2, 3)).rejects.toThrow('step: expected 2 inputs, one for each parameter of its function, got 3');
    using open = compile((x: Tensor, ...rest: Tensor[]) => rest.reduce((a, b) => add(a, b), x));
    expect(await open(1, 2, 3)).toEqual(f32(6));
  });

  it('refuses functions that return no tensors', async () => {
    const run = (fn: () => unknown) => compile(fn as () => Tensor)();
    expect(() => compile((async () => undefined) as never)).toThrow(
      'compile: expected a function that returns tensors at once, got AsyncFunction',
    );
    expect(() => compile('x' as never)).toThrow("compile: expected a function that returns tensors at once, got 'x'");
    await expect(run(() => Promise.resolve())).rejects.toThrow(/its result .* got Promise; a step function/);
    await expect(run(() => ({ loss: 3 }))).rejects.toThrow(/expected 'loss' to be a tensor.*got 3/);
    await expect(run(() => f32(1))).rejects.toThrow(/got Float32Array/);
  });

  it('refuses options that do not exist', () => {
    expect(() => compile((x) => x, { precision: 'bf61' as never })).toThrow(
      "compile: expected precision to be one of f32, bf16, got 'bf61'",
    );
    expect(() => compile((x) => x, { precison: 'bf16' } as never)).toThrow(/unknown option 'precison', did you mean 'precision'/);
    expect(() => compile((x) => x, { executor: 'cpu' as never })).toThrow("compile: expected executor to be an Executor, got 'cpu'");
    expect(() => new Executor({ thread: 2 } as never)).toThrow(/Executor: unknown option 'thread', did you mean 'threads'/);
    expect(() => new Executor(5 as never)).toThrow('Executor: expected options as an object, got 5');
    expect(() => compile((x) => x, null as never)).toThrow('compile: expected options as an object, got null');
    expect(() => array([1], [1], null as never)).toThrow('array: expected options as an object, got null');
  });

  it('refuses a signal that is none', async () => {
    using step = compile((x: Tensor) => x);
    await expect(step.run([1], null as never)).rejects.toThrow('step: expected options as an object, got null');
    await expect(step.run([1], { signal: 5 } as never)).rejects.toThrow('step: expected signal to be an AbortSignal, got 5');
  });

  it('plans before the first step', () => {
    using w = new Variable({ name: 'w', shape: [8, 4] });
    using step = compile((x: Tensor) => sum(square(matmul(x, w))));
    const plan = step.plan({ shape: [16, 8], dtype: 'f32' });
    expect(plan).toMatchObject({ stateBytes: 128, constantBytes: 0 });
    expect(plan.arenaBytes).toBeGreaterThanOrEqual(16 * 4 * 4);
    expect(plan.calls).toBe(3);
  });
});

describe('trace', () => {
  it('says how long each kernel took while it was on', async () => {
    using step = compile((x: Tensor) => matmul(x, x));
    const x = array(new Float32Array(64 * 64), [64, 64]);
    await step(x);
    expect(step.trace(true)).toEqual([]);
    await step(x);
    await step(x);
    expect(step.trace(false)).toEqual([{ name: 'matmul', calls: 2, milliseconds: expect.any(Number) }]);
  });

  it('leaves out programs that went with their executor', async () => {
    const executor = new Executor({ threads: 1 });
    using step = compile((x: Tensor) => square(x), { executor });
    step.trace(true);
    await step(1);
    executor.dispose();
    expect(step.trace(false)).toEqual([]);
  });

  it('counts programs that came while it was on, and those that made room', async () => {
    using step = compile((x: Tensor) => matmul(x, x), { programs: 1 });
    step.trace(true);
    for (const n of [8, 9, 10]) await step(array(new Float32Array(n * n), [n, n]));
    expect(step.trace(false)).toEqual([{ name: 'matmul', calls: 3, milliseconds: expect.any(Number) }]);
    await step(array(new Float32Array(64), [8, 8]));
    expect(step.trace(false)).toEqual([]);
  });
});
