// Element types, their sizes, and the typed arrays that carry them. The ids are those of native/core/kernel.h.

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
