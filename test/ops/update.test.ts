// Updates in a step: in place on variables, clipped, skipped when a gradient is not finite.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { compile } from '../../lib/executor';
import { mul, square } from '../../lib/ops/elementwise';
import { sum } from '../../lib/ops/reduce';
import { assign, Variable } from '../../lib/ops/state';
import { adamw, clipFactor, ema, globalNorm, sgd } from '../../lib/ops/update';
import type { Tensor } from '../../lib/tensor';

const state = (name: string, ...values: number[]) => new Variable({ name, shape: [values.length], initial: Float32Array.from(values) });

describe('updates in a step', () => {
  it('sgd goes down a slope in place, and a step with a gradient that is not finite changes nothing', async () => {
    using p = state('p', 3, -4);
    using v = state('v', 0, 0);
    using step = compile((x: Tensor, rate: Tensor) => {
      const loss = sum(mul(square(p), x));
      const gradients = gradient(loss, [p]);
      const scale = clipFactor(globalNorm(gradients), 5);
      const next = sgd(
        { parameters: [p], gradients, velocities: [v], learningRate: rate, gradientScale: scale },
        { momentum: 0.9, decay: 0 },
      );
      assign(p, next.parameters[0]!);
      assign(v, next.velocities[0]!);
      return { loss };
    });
    expect((await step(1, 0.1)).loss[0]).toBe(25);
    const [first] = [[...p.readSync()]]; // the gradient (6, -8) has norm 10, so it is halved
    expect(first![0]).toBeCloseTo(3 - 0.3, 5);
    expect(first![1]).toBeCloseTo(-4 + 0.4, 5);
    await step(Number.POSITIVE_INFINITY, 0.1);
    await step(Number.NaN, 0.1);
    expect([...p.readSync()]).toEqual(first);
  });

  it('adamw and ema write their states', async () => {
    using p = state('p', 1, 2, 3);
    using m = state('m', 0, 0, 0);
    using v = state('v', 0, 0, 0);
    using average = state('average', 0, 0, 0);
    using step = compile((count: Tensor, rate: Tensor, decay: Tensor) => {
      const gradients = gradient(sum(square(p)), [p]);
      const next = adamw(
        { parameters: [p], gradients, first: [m], second: [v], step: count, learningRate: rate },
        { betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01 },
      );
      assign(p, next.parameters[0]!);
      assign(m, next.first[0]!);
      assign(v, next.second[0]!);
      assign(average, ema([average], [next.parameters[0]!], decay)[0]!);
      return {};
    });
    await step(1, 0.1, 0.5);
    const moved = [1, 2, 3].map((x) => x * (1 - 0.1 * 0.01) - 0.1); // the first step goes the whole learning rate
    for (const i of moved.keys()) {
      expect(p.readSync()[i]).toBeCloseTo(moved[i]!, 5);
      expect(average.readSync()[i]).toBeCloseTo(moved[i]! / 2, 5);
      expect(m.readSync()[i]).toBeCloseTo(0.2 * (i + 1), 6);
    }
  });

  it('refuse options that do not exist and what is no tensor', () => {
    const p = state('p', 1);
    const inputs = { parameters: [p], gradients: [p], learningRate: p };
    const adam = { ...inputs, first: [p], second: [p], step: p };
    const options = { betas: [0.9, 0.999] as const, epsilon: 1e-8, decay: 0 };
    const wrong: [() => unknown, string][] = [
      [() => adamw({ ...adam, gradient: [p] } as never, options), "adamw: unknown option 'gradient', did you mean 'gradients'?"],
      [() => adamw(adam, { ...options, epsilom: 1 } as never), "adamw: unknown option 'epsilom', did you mean 'epsilon'?"],
      [() => adamw({ ...adam, second: undefined } as never, options), 'adamw: expected a list of tensors, got undefined'],
      [() => adamw({ ...adam, step: 1 } as never, options), 'adamw: expected a tensor, got 1'],
      [
        () => adamw(adam, { ...options, decay: undefined } as never),
        'adamw: expected decay to be a number or a list of them, got undefined',
      ],
      [() => adamw(adam, { ...options, betas: 'x' } as never), "adamw: expected betas to be a number or a list of them, got 'x'"],
      [
        () => sgd({ ...inputs, velocities: [[1]] } as never, { momentum: 0, decay: 0 }),
        'sgd: expected a tensor, got Array; use tensor(...)',
      ],
      [
        () => sgd({ ...inputs, velocities: [p] }, { momentum: 0, decay: 0, nestrov: true } as never),
        "sgd: unknown option 'nestrov', did you mean",
      ],
      [() => ema([p], p as never, p), 'ema: expected a list of tensors, got Variable'],
      [() => ema([p], [p], 0.9 as never), 'ema: expected a tensor, got 0.9'],
      [() => globalNorm(p as never), 'global_norm: expected a list of tensors, got Variable'],
      [() => clipFactor(5 as never, 1), 'clip_factor: expected a tensor, got 5'],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });

  it('lists must be as long as the parameters', () => {
    const p = state('p', 1);
    expect(() => sgd({ parameters: [p], gradients: [], velocities: [p], learningRate: p }, { momentum: 0, decay: 0 })).toThrow(
      'sgd: expected 1 gradients, one for each parameter, got 0',
    );
  });
});
