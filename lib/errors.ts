// The one error class. `code` is stable and documented here; messages are one sentence: `subject: expected X, got Y`, with the cure where it is known.

export const codes = {
  ERR_TENSORWOOD_ARGUMENT: 'an argument has the wrong type or value',
  ERR_TENSORWOOD_SHAPE: 'shapes do not fit the operation',
  ERR_TENSORWOOD_DTYPE: 'the element type is not accepted here',
  ERR_TENSORWOOD_DISPOSED: 'the object was disposed of',
  ERR_TENSORWOOD_ABORTED: 'the job was aborted and no reason was given',
  ERR_TENSORWOOD_MEMORY: 'there is not enough memory',
  ERR_TENSORWOOD_DEVICE: 'the device cannot be used on this machine',
  ERR_TENSORWOOD_BINARY: 'the native library could not be loaded',
  ERR_TENSORWOOD_PROGRAM: 'a compiled program is malformed',
  ERR_TENSORWOOD_GRADIENT: 'the gradient does not exist',
  ERR_TENSORWOOD_NOT_FINITE: 'training met a NaN or an infinity',
  ERR_TENSORWOOD_DATA: 'the data cannot be trained on',
  ERR_TENSORWOOD_MODEL: 'the data does not match the model',
  ERR_TENSORWOOD_FILE: 'a file cannot be read or written',
  ERR_TENSORWOOD_FORMAT: 'a file is not of the expected format',
  ERR_TENSORWOOD_PEER: 'an optional package is not installed',
} as const;

export type ErrorCode = keyof typeof codes;

/** Every error that tensorwood throws or rejects with, except the reason of an AbortSignal, which is passed on as it is. */
export class TensorwoodError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TensorwoodError';
    this.code = code;
  }
}

/** Throws a TensorwoodError. */
export function fail(code: ErrorCode, message: string, cause?: unknown): never {
  throw new TensorwoodError(code, message, cause === undefined ? undefined : { cause });
}

/** How a refusal names what came: `Array`, `AsyncFunction`, `null`, `'text'`, `3`. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return String(value);
  const name: unknown = value.constructor?.name;
  if (typeof name === 'string' && name !== '') return name;
  const tag = Object.prototype.toString.call(value).slice(8, -1); // of generators, and of what a null prototype leaves
  return tag === 'Object' ? 'an object' : tag;
}
