// What the functions of trees refuse beside the values of schemas: options that are no object, and options that are no values.
import { describe, fail } from '../errors';
import { checkIsOptions, checkSignal } from '../schema';

/** @throws ERR_TENSORWOOD_ARGUMENT when options are no object, or their signal is no AbortSignal */
export function checkCall(subject: string, options: unknown): void {
  checkIsOptions(subject, options);
  checkSignal(subject, (options as { readonly signal?: unknown }).signal);
}

export function checkFunction(subject: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${name} to be a function, got ${describe(value)}`);
}
