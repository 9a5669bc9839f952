// The models by name.
import { fail } from '../errors';
import { suggestion } from '../schema';
import * as models from '.';
import type { ModelDefinition } from './model';

const byName = new Map(Object.values(models).map((definition) => [definition.name, definition as unknown as ModelDefinition]));

/** Names of all models, sorted. */
export const modelNames = (): string[] => [...byName.keys()].sort();

/** A model by name. Throws ERR_TENSORWOOD_ARGUMENT, with the nearest name, when there is none of this name. */
export async function findModel(name: string): Promise<ModelDefinition> {
  const names = modelNames();
  return (
    byName.get(name) ??
    fail('ERR_TENSORWOOD_ARGUMENT', `models: expected one of ${names.join(', ')}, got '${name}'${suggestion(name, names)}`)
  );
}
