// Reads a golden file (generate.py) and says how far a model is from it.
import { join } from 'node:path';
import { gradient } from '../../lib/compile/gradient';
import { array, compile } from '../../lib/executor';
import type { StoredTensor } from '../../lib/formats/safetensors';
import { readSafetensors } from '../../lib/formats/safetensors';
import type { ModelDefinition } from '../../lib/models/model';
import { createModel } from '../../lib/models/model';
import { trainable, writeState } from '../../lib/nn/module';
import type { Arrays } from '../../lib/train/step';

export interface Golden {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly config: Record<string, unknown>;
  readonly optimizer: { learningRate: number; weightDecay: number; beta1: number; beta2: number; epsilon: number };
}

export async function readGolden(name: string): Promise<Golden> {
  const { tensors, metadata } = await readSafetensors(join(__dirname, `${name}.safetensors`));
  return { tensors, config: JSON.parse(metadata.config!), optimizer: JSON.parse(metadata.optimizer!) };
}

/** The tensors whose names begin with `group/`, without it. */
export const groupOf = ({ tensors }: Golden, group: string): Map<string, StoredTensor> =>
  new Map([...tensors].filter(([name]) => name.startsWith(`${group}/`)).map(([name, t]) => [name.slice(group.length + 1), t]));

export const numbersOf = (golden: Golden, name: string): Float32Array => golden.tensors.get(name)!.data as Float32Array;

/** The model with the golden weights. */
export async function goldenModel(definition: ModelDefinition<any>, golden: Golden) {
  const model = createModel(definition, golden.config);
  await writeState('golden', model.variables, groupOf(golden, 'weight'));
  return model;
}

export function goldenBatch(golden: Golden): Arrays {
  const input = golden.tensors.get('input')!;
  const labels = golden.tensors.get('labels')!;
  return { x: array(input.data as Float32Array, input.shape), label: array(labels.data as Int32Array, labels.shape) };
}

/** Logits, loss and every gradient of one batch in training mode. */
export async function differentiate(model: Awaited<ReturnType<typeof goldenModel>>, batch: Arrays) {
  const parameters = trainable(model.variables);
  using step = compile((x, label) => {
    const { loss, outputs } = model.loss({ x: x!, label: label! }, { training: true });
    return { loss, outputs, gradients: gradient(loss, parameters) };
  });
  const result = await step(batch.x!, batch.label!);
  const gradients = new Map(parameters.map((p, i) => [p.name, result.gradients[i] as Float32Array]));
  return { logits: result.outputs as Float32Array, loss: result.loss[0]!, gradients };
}

/** Largest difference, as a part of the largest expected value. */
export function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
  }
  return actual.length === expected.length ? difference / Math.max(largest, Number.MIN_VALUE) : Number.POSITIVE_INFINITY;
}
