// Every model of lib/models: it says what it is, its tiny configuration learns, and its file brings it back.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createModel } from '../../lib/models/model';
import { findModel, modelNames } from '../../lib/models/registry';
import { predict } from '../../lib/train/evaluate';
import { train } from '../../lib/train/loop';
import { predictedClasses } from '../../lib/train/metrics';
import { loadModel, saveModel } from '../../lib/train/model-file';
import { syntheticExamples } from './synthetic';

const folder = mkdtempSync(join(tmpdir(), 'models-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(modelNames())('%s', (name) => {
  it('is named as its file, and its tiny configuration is small', async () => {
    const definition = await findModel(name);
    expect(definition.name).toBe(name);
    expect(definition.doc.length).toBeGreaterThan(10);
    using model = createModel(definition, definition.tiny);
    expect(model.parameters).toBeGreaterThan(0);
    expect(model.parameters).toBeLessThan(100_000);
  });

  it('has first weights that follow from the seed', async () => {
    const definition = await findModel(name);
    const weightsOf = async (seed: number) => {
      using model = createModel(definition, definition.tiny, { seed });
      return Promise.all([...model.variables.values()].map((v) => v.read()));
    };
    expect(await weightsOf(3)).toEqual(await weightsOf(3));
    expect(await weightsOf(3)).not.toEqual(await weightsOf(4));
  });

  it('learns with its tiny configuration, and its file predicts the same', async () => {
    const definition = await findModel(name);
    using model = createModel(definition, definition.tiny);
    const classes = model.classes!;
    const data = syntheticExamples(model, { size: 320, classes });
    const validation = syntheticExamples(model, { size: 100, classes, seed: 2 });
    const result = await train(model, data, { epochs: 16, batchSize: 16, learningRate: 5e-3, warmup: 20, validation });
    expect(result.evaluation!.metrics.accuracy).toBeGreaterThan(0.9);

    const path = join(folder, `${name}.safetensors`);
    await saveModel(path, model, { note: 'tiny' });
    const loaded = await loadModel(path);
    using copy = loaded.model;
    expect(loaded.notes).toEqual({ note: 'tiny' });
    expect(copy.config).toEqual(model.config);
    const logits = await predict(copy, validation, { batchSize: 33 });
    expect(logits).toEqual(await predict(model, validation, { batchSize: 33 }));
    const right = predictedClasses(logits, classes).filter((c, i) => c === i % classes).length;
    expect(right / 100).toBeCloseTo(result.evaluation!.metrics.accuracy!, 10);
  });

  it('refuses options it does not have', async () => {
    const definition = await findModel(name);
    expect(() => createModel(definition, { clases: 3 } as object)).toThrow(/unknown option 'clases', did you mean 'classes'/);
  });
});

describe('findModel', () => {
  it('knows every file of the folder that defines a model', () => {
    const files = readdirSync(join(__dirname, '../../lib/models')).map((file) => basename(file, '.ts'));
    expect(modelNames()).toEqual(files.filter((file) => !['index', 'model', 'registry', 'rows'].includes(file)));
  });

  it('names the nearest model', async () => {
    await expect(findModel('vitt')).rejects.toThrow(/got 'vitt', did you mean 'vit'\?/);
  });
});

describe('createModel', () => {
  it.each([
    ['mlp', "'mlp'"],
    [undefined, 'undefined'],
    [Promise.resolve(), 'Promise'],
  ])('refuses %s for a definition', (given, got) => {
    const refusal = `createModel: expected a definition, such as mlp or await findModel('mlp'), got ${got}`;
    expect(() => createModel(given as never)).toThrow(refusal);
  });

  it.each([
    ['Promise; build must not be async', async () => ({})],
    ['Object without loss', () => ({ forward: () => undefined })],
    ['undefined', () => undefined],
  ])('refuses a build that gives %s', (got, build) => {
    const definition = { name: 'own', doc: '', schema: {}, tiny: {}, fields: () => ({}), build };
    expect(() => createModel(definition as never)).toThrow(`createModel: expected build of 'own' to give { forward, loss }, got ${got}`);
  });
});
