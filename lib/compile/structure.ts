// What a step function returns: tensors in arrays and records. They are taken out in order before a program is compiled, and put back as typed arrays
// after each run.
import { types } from 'node:util';
import type { DataArray } from '../dtype';
import { fail } from '../errors';
import { Tensor } from '../tensor';

/** What a step function may return: a tensor, or arrays and records of them. */
export type Tensors = Tensor | undefined | readonly Tensors[] | { readonly [name: string]: Tensors };

/** The same structure with a typed array, row-major, for each tensor. */
export type Arrays<T> = T extends Tensor ? DataArray : { [K in keyof T]: Arrays<T[K]> };

const isStructure = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !ArrayBuffer.isView(value) &&
  !types.isPromise(value) &&
  !types.isMap(value) &&
  !types.isSet(value);

/** The tensors in `structure`, in order. Throws ERR_TENSORWOOD_ARGUMENT when it holds something else. */
export function collectTensors(structure: unknown, place = 'its result'): Tensor[] {
  if (structure instanceof Tensor) return [structure];
  if (structure === undefined || structure === null) return [];
  if (isStructure(structure)) return Object.entries(structure).flatMap(([name, part]) => collectTensors(part, `'${name}'`));
  const got = typeof structure === 'object' ? (structure as object).constructor.name : `${typeof structure} ${String(structure)}`;
  const cure = types.isPromise(structure) ? '; a step function records operations and cannot wait' : '';
  return fail('ERR_TENSORWOOD_ARGUMENT', `compile: expected ${place} to be a tensor, or arrays and records of tensors, got ${got}${cure}`);
}

/** `structure` with the next of `results` in place of each tensor. */
export function restoreArrays(structure: Tensors, results: Iterator<DataArray>): unknown {
  if (structure instanceof Tensor) return results.next().value;
  if (Array.isArray(structure)) return structure.map((part) => restoreArrays(part, results));
  if (!structure) return structure;
  return Object.fromEntries(Object.entries(structure).map(([name, part]) => [name, restoreArrays(part, results)]));
}
