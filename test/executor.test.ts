// Step functions from end to end: structure of results, the cache, state between steps, abort, dispose, and what is refused.
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { gradient } from '../lib/compile/gradient';
import { array, compile, defaultExecutor, Executor, evaluate, memoryUsage } from '../lib/executor';
import { native } from '../lib/native';
import { add, full, mul, relu, sin, square, sub } from '../lib/ops/elementwise';
import { softmaxCrossEntropy } from '../lib/ops/loss';
import { linear, matmul } from '../lib/ops/matmul';
import { sum } from '../lib/ops/reduce';
import { tensor } from '../lib/ops/source';
import { assign, randomState, Variable } from '../lib/ops/state';
import { adamw } from '../lib/ops/update';
import type { Tensor } from '../lib/tensor';
import { createRandom } from './compile/random-graph';

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
    await expect(step('x' as never)).rejects.toThrow('step: expected input 0 to be an array, a typed array or a number, got x');
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
    const refusal = /compile: expected/;
    const run = (fn: () => unknown) => compile(fn as () => Tensor)();
    expect(() => compile((async () => undefined) as never)).toThrow(
      'compile: expected a function that returns tensors at once, got AsyncFunction',
    );
    expect(() => compile('x' as never)).toThrow(refusal);
    await expect(run(() => Promise.resolve())).rejects.toThrow(/its result .* got Promise; a step function/);
    await expect(run(() => ({ loss: 3 }))).rejects.toThrow(/expected 'loss' to be a tensor.*got number 3/);
    await expect(run(() => f32(1))).rejects.toThrow(/got Float32Array/);
  });

  it('refuses options that do not exist', () => {
    expect(() => compile((x) => x, { precision: 'bf61' as never })).toThrow(
      "compile: expected precision to be one of f32, bf16, got 'bf61'",
    );
    expect(() => compile((x) => x, { precison: 'bf16' } as never)).toThrow(/unknown option 'precison', did you mean 'precision'/);
    expect(() => compile((x) => x, { executor: 'cpu' as never })).toThrow('compile: expected executor to be an Executor, got cpu');
    expect(() => new Executor({ thread: 2 } as never)).toThrow(/Executor: unknown option 'thread', did you mean 'threads'/);
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

describe('variables', () => {
  it('trains: gradients and updates in one step', async () => {
    using w = new Variable({ name: 'w', shape: [3, 1] });
    using step = compile((x: Tensor, y: Tensor) => {
      const loss = sum(square(sub(matmul(x, w), y)));
      assign(w, sub(w, mul(gradient(loss, w), 0.1)));
      return { loss };
    });
    const x = array(f32(1, 0, 0, 0, 1, 0, 0, 0, 1), [3, 3]);
    const y = array(f32(1, 2, 3), [3, 1]);
    let loss = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 40; i++) {
      const next = (await step(x, y)).loss[0]!;
      expect(next).toBeLessThanOrEqual(loss);
      loss = next;
    }
    expect([...(await w.read())]).toEqual([1, 2, 3].map((v) => expect.closeTo(v, 2)));
    expect(loss).toBeLessThan(1e-5);
  });

  it('train a perceptron with AdamW, to the same bits on any number of threads', async () => {
    const random = createRandom(5);
    const draw = (n: number) => Float32Array.from({ length: n }, () => random() * 2 - 1);
    const x = draw(64 * 2);
    const labels = Int32Array.from({ length: 64 }, (_, i) => Number(x[2 * i]! * x[2 * i + 1]! > 0)); // needs a hidden layer
    const weights = [draw(16 * 2), new Float32Array(16), draw(2 * 16), new Float32Array(2)];
    const train = async (threads: number) => {
      using executor = new Executor({ threads });
      const parameters = [[16, 2], [16], [2, 16], [2]].map(
        (shape, i) => new Variable({ name: `p${i}`, shape, initial: weights[i]!.slice() }),
      );
      const [first, second] = ['m', 'v'].map((kind) => parameters.map((p) => new Variable({ name: `${kind}.${p.name}`, shape: p.shape })));
      const [w1, b1, w2, b2] = parameters as [Variable, Variable, Variable, Variable];
      using step = compile(
        (input: Tensor, y: Tensor, count: Tensor) => {
          const loss = softmaxCrossEntropy(linear(relu(linear(input, w1, b1)), w2, b2), y);
          const gradients = gradient(loss, parameters);
          const learningRate = full([], 0.05);
          const after = adamw({ parameters, gradients, first: first!, second: second!, learningRate, step: count });
          parameters.forEach((p, i) => {
            assign(p, after.parameters[i]!);
            assign(first![i]!, after.first[i]!);
            assign(second![i]!, after.second[i]!);
          });
          return loss;
        },
        { executor },
      );
      const losses: number[] = [];
      for (let i = 1; i <= 200; i++) losses.push((await step(array(x, [64, 2]), labels, i))[0]!);
      return losses;
    };
    const losses = await train(1);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(await train(3)).toEqual(losses);
  });

  it('read the old value until the step ends, also when they swap', async () => {
    using a = new Variable({ name: 'a', shape: [2], initial: [1, 2] });
    using b = new Variable({ name: 'b', shape: [2], initial: [3, 4] });
    using step = compile(() => {
      assign(a, b);
      assign(b, a);
      return { a, b };
    });
    expect(await step()).toEqual({ a: f32(1, 2), b: f32(3, 4) });
    expect([await a.read(), await b.read()]).toEqual([f32(3, 4), f32(1, 2)]);
    expect(await step()).toEqual({ a: f32(3, 4), b: f32(1, 2) });
  });

  it('can be read and written before and after an executor takes them over', async () => {
    const source = f32(1, 2);
    using v = new Variable({ name: 'v', shape: [2], initial: () => source });
    (await v.read())[0] = 9;
    expect(v.readSync()).toEqual(f32(1, 2));
    await v.write([3, 4]);
    expect(await add(v, 0).data()).toEqual(f32(3, 4));
    await v.write([5, 6]);
    expect(await add(v, 0).data()).toEqual(f32(5, 6));
    v.writeSync(f32(7, 8));
    expect(v.readSync()).toEqual(f32(7, 8));
    await expect(v.write([1])).rejects.toThrow('variable v: expected 2 elements for shape (2,), got 1');
  });

  it('are written at most once a step', async () => {
    using v = new Variable({ name: 'v', shape: [1] });
    using step = compile(() => [assign(v, add(v, 1)), assign(v, add(v, 2))]);
    await expect(step()).rejects.toThrow('assign: expected at most one write of variable v in a step, got two');
    expect(() => assign(v, tensor([1, 2]))).toThrow('assign: expected shape (1,) of the variable, got (2,)');
  });
});

describe('first elements', () => {
  const long = (x: Tensor) => {
    for (let i = 0; i < 2000; i++) x = matmul(x, x);
    return x;
  };
  const square256 = array(new Float32Array(65536), [256, 256]);

  it('are written behind the running steps: to compile waits for none', async () => {
    using busy = compile(long);
    busy.plan(square256);
    const controller = new AbortController();
    const running = busy.run([square256], { signal: controller.signal });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2));
    step.plan();
    controller.abort(new Error('was still running'));
    await expect(running).rejects.toThrow('was still running');
    expect(await step()).toEqual(f32(2, 4));
  });

  it('are those at the time of compiling', async () => {
    using busy = compile(long);
    busy.plan(square256);
    const controller = new AbortController();
    const running = busy.run([square256], { signal: controller.signal });
    const initial = f32(1, 2);
    using v = new Variable({ name: 'v', shape: [2], initial });
    using step = compile(() => mul(v, 2));
    const result = step();
    initial.fill(9);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(await result).toEqual(f32(2, 4));
  });

  it('that cannot be written fail the steps and reads that need them', async () => {
    const refused = { promise: Promise.reject(new Error('device full')), job: undefined as never };
    vi.spyOn(native(), 'writeBuffer').mockReturnValueOnce(refused);
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    using other = compile(() => mul(v, 3), { executor });
    await expect(step()).rejects.toThrow('device full');
    await expect(other()).rejects.toThrow('device full');
    await expect(v.read()).rejects.toThrow('device full');
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
});

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
    });
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
    using v = new Variable({ name: 'v', shape: [256, 256], initial: new Float32Array(65536).fill(1 / 256) });
    using step = compile(() => {
      let x: Tensor = v;
      for (let i = 0; i < 2000; i++) x = matmul(x, v);
      assign(v, add(x, 1));
      return sum(x);
    });
    const before = await v.read();
    const controller = new AbortController();
    const running = step.run([], { signal: controller.signal });
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 5);
    await expect(running).rejects.toBe(reason);
    expect(await v.read()).toEqual(before);
    await expect(step.run([], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
