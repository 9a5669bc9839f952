// What an executor owns and when it is freed; the random counter; abort.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { array, compile, defaultExecutor, Executor, memoryUsage } from '../../lib/executor';
import { add, mul, sin } from '../../lib/ops/elementwise';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { assign, randomState, Variable } from '../../lib/ops/state';
import type { Tensor } from '../../lib/tensor';
import { holdMemory, stopAtLatch } from '../border/latch';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const f32 = (...elements: number[]) => Float32Array.from(elements);

describe('executor', () => {
  it('keeps the random counter, which advances once a step that draws', async () => {
    using executor = new Executor({ seed: 2 ** 40 + 7, threads: 1 });
    using step = compile(() => add(randomState(), 0), { executor });
    expect(await step()).toEqual(Int32Array.of(7, 256, 0, 0));
    expect(await step()).toEqual(Int32Array.of(7, 256, 1, 0));
    expect(await executor.random.read()).toEqual(Int32Array.of(7, 256, 2, 0));
    await executor.random.write([7, 256, 0, 0]);
    expect(await step()).toEqual(Int32Array.of(7, 256, 0, 0));
    expect(() => new Executor({ seed: 0.5 })).toThrow('Executor: expected seed to be an integer in [0, 9007199254740991], got 0.5');
  });

  it('does not share variables with another', async () => {
    using first = new Executor();
    using second = new Executor();
    using v = new Variable({ name: 'v', shape: [1] });
    using one = compile(() => add(v, 1), { executor: first });
    using two = compile(() => add(v, 1), { executor: second });
    await one();
    await expect(two()).rejects.toThrow('variable v: expected one of this executor, got one that another executor uses');
  });

  it('frees what it owns', async () => {
    const before = memoryUsage().bytes;
    const executor = new Executor();
    const v = new Variable({ name: 'v', shape: [1 << 18] });
    const step = compile(() => assign(v, add(v, 1)), { executor });
    await step();
    expect(memoryUsage().bytes).toBeGreaterThanOrEqual(before + 2 ** 20);
    step.dispose();
    executor.dispose();
    executor.dispose();
    expect(memoryUsage().bytes).toBe(before);
    await expect(v.read()).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DISPOSED' });
    await expect(step()).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DISPOSED' });
    expect(() => executor.describe()).toThrow('executor: expected one in use');
  });

  it('frees the programs of its steps, which then refuse to run', async () => {
    const before = memoryUsage().bytes;
    const executor = new Executor();
    const step = compile((x) => mul(sin(x), 2), { executor });
    await step(new Float32Array(8));
    executor.dispose();
    expect(memoryUsage().bytes).toBe(before);
    await expect(step(new Float32Array(8))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DISPOSED' });
    step.dispose();
  });

  it('remembers nothing of variables that are collected', async () => {
    using executor = new Executor({ threads: 1 });
    for (let i = 0; i < 1000; i++) executor.attach(new Variable({ name: `v${i}`, shape: [4] }));
    const owned = Reflect.get(executor, 'owned') as ReadonlySet<unknown>;
    expect(owned.size).toBe(1000);
    await vi.waitFor(() => {
      collectGarbage();
      expect(owned.size).toBeLessThan(10);
    }, 30_000);
  });

  it('frees a program whose variables it cannot have', async () => {
    using executor = new Executor({ threads: 1 });
    using other = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2] });
    other.attach(v);
    using step = compile((x: Tensor) => add(v, x), { executor });
    const attempt = () => expect(step(1)).rejects.toThrow('variable v: expected one of this executor, got one that another executor uses');
    await attempt(); // makes the arena
    const before = memoryUsage().objects;
    for (let i = 0; i < 5; i++) await attempt();
    expect(memoryUsage().objects).toBeLessThanOrEqual(before);
  });

  it('is made anew when the default one is disposed of', async () => {
    using step = compile((x: Tensor) => mul(x, 2));
    const before = defaultExecutor();
    before.dispose();
    expect(defaultExecutor()).not.toBe(before);
    expect(defaultExecutor()).toBe(defaultExecutor());
    expect(await tensor([1, 2]).data()).toEqual(f32(1, 2));
    expect(await step(1)).toEqual(f32(2));
  });

  it('stops at an abort with the reason of the signal, and state is as before', async () => {
    using v = new Variable({ name: 'v', shape: [200, 200], initial: new Float32Array(40_000).fill(1 / 200) });
    using step = compile((x: Tensor) => {
      const total = sum(x); // held here
      assign(v, add(v, total));
      return total;
    });
    const before = await v.read();
    const x = array(new Float32Array(40_000).fill(1), [200, 200]);
    using latch = holdMemory(x.data);
    await stopAtLatch(latch, (signal) => step.run([x], { signal }));
    expect(await v.read()).toEqual(before);
    const reason = new Error('enough');
    await expect(step.run([x], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
