// Whether data fits a model, before the first step: each refusal names the field, the example and the cure.

import { types } from 'node:util';
import { checkIsExamples, type Examples } from '../data/examples';
import { describe, fail } from '../errors';
import { Executor } from '../executor';
import type { Model } from '../models/model';
import { throwIfAborted } from '../realm';
import { checkIsOptions, checkSignal } from '../schema';
import { sameShape, showShape, sizeOf } from '../shape';
import { finishInTurns, type Work } from '../turns';

const lookedAt = 2 ** 17; // elements together

interface CallOptions {
  readonly signal?: unknown;
  readonly executor?: unknown;
  readonly listeners?: unknown;
}

/**
 * Refuses what is no model, no record of options, no signal, executor or list of listeners, before anything is asked of it.
 * @throws ERR_TENSORWOOD_ARGUMENT
 */
export function checkCall(subject: string, model: unknown, options: CallOptions): void {
  const { forward, loss, variables, fields } = (model ?? {}) as Partial<Model>;
  if (typeof forward !== 'function' || typeof loss !== 'function' || !types.isMap(variables) || fields === undefined)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a model, got ${describe(model)}; make one by createModel(definition, options)`);
  checkIsOptions(subject, options);
  checkSignal(subject, options.signal);
  const { executor, listeners } = options;
  if (executor !== undefined && !(executor instanceof Executor))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected executor to be an Executor, got ${describe(executor)}`);
  if (listeners !== undefined && !(Array.isArray(listeners) && listeners.every((hear) => typeof hear === 'function')))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected listeners to be a list of functions, got ${describe(listeners)}`);
}

/** Refuses data without the fields of these names as the model has them; by default all of its fields. */
export function checkFields(subject: string, model: Model, data: Examples, names = Object.keys(model.fields)): void {
  for (const name of names) {
    const expected =
      model.fields[name] ??
      fail('ERR_TENSORWOOD_MODEL', `${subject}: expected a model with a field '${name}', got ${model.name} without it`);
    const found = data.fields[name];
    if (!found)
      fail('ERR_TENSORWOOD_MODEL', `${subject}: expected a field '${name}' for ${model.name}, got ${Object.keys(data.fields).join(', ')}`);
    if (found.dtype !== expected.dtype || !sameShape(found.shape, expected.shape)) {
      const wanted = `${expected.dtype} ${showShape(expected.shape)}`;
      fail(
        'ERR_TENSORWOOD_MODEL',
        `${subject}: expected '${name}' to be ${wanted} for ${model.name}, got ${found.dtype} ${showShape(found.shape)}`,
      );
    }
  }
}

/** A field of examples that lie together. */
interface Looked {
  readonly name: string;
  readonly values: ArrayLike<number>;
  readonly width: number; // elements of an example
  readonly first: number; // example
}

const exampleOf = ({ first, width }: Looked, element: number): number => first + Math.floor(element / width);

function checkCodes(subject: string, field: Looked, below: number): void {
  const { name, values } = field;
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! >= 0 && values[i]! < below))
      fail(
        'ERR_TENSORWOOD_DATA',
        `${subject}: expected '${name}' in [0, ${below - 1}], got ${values[i]} at example ${exampleOf(field, i)}`,
      );
  }
}

function checkFinite(subject: string, field: Looked): void {
  const { name, values } = field;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!))
      fail('ERR_TENSORWOOD_DATA', `${subject}: expected finite numbers in '${name}', got ${values[i]} at example ${exampleOf(field, i)}`);
  }
}

/**
 * Looks at every example once, as it is trained on, in turns that leave the event loop free.
 * @throws ERR_TENSORWOOD_ARGUMENT when `data` are no examples, ERR_TENSORWOOD_MODEL when fields do not fit the model, ERR_TENSORWOOD_DATA when a label is
 *   no class, a token is none of the vocabulary or a number is not finite; the reason of `signal` when it aborts
 */
export async function checkExamples(subject: string, model: Model, data: Examples, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  checkIsExamples(subject, data);
  checkFields(subject, model, data);
  const width = Object.values(data.fields).reduce((total, { shape }) => total + sizeOf(shape), 0);
  const together = Math.max(1, Math.floor(lookedAt / width));
  const look = function* (): Work<void> {
    for (let first = 0; first < data.size; first += together) {
      const indices = Int32Array.from({ length: Math.min(together, data.size - first) }, (_, i) => first + i);
      checkRows(subject, model, data.read(indices, { seed: 0, stream: 0 }), first, indices.length);
      yield;
    }
  };
  await finishInTurns(look(), signal);
}

function checkRows(subject: string, model: Model, rows: ReturnType<Examples['read']>, first: number, count: number): void {
  for (const [name, { dtype, below }] of Object.entries(model.fields)) {
    const values = rows[name]!;
    const field = { name, values, first, width: values.length / count };
    if (dtype === 'f32') checkFinite(subject, field);
    if (below !== undefined) checkCodes(subject, field, below);
  }
}
