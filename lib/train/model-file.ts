// A trained model as one safetensors file: the variables under their own names, and in the metadata which model they belong to, so that the file alone
// is enough to predict.
import { types } from 'node:util';
import { describe, fail } from '../errors';
import { openSource, type ReadOptions, type Source } from '../files/source';
import { checkTarget, isTarget, type Target } from '../files/target';
import type { StoredTensor } from '../formats/safetensors';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import type { Model, ModelDefinition } from '../models/model';
import { createModel } from '../models/model';
import { findModel, modelNames } from '../models/registry';
import { readState, writeState } from '../nn/module';
import { checkOptions } from '../schema';

function checkOrder(target: unknown, model: Partial<Model> | undefined): void {
  const wrong = !isTarget(target) ? [target] : types.isMap(model?.variables) ? [] : [model];
  if (wrong.length > 0)
    fail('ERR_TENSORWOOD_ARGUMENT', `saveModel: expected a path and a model, saveModel(path, model), got ${describe(wrong[0])}`);
}

/**
 * Writes the variables of a model, into a file atomically, or into a stream. `notes` are kept beside them, as text (class names, normalisation, ...).
 * @throws ERR_TENSORWOOD_FILE when the disk is full or the folder cannot be written
 */
export async function saveModel(target: Target, model: Model, notes: Readonly<Record<string, string>> = {}): Promise<void> {
  checkOrder(target, model);
  checkTarget('saveModel', target);
  const metadata = { ...notes, format: 'pt', 'tensorwood.model': model.name, 'tensorwood.config': JSON.stringify(model.config) };
  await writeSafetensors(target, await readState(model.variables), { metadata });
}

function parseConfig(path: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `loadModel: expected a configuration as JSON in '${path}', got '${text.slice(0, 40)}'`, error);
  }
}

export interface LoadOptions extends ReadOptions {
  /** What the file's model is, for models of your own. Default: the model of this package that has the file's name. */
  readonly definition?: ModelDefinition<any>;
}

async function definitionOf(path: string, name: string, given: ModelDefinition<any> | undefined): Promise<ModelDefinition<any>> {
  if (given !== undefined && given.name !== name)
    fail('ERR_TENSORWOOD_MODEL', `loadModel: expected a model '${given.name}' in '${path}', got '${name}'`);
  if (given !== undefined) return given;
  if (modelNames().includes(name)) return findModel(name);
  const known = modelNames().join(', ');
  fail(
    'ERR_TENSORWOOD_MODEL',
    `loadModel: expected one of ${known} in '${path}', got '${name}'; for a model of your own pass { definition }`,
  );
}

/**
 * A model from a file that saveModel wrote.
 * @throws ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_FORMAT when the file cannot be read or says nothing of a model; ERR_TENSORWOOD_MODEL when it names another
 *   model than that of `definition`, one that is not known, or its tensors do not fit
 */
export async function loadModel(
  source: Source,
  options: LoadOptions = {},
): Promise<{ model: Model; notes: Readonly<Record<string, string>> }> {
  checkOptions('loadModel', options, ['definition', 'signal']);
  const { definition, ...rest } = options;
  const opened = await openSource('loadModel', source, rest);
  const path = opened.name;
  const { tensors, metadata } = await readSafetensors(opened, rest);
  const { 'tensorwood.model': name, 'tensorwood.config': config, format: _, ...notes } = metadata;
  if (name === undefined || config === undefined)
    fail(
      'ERR_TENSORWOOD_FORMAT',
      `loadModel: expected a file that tensorwood saved, got '${path}' without a model's name; use loadWeights`,
    );
  const model = createModel(await definitionOf(path, name, definition), parseConfig(path, config));
  await writeState(`loadModel '${path}'`, model.variables, tensors);
  return { model, notes };
}

/**
 * Puts the tensors of a safetensors file, such as timm's or torchvision's, into a model. Names that the model lacks are refused, except counters of
 * batch norm (num_batches_tracked).
 */
export async function loadWeights(source: Source, model: Model, options: ReadOptions = {}): Promise<void> {
  checkOptions('loadWeights', options, ['signal']);
  const opened = await openSource('loadWeights', source, options);
  const { tensors } = await readSafetensors(opened, { ...options, accept: (name) => !name.endsWith('num_batches_tracked') });
  await writeState(`loadWeights '${opened.name}'`, model.variables, tensors as ReadonlyMap<string, StoredTensor>);
}
