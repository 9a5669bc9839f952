// What lib must not take from its own realm. Jest and vitest's vm pools run it in contexts of node:vm, with a Float32Array, a Promise and an AbortSignal
// of their own, while the addon, optional packages and other libraries answer with those of Node's first context. Elsewhere node:util's types tell.
import { types } from 'node:util';
import { constants, runInThisContext } from 'node:vm';
import { fail } from './errors';

/**
 * The key of dispose methods. Contexts of Node 20 have no Symbol.dispose; Babel and esbuild look for this one there when they compile `using`.
 */
export const disposal: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

const readTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!.get!;

/** What kind of typed array this is, of whatever realm: 'Float32Array' (a Buffer is a 'Uint8Array'); undefined for what is none. */
export const typedArrayName = (value: unknown): string | undefined => readTag.call(value) as string | undefined;

const prototypes: readonly object[] = [Object, Array, Float32Array, Float64Array, Int32Array, Uint8Array].map((type) => type.prototype);
const arrays: Readonly<Record<string, new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayBufferView>> = {
  ...{ Float32Array, Float64Array, Int32Array, Uint8Array },
};

/** What the addon answers with (records, lists, typed arrays, handles), as values of this realm: strict equality of test runners asks for them. */
export function adopt(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || types.isExternal(value) || prototypes.includes(Object.getPrototypeOf(value)))
    return value;
  if (Array.isArray(value)) return Array.from(value, adopt);
  const type = arrays[typedArrayName(value) ?? ''];
  if (type === undefined) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, adopt(part)]));
  const { buffer, byteOffset, length } = value as Uint8Array;
  return new type(buffer, byteOffset, length);
}

export const isAbortSignal = (value: unknown): value is AbortSignal => {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function';
};

/** Throws the reason of a signal that is aborted; the signals of some realms have none. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason !== undefined) throw signal.reason;
  fail('ERR_TENSORWOOD_ABORTED', 'the job was aborted, and its signal says no reason');
}

/** A promise, or the rejection of an abort where that comes first. */
type OrAbort = <P>(promise: Promise<P>) => Promise<P>;

/** Gives `use` what to wait by, for one promise after the other: an abort rejects with the signal's reason, and nobody waits for the promise then. */
export async function untilAborted<T>(signal: AbortSignal | undefined, use: (orAbort: OrAbort) => Promise<T>): Promise<T> {
  let reject: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => {
    try {
      throwIfAborted(signal);
    } catch (reason) {
      reject(reason);
    }
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await use(
      (promise) =>
        new Promise((resolve, refuse) => {
          reject = refuse;
          promise.then(resolve, refuse);
          onAbort();
        }),
    );
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Declared here: types that are shipped need none of Node's. */
interface Require {
  (name: string): unknown;
  readonly resolve: { (name: string): string; paths(name: string): string[] | null };
}

/** Node's `require` as seen from a file, which bundlers do not follow; in Jest 30 it is Jest's. */
export const nodeRequire = (from: string): Require => process.getBuiltinModule('node:module').createRequire(from);

/** Node's `import()` as seen from a file: by the loader of its first context, so that Jest needs no --experimental-vm-modules. */
export function nodeImport(from: string, specifier: string): Promise<unknown> {
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return runInThisContext('(specifier) => import(specifier)', { filename: from, importModuleDynamically })(specifier);
}
