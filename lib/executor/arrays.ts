// What a step function takes: typed arrays with a shape and a dtype, and what counts as one.
import type { DataArray, DType } from '../dtype';
import { carries, convert, dtypeOf, dtypes, isDataArray, isPlainNumbers } from '../dtype';
import { describe, fail } from '../errors';
import { checkOptions } from '../ops/check';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import type { Signature } from '../tensor';

/** A typed array with a shape and a dtype: an input of a step function. */
export interface ShapedArray extends Signature {
  readonly data: DataArray;
}

/**
 * Gives numbers a shape (default: one axis). A typed array stays where it is, and its dtype (Uint16Array = bf16 bits) unless that is said to be 'bool'; plain
 * arrays and Float64Array are copied as f32 or what `dtype` says. A buffer must not be transferred while a step uses it. Throws ERR_TENSORWOOD_SHAPE, _DTYPE.
 */
export function array(numbers: DataArray | Float64Array | readonly number[], shape?: Shape, options: { dtype?: DType } = {}): ShapedArray {
  checkOptions('array', options, ['dtype']);
  const plain = isPlainNumbers(numbers);
  const dtype = options.dtype ?? (plain ? 'f32' : dtypeOf(numbers));
  const data = plain ? convert(numbers, dtype) : numbers;
  if (!carries(dtype, data)) {
    fail('ERR_TENSORWOOD_DTYPE', `array: expected a ${dtypes[dtype].array.name} for dtype ${dtype}, got ${describe(numbers)}`);
  }
  const at = shape ?? [data.length];
  if (data.length !== sizeOf(at)) {
    fail('ERR_TENSORWOOD_SHAPE', `array: expected ${sizeOf(at)} elements for shape ${showShape(at)}, got ${data.length}`);
  }
  return { data, shape: at, dtype };
}

/** What a step function takes: shaped arrays, typed arrays of one axis, or numbers (f32 scalars). */
export type StepInput = ShapedArray | DataArray | number;

/** `value`, the input at this position of a step, as a shaped array. Throws ERR_TENSORWOOD_ARGUMENT. */
export function shaped(value: StepInput, position: number): ShapedArray {
  if (typeof value === 'number') return { data: Float32Array.of(value), shape: [], dtype: 'f32' };
  if (isDataArray(value)) return { data: value, shape: [value.length], dtype: dtypeOf(value) };
  const { data, shape, dtype } = (value ?? {}) as Partial<ShapedArray>;
  if (isDataArray(data) && Array.isArray(shape) && dtype !== undefined && Object.hasOwn(dtypes, dtype)) return value;
  const cure = typeof value === 'object' && value !== null ? '; use array(numbers, shape), or Float32Array.from' : '';
  fail(
    'ERR_TENSORWOOD_ARGUMENT',
    `step: expected input ${position} to be an array, a typed array or a number, got ${describe(value)}${cure}`,
  );
}
