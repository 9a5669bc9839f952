// Softmax and its logarithm. Kernels: native/cpu/kernels/softmax.h, along the last axis; another axis is brought there by a view.
import { isFloating } from '../dtype';
import { fail } from '../errors';
import { normalizeAxis, sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { div, exp, log, mul, sub } from './elementwise';
import { transpose } from './layout';
import { max, sum } from './reduce';

type None = Record<string, never>;

const last = { axes: -1, keepDimensions: true };

function inferAlike(name: string, inputs: readonly Signature[]): Signature[] {
  const x = inputs[0]!;
  if (!isFloating(x.dtype) || inputs.some(({ dtype }) => dtype !== x.dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype f32 or bf16, got ${inputs.map(({ dtype }) => dtype).join(' and ')}`);
  }
  if (x.shape.length === 0 || x.shape.at(-1) === 0) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected a last axis of at least one element, got shape ${showShape(x.shape)}`);
  }
  if (inputs.some(({ shape }) => !sameShape(shape, x.shape))) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected one shape, got ${inputs.map(({ shape }) => showShape(shape)).join(' and ')}`);
  }
  return [x];
}

function alongLast(
  name: string,
  compose: (inputs: readonly Tensor[]) => Tensor,
  gradient?: (g: Tensor, y: Tensor) => Tensor,
): Operation<None> {
  return {
    name,
    infer: (inputs) => inferAlike(name, inputs),
    compose: (inputs) => [compose(inputs)],
    kernel: () => ({ name }),
    strides: 'rows',
    gradient: gradient && (({ outputs: [y] }, [g]) => [g && gradient(g, y!)]),
  };
}

// The largest element is subtracted first, so that no exponential overflows.
const shifted = (x: Tensor): Tensor => sub(x, max(x, last));

function composeSoftmax([x]: readonly Tensor[]): Tensor {
  const terms = exp(shifted(x!));
  return div(terms, sum(terms, last));
}

function composeLogSoftmax([x]: readonly Tensor[]): Tensor {
  const low = shifted(x!);
  return sub(low, log(sum(exp(low), last)));
}

const softmaxGradient = alongLast('softmax_gradient', ([g, y]) => mul(y!, sub(g!, sum(mul(g!, y!), last))));
const logSoftmaxGradient = alongLast('log_softmax_gradient', ([g, y]) => sub(g!, mul(exp(y!), sum(g!, last))));

/** Softmax and log-softmax with their gradients, which are functions of the gradient and the result. */
export const softmaxOperations = {
  softmax: alongLast('softmax', composeSoftmax, (g, y) => apply(softmaxGradient, [g, y], {})[0]!),
  log_softmax: alongLast('log_softmax', composeLogSoftmax, (g, y) => apply(logSoftmaxGradient, [g, y], {})[0]!),
  softmax_gradient: softmaxGradient,
  log_softmax_gradient: logSoftmaxGradient,
};

function along(operation: Operation<None>, x: Tensor, options: { axis?: number }): Tensor {
  checkTensors(operation.name, x);
  checkOptions(operation.name, options, ['axis']);
  const at = normalizeAxis(operation.name, options.axis ?? -1, x.shape);
  if (at === x.shape.length - 1) return apply(operation, [x], {})[0]!;
  return transpose(apply(operation, [transpose(x, at, -1)], {})[0]!, at, -1);
}

/** e^x / sum(e^x) along an axis (default -1): f32 or bf16, computed in f32. A row of -infinity gives NaN. */
export const softmax = (x: Tensor, options: { axis?: number } = {}): Tensor => along(softmaxOperations.softmax, x, options);

/** log(softmax(x)) along an axis (default -1), accurate where the probability is near 0. */
export const logSoftmax = (x: Tensor, options: { axis?: number } = {}): Tensor => along(softmaxOperations.log_softmax, x, options);
