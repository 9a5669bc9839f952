// What every public operation refuses at its door: anything else in a tensor's place, and options that it does not have. Without this a typing error would
// be ignored, or become NaN.
import { describe, fail } from '../errors';
import { checkOptions as checkKnown, refuseOptions } from '../schema';
import { checkTensors, cureFor, Tensor } from '../tensor';

export { checkTensors };

/** The same for a list: `concat: expected a list of tensors, got Tensor`. */
export function checkTensorList(name: string, values: unknown): void {
  if (!Array.isArray(values)) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a list of tensors, got ${describe(values)}`);
  checkTensors(name, ...values);
}

/** Throws ERR_TENSORWOOD_ARGUMENT for what is neither a tensor nor a number. */
export function checkOperands(name: string, operands: readonly unknown[]): void {
  for (const value of operands) {
    if (typeof value === 'number' || typeof value === 'boolean' || value instanceof Tensor) continue;
    fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a tensor or a number, got ${describe(value)}${cureFor(value)}`);
  }
}

/** Throws ERR_TENSORWOOD_ARGUMENT: `sum: unknown option 'axis', did you mean 'axes'?`. */
export function checkOptions(name: string, options: unknown, known: readonly string[]): void {
  if (options instanceof Tensor) refuseOptions(name, options);
  checkKnown(name, options, known);
}
