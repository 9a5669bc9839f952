// Models of one's own in files: the file names the model, and its definition comes from the caller.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createModel, type ModelDefinition, regressor } from '../../lib/models/model';
import { createLinear } from '../../lib/nn';
import { loadModel, saveModel } from '../../lib/train/model-file';

const folder = mkdtempSync(join(tmpdir(), 'model-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const definition: ModelDefinition<Record<string, never>> = {
  name: 'line',
  doc: 'one linear layer',
  schema: {},
  tiny: {},
  fields: () => ({ x: { shape: [3], dtype: 'f32' }, target: { shape: [1], dtype: 'f32' } }),
  build(scope) {
    return regressor(createLinear(scope, { inputs: 3, outputs: 1 }));
  },
};

it('loads a model of its own by its definition', async () => {
  const path = join(folder, 'line.safetensors');
  using model = createModel(definition, {}, { seed: 5 });
  await saveModel(path, model);
  using loaded = (await loadModel(path, { definition })).model;
  expect(await loaded.variables.get('weight')!.read()).toEqual(await model.variables.get('weight')!.read());

  await expect(loadModel(path)).rejects.toThrow(/expected one of .* got 'line'; for a model of your own pass \{ definition \}/);
  const other = { ...definition, name: 'curve' };
  await expect(loadModel(path, { definition: other })).rejects.toThrow(`loadModel: expected a model 'curve' in '${path}', got 'line'`);
});

it('names the order of the arguments when it is another', async () => {
  using model = createModel(definition);
  const refusal = { code: 'ERR_TENSORWOOD_ARGUMENT' };
  const order = 'expected a path and a model, saveModel(path, model), got';
  await expect(saveModel(model as never, 'line.safetensors' as never)).rejects.toMatchObject({
    ...refusal,
    message: `saveModel: ${order} Object`,
  });
  await expect(saveModel(join(folder, 'x'), 'line' as never)).rejects.toMatchObject({ ...refusal, message: `saveModel: ${order} 'line'` });
  await expect(loadModel(undefined as never)).rejects.toMatchObject({
    ...refusal,
    message: 'loadModel: expected a path, a file: URL, bytes, { text } or a stream, got undefined',
  });
});
