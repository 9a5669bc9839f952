// The models there are: the files of this folder that export a definition. A new model is one new file.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail } from '../errors';
import { suggestion } from '../schema';
import type { ModelDefinition } from './model';

const parts = ['model', 'registry', 'rows'];

/** Names of all models, sorted. */
export const modelNames = (): string[] =>
  readdirSync(__dirname)
    .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => file.slice(0, -3))
    .filter((name) => !parts.includes(name))
    .sort();

/** A model by name. Throws ERR_TENSORWOOD_ARGUMENT, with the nearest name, when there is none of this name. */
export async function findModel(name: string): Promise<ModelDefinition> {
  const names = modelNames();
  if (!names.includes(name))
    fail('ERR_TENSORWOOD_ARGUMENT', `models: expected one of ${names.join(', ')}, got '${name}'${suggestion(name, names)}`);
  const extension = __filename.slice(-3);
  const file = (await import(pathToFileURL(join(__dirname, name + extension)).href)) as { definition: ModelDefinition };
  return file.definition;
}
