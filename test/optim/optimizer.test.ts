// Optimizers: against their formulas in double precision over several steps, which parameters decay, and that k batches of b are one of k b.
import { describe, expect, it } from 'vitest';
import { array, compile, defaultExecutor } from '../../lib/executor';
import { definition as mlp } from '../../lib/models/mlp';
import { createModel } from '../../lib/models/model';
import { definition as vit } from '../../lib/models/vit';
import { trainable } from '../../lib/nn/module';
import { full } from '../../lib/ops/elementwise';
import { Variable } from '../../lib/ops/state';
import { createOptimizer, decays, optimizerSchema } from '../../lib/optim/optimizer';
import { parse } from '../../lib/schema';
import type { Tensor } from '../../lib/tensor';
import { orderedBatches } from '../../lib/train/batches';
import { createStepper } from '../../lib/train/step';
import { syntheticExamples } from '../models/synthetic';

const first = [1, -2, 0.5, 3, -0.25, 0.125];
const gradients = [
  [0.1, -0.2, 0.3, 0, 1, -1],
  [0.5, 0.5, -0.5, 0.25, -1, 0],
  [-0.1, 0, 0.2, 2, 0.5, 0.5],
];
const rates = [0.1, 0.05, 0.2];

type Given = Parameters<typeof parse<typeof optimizerSchema>>[2];

async function runOptimizer(given: Given): Promise<number[]> {
  const options = parse('optimizer', optimizerSchema, given);
  using weight = new Variable({ name: 'w', shape: [2, 3], initial: first });
  const optimizer = createOptimizer([weight], options);
  using step = compile((g, learningRate, at) => {
    optimizer.update({ gradients: [g!], learningRate: learningRate!, step: at!, gradientScale: full([], 1) });
    return undefined;
  });
  for (const [i, g] of gradients.entries()) await step(array(Float32Array.from(g), [2, 3]), rates[i]!, i + 1);
  for (const variable of optimizer.variables.values()) variable.dispose();
  return [...((await weight.read()) as Float32Array)];
}

const expectClose = (actual: number[], expected: number[]): void => {
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-6);
  });
};

describe('createOptimizer', () => {
  it('adamw is the formula of the paper', async () => {
    const options = { optimizer: 'adamw', weightDecay: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 1e-3 } as const;
    const p = [...first];
    const m = first.map(() => 0);
    const v = first.map(() => 0);
    for (const [i, g] of gradients.entries()) {
      for (let j = 0; j < p.length; j++) {
        m[j] = 0.8 * m[j]! + 0.2 * g[j]!;
        v[j] = 0.9 * v[j]! + 0.1 * g[j]! ** 2;
        const [mean, square] = [m[j]! / (1 - 0.8 ** (i + 1)), v[j]! / (1 - 0.9 ** (i + 1))];
        p[j] = p[j]! * (1 - rates[i]! * 0.1) - (rates[i]! * mean) / (Math.sqrt(square) + 1e-3);
      }
    }
    expectClose(await runOptimizer(options), p);
  });

  it.each([true, false])('sgd with momentum, nesterov %s, is the formula of PyTorch', async (nesterov) => {
    const p = [...first];
    const velocity = first.map(() => 0);
    for (const [i, g] of gradients.entries()) {
      for (let j = 0; j < p.length; j++) {
        const slope = g[j]! + 0.1 * p[j]!;
        velocity[j] = 0.7 * velocity[j]! + slope;
        p[j] = p[j]! - rates[i]! * (nesterov ? slope + 0.7 * velocity[j]! : velocity[j]!);
      }
    }
    expectClose(await runOptimizer({ optimizer: 'sgd', weightDecay: 0.1, momentum: 0.7, nesterov }), p);
  });

  it('takes any options and numbers: what is left out has its default', async () => {
    const run = async (given: Given, rest: { learningRate?: number; gradientScale?: number }) => {
      using weight = new Variable({ name: 'w', shape: [6], initial: first });
      const optimizer = createOptimizer([weight], given);
      using step = compile((g: Tensor, at: Tensor) => void optimizer.update({ gradients: [g], step: at, ...rest }));
      await step(Float32Array.from(gradients[0]!), 1);
      return [...(await weight.read())];
    };
    const sgd = { optimizer: 'sgd', weightDecay: 0 } as const;
    const moved = first.map((p, i) => p - 0.5 * gradients[0]![i]!);
    expectClose(await run({ ...sgd, learningRate: 0.5 }, {}), moved);
    expectClose(await run(sgd, { learningRate: 0.25, gradientScale: 2 }), moved);
  });

  it('refuses to optimize nothing, and options that do not exist', () => {
    using weight = new Variable({ name: 'w', shape: [6], initial: first });
    expect(() => createOptimizer([])).toThrow(/at least one trainable variable/);
    expect(() => createOptimizer([weight], { learningrate: 1 } as never)).toThrow(
      /unknown option 'learningrate', did you mean 'learningRate'/,
    );
    expect(() => createOptimizer([weight], { learningRate: -1 })).toThrow(/createOptimizer: expected learningRate to be a number/);
  });

  it('refuses a step without gradients or count', () => {
    using weight = new Variable({ name: 'w', shape: [6], initial: first });
    const optimizer = createOptimizer([weight]);
    const update = (given: unknown) => () => optimizer.update(given as never);
    const g = full([6], 1);
    expect(update(undefined)).toThrow(/optimizer: expected gradients to be tensors/);
    expect(update({ step: full([], 1) })).toThrow(/optimizer: expected gradients to be tensors/);
    expect(update({ gradients: [g] })).toThrow(/optimizer: expected step to be a tensor that counts from 1/);
    expect(update({ gradients: [g], step: 1 })).toThrow(/optimizer: expected step to be a tensor/);
    expect(update({ gradients: [g], step: full([], 1), learningRate: '1' })).toThrow(
      /expected learningRate to be a number or a tensor, got '1'/,
    );
  });
});

describe('decays', () => {
  it('exempts biases, norms, the class token and positions, and nothing else', () => {
    const exempt = trainable(createModel(vit, { ...vit.tiny, pool: 'cls', depth: 1 }).variables)
      .filter((v) => !decays(v))
      .map((v) => v.name);
    expect(exempt).toEqual([
      'cls_token',
      'pos_embed',
      'patch_embed.proj.bias',
      'blocks.0.norm1.weight',
      'blocks.0.norm1.bias',
      'blocks.0.attn.qkv.bias',
      'blocks.0.attn.proj.bias',
      'blocks.0.norm2.weight',
      'blocks.0.norm2.bias',
      'blocks.0.mlp.fc1.bias',
      'blocks.0.mlp.fc2.bias',
      'norm.weight',
      'norm.bias',
      'head.bias',
    ]);
  });
});

describe('createStepper', () => {
  const model = createModel(mlp, { inputs: 12, hidden: [16], classes: 4 }, { seed: 5 });
  const data = syntheticExamples(model, { size: 24, classes: 4 });

  async function weightsAfter(accumulate: number, given: object = {}): Promise<{ weights: number[]; losses: number[]; norms: number[] }> {
    using fresh = createModel(mlp, { inputs: 12, hidden: [16], classes: 4 }, { seed: 5 });
    const options = { ...parse('o', optimizerSchema, { learningRate: 0.01 }), clip: 0.5, average: 0, accumulate, ...given };
    const stepper = createStepper(fresh, options, defaultExecutor());
    const batches = [...orderedBatches(data, 24 / accumulate)];
    const results = [];
    for (let step = 1; step <= 4; step++) results.push(await stepper.step(batches, { learningRate: 0.01, step }));
    const weights = [];
    for (const v of fresh.variables.values()) weights.push(...((await v.read()) as Float32Array));
    stepper.dispose();
    return { weights, losses: results.map((r) => r.loss), norms: results.map((r) => r.gradientNorm) };
  }

  it.each([2, 3])('%d batches of b are one of so many b', async (k) => {
    const whole = await weightsAfter(1);
    const parts = await weightsAfter(k);
    for (const key of ['weights', 'losses', 'norms'] as const) {
      parts[key].forEach((value, i) => {
        expect(Math.abs(value - whole[key][i]!)).toBeLessThan(1e-5);
      });
    }
  });

  it('clips: SGD moves by the learning rate times the limit', async () => {
    const sgd = parse('o', optimizerSchema, { optimizer: 'sgd', momentum: 0, weightDecay: 0, learningRate: 0.01 });
    using fresh = createModel(mlp, { inputs: 12, hidden: [16], classes: 4 }, { seed: 5 });
    const before = await Promise.all([...fresh.variables.values()].map((v) => v.read()));
    const stepper = createStepper(fresh, { ...sgd, clip: 0.01, accumulate: 1, average: 0 }, defaultExecutor());
    const [batch] = [...orderedBatches(data, 24)];
    const { gradientNorm } = await stepper.step([batch!], { learningRate: 2, step: 1 });
    const after = await Promise.all([...fresh.variables.values()].map((v) => v.read()));
    const moved = Math.sqrt(after.flatMap((a, i) => [...a].map((x, j) => (x - before[i]![j]!) ** 2)).reduce((a, b) => a + b, 0));
    expect(gradientNorm).toBeGreaterThan(0.1);
    expect(moved).toBeCloseTo(2 * 0.01, 4);
    stepper.dispose();
  });

  it('averages follow the weights with the decay of the step, and swap with them', async () => {
    using fresh = createModel(mlp, { inputs: 12, hidden: [], classes: 4 }, { seed: 5 });
    const options = { ...parse('o', optimizerSchema, {}), clip: 0, accumulate: 1, average: 0.999 };
    const stepper = createStepper(fresh, options, defaultExecutor());
    const [batch] = [...orderedBatches(data, 24)];
    const weight = fresh.variables.get('head.weight')!;
    const expected = [...(await weight.read())];
    for (let step = 1; step <= 3; step++) {
      await stepper.step([batch!], { learningRate: 0.1, step });
      const now = (await weight.read()) as Float32Array;
      const decay = (1 + step) / (10 + step);
      now.forEach((w, i) => {
        expected[i] = decay * expected[i]! + (1 - decay) * w;
      });
    }
    const last = await weight.read();
    const swapped = await stepper.withAverages(() => weight.read());
    swapped.forEach((w, i) => {
      expect(Math.abs(w - expected[i]!)).toBeLessThan(1e-6);
    });
    expect(await weight.read()).toEqual(last);
    stepper.dispose();
  });

  it('refuses memories of moments that never fade', () => {
    const parameter = new Variable({ name: 'w', shape: [2] });
    for (const name of ['beta1', 'beta2'])
      expect(() => createOptimizer([parameter], { [name]: 1 })).toThrow(
        `createOptimizer: expected ${name} to be a number in [0, 1), got 1`,
      );
  });
});
