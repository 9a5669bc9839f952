// Element types, their sizes, and the typed arrays that carry them. The ids are those of native/core/kernel.h.
import { types } from 'node:util';
import { typedArrayName } from './realm';

export const dtypes = {
  f32: { id: 0, bytes: 4, array: Float32Array },
  bf16: { id: 1, bytes: 2, array: Uint16Array },
  i32: { id: 2, bytes: 4, array: Int32Array },
  u8: { id: 3, bytes: 1, array: Uint8Array },
  bool: { id: 4, bytes: 1, array: Uint8Array },
} as const;

export type DType = keyof typeof dtypes;
export type DataArray = Float32Array | Uint16Array | Int32Array | Uint8Array;

export const isFloating = (dtype: DType): boolean => dtype === 'f32' || dtype === 'bf16';

/** Whether this is a typed array that carries a dtype. */
export const isDataArray = (value: unknown): value is DataArray =>
  Object.values(dtypes).some(({ array }) => typedArrayName(value) === array.name);

/** Whether this is the typed array that carries `dtype`. */
export const carries = (dtype: DType, value: unknown): value is DataArray => typedArrayName(value) === dtypes[dtype].array.name;

/** Whether these are numbers that carry no dtype: a plain array of them, or a Float64Array. */
export const isPlainNumbers = (value: unknown): value is Float64Array | readonly number[] =>
  types.isFloat64Array(value) || (Array.isArray(value) && value.every((v) => typeof v === 'number'));

/** The dtype that a typed array carries; bool arrays look like u8. */
export function dtypeOf(array: DataArray): DType {
  return (Object.keys(dtypes) as DType[]).find((dtype) => carries(dtype, array)) ?? 'u8';
}

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** Bits of the nearest bf16, ties to even; NaN stays NaN. */
export function toBfloat16(value: number): number {
  word[0] = value;
  const b = bits[0]!;
  if (Number.isNaN(value)) return (b >>> 16) | 0x40;
  return (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
}

/** The value of bf16 bits. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return word[0]!;
}

/** Numbers as an array of `dtype`: itself when it is one already, zeros for a count. A Uint16Array holds bf16 bits. */
export function convert(source: DataArray | Float64Array | readonly number[] | number, dtype: DType): DataArray {
  const { array } = dtypes[dtype];
  if (typeof source === 'number') return new array(source);
  if (carries(dtype, source)) return source;
  const numbers = types.isUint16Array(source) ? Float32Array.from(source, fromBfloat16) : source;
  if (dtype === 'bf16') return Uint16Array.from(numbers, toBfloat16);
  if (dtype === 'bool') return Uint8Array.from(numbers, (n) => Number(n !== 0));
  return array.from(numbers as ArrayLike<number>);
}
