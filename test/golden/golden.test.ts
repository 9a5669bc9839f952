// The models against PyTorch: the same weights and batch give the same logits, loss and gradients, and ten steps of AdamW the same losses.
import { describe, expect, it } from 'vitest';
import { defaultExecutor } from '../../lib/executor';
import { definition as gru } from '../../lib/models/gru-classifier';
import { definition as resnet } from '../../lib/models/resnet';
import { definition as vit } from '../../lib/models/vit';
import { optimizerSchema } from '../../lib/optim/optimizer';
import { parse } from '../../lib/schema';
import { createStepper } from '../../lib/train/step';
import { differentiate, errorOf, goldenBatch, goldenModel, groupOf, numbersOf, readGolden } from './golden';

const models = { 'vit-cls': vit, 'vit-gap': vit, resnet, gru };

describe.each(Object.entries(models))('%s as in PyTorch', (name, definition) => {
  it('has the same variables', async () => {
    const golden = await readGolden(name);
    const weights = groupOf(golden, 'weight');
    using model = await goldenModel(definition, golden);
    const shapes = (variables: ReadonlyMap<string, { shape: readonly number[] }>) =>
      [...variables].map(([key, { shape }]) => `${key} ${shape}`).sort();
    expect(shapes(model.variables)).toEqual(shapes(weights));
  });

  it('has the same logits and loss within 1e-5, and gradients within 1e-4', async () => {
    const golden = await readGolden(name);
    using model = await goldenModel(definition, golden);
    const { logits, loss, gradients } = await differentiate(model, goldenBatch(golden));
    expect(errorOf(logits, numbersOf(golden, 'logits'))).toBeLessThan(1e-5);
    expect(errorOf([loss], numbersOf(golden, 'loss'))).toBeLessThan(1e-5);
    const expected = groupOf(golden, 'gradient');
    expect([...gradients.keys()].sort()).toEqual([...expected.keys()].sort());
    const errors = [...gradients].map(([key, g]) => [key, errorOf(g, expected.get(key)!.data as Float32Array)] as const);
    expect(errors.filter(([, error]) => !(error < 1e-4))).toEqual([]);
  });

  it('has the same ten losses under AdamW, and the same running statistics after one step', async () => {
    const golden = await readGolden(name);
    using model = await goldenModel(definition, golden);
    const options = { ...parse('golden', optimizerSchema, golden.optimizer), clip: 0, accumulate: 1, average: 0 };
    const stepper = createStepper(model, options, defaultExecutor());
    const losses: number[] = [];
    const batch = goldenBatch(golden);
    for (let step = 1; step <= 10; step++) {
      const { loss } = await stepper.step([batch], { learningRate: golden.optimizer.learningRate, step });
      losses.push(loss);
      if (step > 1) continue;
      for (const [key, expected] of groupOf(golden, 'after')) {
        expect(errorOf((await model.variables.get(key)!.read()) as Float32Array, expected.data as Float32Array)).toBeLessThan(1e-5);
      }
    }
    stepper.dispose();
    const errors = losses.map((loss, i) => Math.abs(loss / numbersOf(golden, 'losses')[i]! - 1));
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  });
});
