// A trained model as one safetensors file: the variables under their own names, and in the metadata which model they belong to, so that the file alone
// is enough to predict.
import { fail } from '../errors';
import type { StoredTensor } from '../formats/safetensors';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import type { Model } from '../models/model';
import { createModel } from '../models/model';
import { findModel } from '../models/registry';
import { readState, writeState } from '../nn/module';

/**
 * Writes the variables of a model, atomically. `notes` are kept beside them, as text (class names, normalisation, ...).
 * @throws ERR_TENSORWOOD_FILE when the disk is full or the folder cannot be written
 */
export async function saveModel(path: string, model: Model, notes: Readonly<Record<string, string>> = {}): Promise<void> {
  const metadata = { ...notes, format: 'pt', 'tensorwood.model': model.name, 'tensorwood.config': JSON.stringify(model.config) };
  await writeSafetensors(path, await readState(model.variables), { metadata });
}

function parseConfig(path: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `loadModel: expected a configuration as JSON in '${path}', got '${text.slice(0, 40)}'`, error);
  }
}

/**
 * A model from a file that saveModel wrote.
 * @throws ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_FORMAT when the file cannot be read or says nothing of a model; ERR_TENSORWOOD_MODEL when its tensors do
 *   not fit the model it names
 */
export async function loadModel(path: string): Promise<{ model: Model; notes: Readonly<Record<string, string>> }> {
  const { tensors, metadata } = await readSafetensors(path);
  const { 'tensorwood.model': name, 'tensorwood.config': config, format: _, ...notes } = metadata;
  if (name === undefined || config === undefined)
    fail(
      'ERR_TENSORWOOD_FORMAT',
      `loadModel: expected a file that tensorwood saved, got '${path}' without a model's name; use loadWeights`,
    );
  const model = createModel(await findModel(name), parseConfig(path, config));
  await writeState(`loadModel '${path}'`, model.variables, tensors);
  return { model, notes };
}

/**
 * Puts the tensors of a safetensors file, such as timm's or torchvision's, into a model. Names that the model lacks are refused, except counters of
 * batch norm (num_batches_tracked).
 */
export async function loadWeights(path: string, model: Model): Promise<void> {
  const { tensors } = await readSafetensors(path, { accept: (name) => !name.endsWith('num_batches_tracked') });
  await writeState(`loadWeights '${path}'`, model.variables, tensors as ReadonlyMap<string, StoredTensor>);
}
