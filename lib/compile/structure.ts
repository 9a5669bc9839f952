// What a step function returns: tensors in arrays and records. They are taken out in order before a program is compiled, and typed arrays are put in
// their places after each run.
import { types } from 'node:util';
import type { DataArray } from '../dtype';
import { describe, fail } from '../errors';
import { Tensor } from '../tensor';

/** What a step function may return: a tensor, or arrays and records of them. */
export type Tensors = Tensor | undefined | readonly Tensors[] | { readonly [name: string]: Tensors };

/** The same structure with a typed array, row-major, for each tensor. */
export type Arrays<T> = T extends Tensor ? DataArray : { [K in keyof T]: Arrays<T[K]> };

/** The same structure with its position for each tensor, so that it holds on to no graph. */
export type Outline = number | null | undefined | readonly Outline[] | { readonly [name: string]: Outline };

const isStructure = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !ArrayBuffer.isView(value) &&
  !types.isPromise(value) &&
  !types.isMap(value) &&
  !types.isSet(value);

/** The tensors in `structure`, in order, and what is left. Throws ERR_TENSORWOOD_ARGUMENT when it holds something else. */
export function takeTensors(structure: unknown): { tensors: Tensor[]; outline: Outline } {
  const tensors: Tensor[] = [];
  const take = (part: unknown, place: string): Outline => {
    if (part instanceof Tensor) return tensors.push(part) - 1;
    if (part === undefined || part === null) return part;
    if (Array.isArray(part)) return part.map((element, i) => take(element, `'${i}'`));
    if (isStructure(part)) return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, take(value, `'${name}'`)]));
    return refuse(part, place);
  };
  return { outline: take(structure, 'its result'), tensors };
}

function refuse(value: unknown, place: string): never {
  const cure = types.isPromise(value) ? '; a step function records operations and cannot wait' : '';
  fail(
    'ERR_TENSORWOOD_ARGUMENT',
    `compile: expected ${place} to be a tensor, or arrays and records of tensors, got ${describe(value)}${cure}`,
  );
}

/** The structure with these results in the places of its tensors. */
export function putArrays(outline: Outline, results: readonly DataArray[]): unknown {
  if (typeof outline === 'number') return results[outline];
  if (Array.isArray(outline)) return outline.map((part) => putArrays(part, results));
  if (!outline) return outline;
  return Object.fromEntries(Object.entries(outline).map(([name, part]) => [name, putArrays(part, results)]));
}
