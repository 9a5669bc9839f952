// What a model is. The file of each, which index.ts lists, exports one `definition`: a schema of its configuration, the fields of an example, how its layers are
// built, and a tiny configuration that trains in seconds. Tests, the training loop and the command line know models by this record alone.

import { types } from 'node:util';
import { describe, fail } from '../errors';
import type { Layer, Mode } from '../nn/module';
import { countParameters, createScope, type Scope } from '../nn/module';
import { meanSquaredError, softmaxCrossEntropy } from '../ops/loss';
import type { Variable } from '../ops/state';
import { disposal } from '../realm';
import type { Options, Schema, Values } from '../schema';
import { integer, parse } from '../schema';
import type { Signature, Tensor } from '../tensor';

/** One tensor a field, examples along the first axis. */
export type Batch = Readonly<Record<string, Tensor>>;

export interface Loss {
  /** Mean over the batch, one element. */
  readonly loss: Tensor;
  /** What the model says: logits (B, classes) of a classifier. */
  readonly outputs: Tensor;
}

export interface Network {
  readonly forward: Layer;
  loss(batch: Batch, mode: Mode): Loss;
}

/** Of one example, without the axis of the batch; `below`: its elements are codes in [0, below). */
export interface FieldSignature extends Signature {
  readonly below?: number;
}

export interface ModelDefinition<S extends Schema = Schema> {
  readonly name: string;
  readonly doc: string;
  readonly schema: S;
  readonly tiny: Options<S>;
  /** `x` goes into forward; `label` is the class. */
  fields(config: Values<S>): Readonly<Record<string, FieldSignature>>;
  build(scope: Scope, config: Values<S>): Network;
}

export interface Model extends Network {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, FieldSignature>>;
  /** By name, as timm, torchvision and PyTorch name them. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Of a classifier. */
  readonly classes: number | undefined;
  /** Trainable elements. */
  readonly parameters: number;
  /** A model is no JSON: saveModel() writes it. @throws ERR_TENSORWOOD_ARGUMENT */
  toJSON(): never;
  dispose(): void;
  [disposal](): void;
}

// structuredClone() and postMessage() would fail on its functions: a symbol that comes first says what to do.
const notCloned = Symbol('a model; write it by saveModel() instead, and read it by loadModel() there');

const refuseJson = (): never =>
  fail('ERR_TENSORWOOD_ARGUMENT', 'model: expected saveModel() to write it, got JSON.stringify(), which would leave out the weights');

function checkDefinition(given: unknown): void {
  if (typeof (given as Partial<ModelDefinition> | null | undefined)?.build === 'function') return;
  fail('ERR_TENSORWOOD_ARGUMENT', `createModel: expected a definition, such as mlp or await findModel('mlp'), got ${describe(given)}`);
}

function checkNetwork(name: string, network: Partial<Network> | undefined): void {
  const absent = (['forward', 'loss'] as const).find((part) => typeof network?.[part] !== 'function');
  if (absent === undefined) return;
  const what = typeof network === 'object' && network !== null ? ` without ${absent}` : '';
  const why = types.isPromise(network) ? '; build must not be async' : what;
  fail('ERR_TENSORWOOD_ARGUMENT', `createModel: expected build of '${name}' to give { forward, loss }, got ${describe(network)}${why}`);
}

const seedSchema = { seed: integer(0, [0, Number.MAX_SAFE_INTEGER], 'seed of the first weights') };

/**
 * A model with first weights drawn from `seed` (default 0); memory is taken when it first runs. Free it by dispose() or `using`.
 * @throws ERR_TENSORWOOD_ARGUMENT for what is no definition, or an option that the model does not have or take
 */
export function createModel<S extends Schema>(
  definition: ModelDefinition<S>,
  options: Options<S> = {},
  seeds: Options<typeof seedSchema> = {},
): Model {
  checkDefinition(definition);
  const { seed } = parse('createModel', seedSchema, seeds);
  const config = parse(definition.name, definition.schema, options);
  const scope = createScope(seed);
  const network = definition.build(scope, config);
  checkNetwork(definition.name, network);
  const fields = definition.fields(config);
  const dispose = (): void => {
    for (const variable of scope.variables.values()) variable.dispose();
  };
  return {
    ...{ native: notCloned },
    ...network,
    name: definition.name,
    config,
    fields,
    variables: scope.variables,
    classes: fields.label?.below,
    parameters: countParameters(scope.variables),
    toJSON: refuseJson,
    dispose,
    [disposal]: dispose,
  };
}

/** A network that tells classes apart: forward gives logits (B, classes), the loss is their cross-entropy with `label` i32 (B). */
export function classifier(forward: Layer, options: { labelSmoothing?: number } = {}): Network {
  return {
    forward,
    loss(batch, mode) {
      const { x, label } = batch;
      if (!x || !label) fail('ERR_TENSORWOOD_DATA', `classifier: expected the fields x and label, got ${Object.keys(batch).join(', ')}`);
      const outputs = forward(x, mode);
      return { loss: softmaxCrossEntropy(outputs, label, { smoothing: mode.training ? (options.labelSmoothing ?? 0) : 0 }), outputs };
    },
  };
}

/** A network that predicts numbers: the loss is the mean squared difference of forward's (B, ...) and the field `target`, of the same shape. */
export function regressor(forward: Layer): Network {
  return {
    forward,
    loss(batch, mode) {
      const { x, target } = batch;
      if (!x || !target) fail('ERR_TENSORWOOD_DATA', `regressor: expected the fields x and target, got ${Object.keys(batch).join(', ')}`);
      const outputs = forward(x, mode);
      return { loss: meanSquaredError(outputs, target), outputs };
    },
  };
}

/** The field that every classifier has besides its input. */
export const classLabel = (classes: number): FieldSignature => ({ shape: [], dtype: 'i32', below: classes });
