// A whole training step across the border: the same bits for any number of threads and any order of executors, off the event loop, stopped by a
// signal with its state intact.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { array, compile, Executor } from '../../lib/executor';
import { conv2d } from '../../lib/ops/conv';
import { full, mul, sub } from '../../lib/ops/elementwise';
import { reshape } from '../../lib/ops/layout';
import { linear } from '../../lib/ops/matmul';
import { dropout } from '../../lib/ops/random';
import { mean } from '../../lib/ops/reduce';
import { assign, Variable } from '../../lib/ops/state';
import { adamw } from '../../lib/ops/update';
import type { Shape } from '../../lib/shape';
import { sizeOf } from '../../lib/shape';
import type { Tensor } from '../../lib/tensor';
import { holdMemory, stopAtLatch } from './latch';

const wave = (shape: Shape, frequency: number): Float32Array =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(frequency * (i + 1)) / 4);

/** A small convolutional network, its training step, and all that the step changes. */
function createTraining(executor: Executor) {
  const shapes: Shape[] = [[8, 3, 3, 3], [8], [37, 8 * 14 * 14], [37], [5, 37]];
  const parameters = shapes.map((shape, i) => new Variable({ name: `p${i}`, shape, initial: wave(shape, 1.7 + i) }));
  const moments = [0, 1].map((k) => shapes.map((shape, i) => new Variable({ name: `m${k}.${i}`, shape })));
  const count = new Variable({ name: 'count', shape: [], initial: [1] });
  const [kernel, kernelBias, wide, wideBias, narrow] = parameters as [Variable, Variable, Variable, Variable, Variable];
  const step = compile(
    (x: Tensor, y: Tensor) => {
      const images = conv2d(x, kernel, kernelBias);
      const features = dropout(linear(reshape(images, [x.shape[0]!, -1]), wide, wideBias, { activation: 'gelu' }), 0.1);
      const error = sub(linear(features, narrow), y);
      const loss = mean(mul(error, error));
      const gradients = gradient(loss, parameters) as Tensor[];
      const learningRate = full([], 1e-3);
      const updated = adamw(
        { parameters, gradients, first: moments[0]!, second: moments[1]!, step: count, learningRate },
        { betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01 },
      );
      parameters.forEach((p, i) => {
        assign(p, updated.parameters[i]!);
        assign(moments[0]![i]!, updated.first[i]!);
        assign(moments[1]![i]!, updated.second[i]!);
      });
      return { loss };
    },
    { executor },
  );
  return { step, state: [...parameters, ...moments.flat()] };
}

const x = array(wave([23, 3, 16, 16], 0.37), [23, 3, 16, 16]); // read in place: more than 64 KiB
const y = array(wave([23, 5], 0.11), [23, 5]);

async function train(threads: number, steps: number) {
  using executor = new Executor({ threads, seed: 7 });
  const { step, state } = createTraining(executor);
  const losses = [];
  for (let i = 0; i < steps; i++) losses.push(await step(x, y));
  return { losses, state: await Promise.all(state.map((v) => v.read())) };
}

describe('a training step', () => {
  it('has the same bits for 1, 2, 3 and 7 threads, and when several run at once', async () => {
    const one = await train(1, 4);
    expect(one.losses[0]!.loss[0]).toBeGreaterThan(0);
    expect(one.losses[0]).not.toEqual(one.losses[1]);
    for (const other of await Promise.all([2, 3, 7].map((threads) => train(threads, 4)))) expect(other).toEqual(one);
  });

  it('knows its memory before it first runs', () => {
    using executor = new Executor({ threads: 2 });
    const { step } = createTraining(executor);
    const { arenaBytes, stateBytes, calls } = step.plan(x, y);
    expect(arenaBytes).toBeGreaterThan(4 * 23 * 37);
    expect(stateBytes).toBeGreaterThanOrEqual(3 * 4 * 37 * 8 * 14 * 14);
    expect(calls).toBeGreaterThan(5);
    expect(executor.describe().arenaBytes).toBe(arenaBytes);
  });

  it('that is aborted leaves a state from which training goes on to the same bits', async () => {
    const whole = await train(2, 3);
    using executor = new Executor({ threads: 2, seed: 7 });
    const { step, state } = createTraining(executor);
    for (let i = 0; i < 3; i++) {
      {
        const held = array(x.data.slice(), x.shape);
        using latch = holdMemory(held.data);
        await stopAtLatch(latch, (signal) => step.run([held, y], { signal }));
      }
      await step(x, y);
    }
    expect(await Promise.all(state.map((v) => v.read()))).toEqual(whole.state);
  });
});
