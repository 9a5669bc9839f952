// How layers are made. A scope is a place in the tree of a model's names and draws the first weights; a layer is a function that registers its variables
// in a scope and returns what it does to a tensor. So a model is a closure and a map of variables, named as timm and torchvision name theirs.
import type { DataArray, DType } from '../dtype';
import { fail } from '../errors';
import { Variable } from '../ops/state';
import type { Shape } from '../shape';
import { sameShape, showShape, sizeOf } from '../shape';
import type { Tensor } from '../tensor';
import type { Initializer } from './init';
import { hashName } from './philox';

/** Training turns dropout on and makes batch norm use, and learn from, the batch. */
export interface Mode {
  readonly training: boolean;
}

export type Layer = (x: Tensor, mode: Mode) => Tensor;

export interface Scope {
  /** `blocks.0.attn`, empty at the root. */
  readonly path: string;
  /** Variables of the whole model by full name, in order of creation. */
  readonly variables: Map<string, Variable>;
  readonly seed: number;
}

/** The root of a model's names. `seed` decides every first weight. */
export const createScope = (seed = 0): Scope => ({ path: '', variables: new Map(), seed });

/** The part of a scope called `name`. */
export const within = (scope: Scope, name: string | number): Scope => ({ ...scope, path: nameIn(scope, name) });

const nameIn = ({ path }: Scope, name: string | number): string => (path === '' ? String(name) : `${path}.${name}`);

function register(scope: Scope, variable: Variable): Variable {
  if (scope.variables.has(variable.name)) fail('ERR_TENSORWOOD_ARGUMENT', `scope: the name '${variable.name}' is there twice`);
  scope.variables.set(variable.name, variable);
  return variable;
}

/** A trainable variable; its numbers are drawn at first use and depend on the scope's seed and its full name. */
export function parameter(scope: Scope, name: string, shape: Shape, initializer: Initializer): Variable {
  const full = nameIn(scope, name);
  const initial = () => initializer(shape, { seed: scope.seed, stream: hashName(full) });
  return register(scope, new Variable({ name: full, shape, initial }));
}

/** A variable that training changes but no optimizer does: a running mean. */
export function statistic(scope: Scope, name: string, shape: Shape, value: number): Variable {
  const initial = () => new Float32Array(sizeOf(shape)).fill(value);
  return register(scope, new Variable({ name: nameIn(scope, name), shape, initial, trainable: false }));
}

/** Elements in all trainable variables. */
export const countParameters = (variables: ReadonlyMap<string, Variable>): number =>
  trainable(variables).reduce((total, v) => total + sizeOf(v.shape), 0);

export const trainable = (variables: ReadonlyMap<string, Variable>): Variable[] => [...variables.values()].filter((v) => v.trainable);

/** Elements of variables by name, as a file holds them. */
export interface Elements {
  readonly shape: Shape;
  readonly dtype: string;
  readonly data: ArrayLike<number> | BigInt64Array;
}

/** Copies of all elements, after the steps begun so far. */
export async function readState(
  variables: ReadonlyMap<string, Variable>,
): Promise<Map<string, { shape: Shape; dtype: DType; data: DataArray }>> {
  const state = new Map<string, { shape: Shape; dtype: DType; data: DataArray }>();
  for (const [name, variable] of variables) state.set(name, { shape: variable.shape, dtype: variable.dtype, data: await variable.read() });
  return state;
}

function describeMissing(subject: string, variables: ReadonlyMap<string, Variable>, state: ReadonlyMap<string, Elements>): void {
  const missing = [...variables.keys()].filter((name) => !state.has(name));
  const unknown = [...state.keys()].filter((name) => !variables.has(name));
  const list = (names: string[]): string => names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
  if (missing.length > 0) fail('ERR_TENSORWOOD_MODEL', `${subject}: expected tensors for every variable, got none for ${list(missing)}`);
  if (unknown.length > 0) fail('ERR_TENSORWOOD_MODEL', `${subject}: expected tensors of this model only, got ${list(unknown)} too`);
}

/**
 * Writes elements into variables; every name and shape must match. Nothing is written when one does not.
 * @throws ERR_TENSORWOOD_MODEL which names the tensors
 */
export async function writeState(
  subject: string,
  variables: ReadonlyMap<string, Variable>,
  state: ReadonlyMap<string, Elements>,
): Promise<void> {
  describeMissing(subject, variables, state);
  for (const [name, variable] of variables) {
    const { shape, dtype } = state.get(name)!;
    if (!sameShape(shape, variable.shape) || dtype !== variable.dtype) {
      const expected = `${variable.dtype} ${showShape(variable.shape)}`;
      fail('ERR_TENSORWOOD_MODEL', `${subject}: expected '${name}' to be ${expected}, got ${dtype} ${showShape(shape)}`);
    }
  }
  for (const [name, variable] of variables) await variable.write(state.get(name)!.data as DataArray);
}
