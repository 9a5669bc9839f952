// The element types of the safetensors format, and what each is read as. Every one can be listed; what tensorwood has no numbers for is refused by name, and
// only when it is asked for. Format: github.com/huggingface/safetensors, enum Dtype; F8, F6 and F4 by the Open Compute Project.
import { widen } from '../floats';
import { inPieces, type Work } from '../turns';

/** i64 exists in files only. */
export type StoredDType = 'f32' | 'bf16' | 'i64' | 'i32' | 'u8' | 'bool';

export type StoredData = Float32Array | Uint16Array | Int32Array | Uint8Array | BigInt64Array;

/** Bits of one element. A type that is not here is one of a later version of the format: its tensors are listed, their sizes are not checked. */
export const bitsOf: ReadonlyMap<string, number> = new Map([
  ['F4', 4],
  ...['F6_E2M3', 'F6_E3M2'].map((code) => [code, 6] as const),
  ...['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map((code) => [code, 8] as const),
  ...['I16', 'U16', 'F16', 'BF16'].map((code) => [code, 16] as const),
  ...['I32', 'U32', 'F32'].map((code) => [code, 32] as const),
  ...['C64', 'F64', 'I64', 'U64'].map((code) => [code, 64] as const),
]);

/** What is written: one code for each type in memory. */
export const writtenAs: Readonly<Record<StoredDType, { readonly code: string; readonly array: string }>> = {
  f32: { code: 'F32', array: 'Float32Array' },
  bf16: { code: 'BF16', array: 'Uint16Array' },
  i64: { code: 'I64', array: 'BigInt64Array' },
  i32: { code: 'I32', array: 'Int32Array' },
  u8: { code: 'U8', array: 'Uint8Array' },
  bool: { code: 'BOOL', array: 'Uint8Array' },
};

export interface ReadAs {
  readonly dtype: StoredDType;
  /** The elements of all the bytes; `fail` takes what follows the tensor's name. */
  read(bytes: Uint8Array, fail: (reason: string) => never): Work<StoredData>;
}

const whole = (bytes: Uint8Array): ArrayBuffer => bytes.buffer as ArrayBuffer; // each tensor is read into memory of its own

/** As it lies in the file. */
function asIs(dtype: StoredDType, view: (buffer: ArrayBuffer) => StoredData): ReadAs {
  return {
    dtype,
    // biome-ignore lint/correctness/useYield: it is done at once
    *read(bytes) {
      return view(whole(bytes));
    },
  };
}

/** Element by element, into numbers of f32 or i32. */
function converted(
  dtype: 'f32' | 'i32',
  view: (buffer: ArrayBuffer) => ArrayLike<number>,
  convert: (value: number) => number = (value) => value,
): ReadAs {
  return {
    dtype,
    *read(bytes) {
      const from = view(whole(bytes));
      const to = dtype === 'f32' ? new Float32Array(from.length) : new Int32Array(from.length);
      yield* inPieces(to.length, (start, end) => {
        for (let i = start; i < end; i++) to[i] = convert(from[i]!);
      });
      return to;
    },
  };
}

const bytesOf = (buffer: ArrayBuffer): Uint8Array => new Uint8Array(buffer);

/** Unsigned integers, which i64 holds: those of 64 bits where they are in its range. */
const unsigned = (view: (buffer: ArrayBuffer) => ArrayLike<number | bigint>): ReadAs => ({
  dtype: 'i64',
  *read(bytes, fail) {
    const from = view(whole(bytes));
    const to = new BigInt64Array(from.length);
    yield* inPieces(to.length, (start, end) => {
      for (let i = start; i < end; i++) {
        to[i] = BigInt(from[i]!);
        if (to[i]! < 0n) fail(`holds ${from[i]}, which is beyond i64`);
      }
    });
    return to;
  },
});

const bool: ReadAs = {
  dtype: 'bool',
  *read(bytes, fail) {
    yield* inPieces(bytes.length, (start, end) => {
      for (let i = start; i < end; i++) if (bytes[i]! > 1) fail('has a bool that is not 0 or 1');
    });
    return bytes;
  },
};

/** What is read, by the format's name of the type. */
export const readers: ReadonlyMap<string, ReadAs> = new Map([
  ['F32', asIs('f32', (buffer) => new Float32Array(buffer))],
  ['BF16', asIs('bf16', (buffer) => new Uint16Array(buffer))],
  ['I64', asIs('i64', (buffer) => new BigInt64Array(buffer))],
  ['I32', asIs('i32', (buffer) => new Int32Array(buffer))],
  ['U8', asIs('u8', bytesOf)],
  ['BOOL', bool],
  ['F64', converted('f32', (buffer) => new Float64Array(buffer))],
  [
    'F16',
    converted(
      'f32',
      (buffer) => new Uint16Array(buffer),
      (bits) => widen(bits, { exponentBits: 5, mantissaBits: 10 }),
    ),
  ],
  ['F8_E5M2', converted('f32', bytesOf, (bits) => widen(bits, { exponentBits: 5, mantissaBits: 2 }))],
  ['F8_E4M3', converted('f32', bytesOf, (bits) => widen(bits, { exponentBits: 4, mantissaBits: 3, finite: true }))],
  ['I8', converted('i32', (buffer) => new Int8Array(buffer))],
  ['I16', converted('i32', (buffer) => new Int16Array(buffer))],
  ['U16', converted('i32', (buffer) => new Uint16Array(buffer))],
  ['U32', unsigned((buffer) => new Uint32Array(buffer))],
  ['U64', unsigned((buffer) => new BigUint64Array(buffer))],
]);
