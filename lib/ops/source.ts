// Leaves of the graph that hold no state: literals, whose elements are part of the program, and inputs, which every run binds anew.
import { types } from 'node:util';
import type { DataArray, DType } from '../dtype';
import { convert, dtypeOf, isDataArray } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';

export interface Literal extends Signature {
  readonly data: DataArray;
}

const literalOperation: Operation<Literal> = { name: 'literal', source: 'literal', infer: (_, literal) => [literal] };

const inputOperation: Operation<Signature & { readonly position: number }> = {
  name: 'input',
  source: 'input',
  infer: (_, signature) => [signature],
};

/** Numbers as they come, nested arrays row by row. */
export type Numbers = number | boolean | DataArray | Float64Array | readonly Numbers[];

function shapeOf(numbers: Numbers): number[] {
  if (typeof numbers === 'number' || typeof numbers === 'boolean') return [];
  if (ArrayBuffer.isView(numbers)) return [numbers.length];
  return [numbers.length, ...(numbers.length === 0 ? [] : shapeOf(numbers[0]!))];
}

function flatten(numbers: Numbers, into: number[]): number[] {
  if (typeof numbers === 'number' || typeof numbers === 'boolean') into.push(Number(numbers));
  else if (Array.isArray(numbers) || isDataArray(numbers) || types.isFloat64Array(numbers)) for (const part of numbers) flatten(part, into);
  else
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `tensor: expected numbers, nested arrays of them or a typed array, got ${typeof numbers} ${String(numbers)}`,
    );
  return into;
}

/**
 * A constant. `data` is a number, nested arrays (then the shape is theirs) or a typed array, which must not change afterwards; `shape` defaults to
 * that of the data. dtype: that of a typed array (Uint16Array = bf16 bits), else f32. Throws ERR_TENSORWOOD_ARGUMENT for what is no number, ERR_TENSORWOOD_SHAPE when data and shape differ in size.
 */
export function tensor(data: Numbers, shape?: Shape, options: { dtype?: DType } = {}): Tensor {
  const typed = isDataArray(data);
  const flat = typed ? data : flatten(data, []);
  const at = shape ?? shapeOf(data);
  if (sizeOf(at) !== flat.length) {
    fail('ERR_TENSORWOOD_SHAPE', `tensor: expected ${sizeOf(at)} elements for shape ${showShape(at)}, got ${flat.length}`);
  }
  const dtype = options.dtype ?? (typed ? dtypeOf(data) : 'f32');
  return apply(literalOperation, [], { shape: [...at], dtype, data: convert(flat, dtype) })[0]!;
}

/** The `position`-th input of a step function. */
export const input = (position: number, { shape, dtype }: Signature): Tensor => apply(inputOperation, [], { position, shape, dtype })[0]!;
