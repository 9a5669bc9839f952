// State between steps: training, order of reads and writes, and how first elements get to the device.
import { describe, expect, it, vi } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { array, compile, Executor } from '../../lib/executor';
import { native } from '../../lib/native';
import { add, full, mul, relu, square, sub } from '../../lib/ops/elementwise';
import { softmaxCrossEntropy } from '../../lib/ops/loss';
import { linear, matmul } from '../../lib/ops/matmul';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { assign, Variable } from '../../lib/ops/state';
import { adamw } from '../../lib/ops/update';
import type { Tensor } from '../../lib/tensor';
import { createRandom } from '../compile/random-graph';

const f32 = (...elements: number[]) => Float32Array.from(elements);

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
          const after = adamw(
            { parameters, gradients, first: first!, second: second!, learningRate, step: count },
            { betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01 },
          );
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

  it('keep a small array as it was when it was written', async () => {
    using v = new Variable({ name: 'v', shape: [2] });
    await add(v, 0).data();
    const source = f32(1, 2);
    const write = vi.spyOn(native(), 'writeBuffer');
    const written = v.write(source);
    const [, , sent] = write.mock.lastCall!;
    write.mockRestore();
    source.fill(9);
    expect(sent).toEqual(f32(1, 2)); // the job itself may be done before the array changes
    await written;
    expect(await v.read()).toEqual(f32(1, 2));
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

  const refuseOnce = () => {
    const refused = { promise: Promise.reject(new Error('device full')), job: undefined as never };
    vi.spyOn(native(), 'writeBuffer').mockReturnValueOnce(refused);
  };

  it('that could not be written fail the steps and reads behind them, and are written by the next', async () => {
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    using other = compile(() => mul(v, 3), { executor });
    refuseOnce();
    const all = await Promise.allSettled([step(), other(), v.read()]);
    expect(all).toEqual(all.map(() => ({ status: 'rejected', reason: new Error('device full') })));
    expect(await other()).toEqual(f32(3, 6));
    expect([await step(), v.readSync()]).toEqual([f32(2, 4), f32(1, 2)]);
  });

  it('that could not be written are written by the next synchronous use', async () => {
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    refuseOnce();
    await expect(step()).rejects.toThrow('device full');
    vi.spyOn(native(), 'writeBufferSync').mockImplementationOnce(() => {
      throw new Error('device still full');
    });
    expect(() => step.runSync()).toThrow('device still full');
    expect(step.runSync()).toEqual(f32(2, 4));
  });

  it('that could not be written because no thread starts are there for a synchronous step', () => {
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    const spy = vi.spyOn(native(), 'writeBuffer').mockImplementation(() => {
      throw new Error('no thread');
    });
    try {
      step.plan();
      v.read().catch(() => {});
      expect([step.runSync(), v.readSync()]).toEqual([f32(2, 4), f32(1, 2)]);
    } finally {
      spy.mockRestore();
    }
  });

  it.each(['write', 'writeSync'] as const)('that could not be written are replaced by a %s', async (write) => {
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    refuseOnce();
    await expect(step()).rejects.toThrow('device full');
    await v[write](f32(5, 6));
    expect([await step(), await v.read()]).toEqual([f32(10, 12), f32(5, 6)]);
  });

  it('that fail behind a write do not come over it', async () => {
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    refuseOnce();
    const failed = step();
    const written = v.write(f32(5, 6));
    await expect(failed).rejects.toThrow('device full');
    const next = step();
    await written;
    expect([await next, await step()]).toEqual([f32(10, 12), f32(10, 12)]);
  });

  it('are there still when their buffer is refused', async () => {
    const refuseBuffer = () =>
      vi.spyOn(native(), 'createBuffer').mockImplementationOnce(() => {
        throw new Error('no memory');
      });
    using executor = new Executor({ threads: 1 });
    using v = new Variable({ name: 'v', shape: [2], initial: [1, 2] });
    using step = compile(() => mul(v, 2), { executor });
    refuseBuffer();
    await expect(step()).rejects.toThrow('no memory');
    expect(await v.read()).toEqual(f32(1, 2));
    await v.write([3, 4]);
    refuseBuffer();
    await expect(step()).rejects.toThrow('no memory');
    expect(await step()).toEqual(f32(6, 8));
  });
});
