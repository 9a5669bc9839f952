// Matrix products: matmul over broadcast batches, and linear with bias, activation and residual fused. Kernels: native/cpu/kernels/matmul.h.
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { broadcastShapes, sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { add, elementwiseOperations, gelu, greater, mul, relu, where } from './elementwise';
import { expand, reshape, transpose } from './layout';
import { sum } from './reduce';

/** What linear applies to each element. The numbers are part of programs: native/core/codes.h has the same. */
export const activations = { none: 0, relu: 1, gelu: 2, gelu_tanh: 3 } as const;
export type Activation = keyof typeof activations;

function requireFloating(name: string, inputs: readonly Signature[]): void {
  const dtype = inputs[0]!.dtype;
  if (!isFloating(dtype) || inputs.some((x) => x.dtype !== dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected inputs of one dtype, f32 or bf16, got ${inputs.map((x) => x.dtype).join(' and ')}`);
  }
}

const product: Operation<Record<string, never>> = {
  name: 'matmul',
  infer(inputs) {
    const [a, b] = inputs as [Signature, Signature];
    requireFloating('matmul', inputs);
    const rank = a.shape.length;
    const batch = a.shape.slice(0, -2);
    if (rank < 2 || b.shape.length !== rank || !sameShape(batch, b.shape.slice(0, -2)) || a.shape[rank - 1] !== b.shape[rank - 2]) {
      fail('ERR_TENSORWOOD_SHAPE', `matmul: expected (..., m, k) and (..., k, n), got ${showShape(a.shape)} and ${showShape(b.shape)}`);
    }
    return [{ shape: [...batch, a.shape[rank - 2]!, b.shape[rank - 1]!], dtype: a.dtype }];
  },
  kernel: () => ({ name: 'matmul' }),
  strides: 'any',
  gradient: ({ inputs: [a, b] }, [g]) => [g && matmul(g, transpose(b!)), g && matmul(transpose(a!), g)],
};

/** x (..., k), weight (n, k), then those present of bias (n) and residual (..., n). */
interface LinearAttributes {
  readonly activation: Activation;
  readonly bias: boolean;
  readonly residual: boolean;
}

const outputShape = (x: Signature, weight: Signature): Shape => [...x.shape.slice(0, -1), weight.shape[0]!];

function inferLinear(name: string, x: Signature, weight: Signature): Signature {
  if (x.shape.length < 1 || weight.shape.length !== 2 || x.shape.at(-1) !== weight.shape[1]) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `${name}: expected x (..., k) and weight (n, k), got ${showShape(x.shape)} and ${showShape(weight.shape)}`,
    );
  }
  return { shape: outputShape(x, weight), dtype: x.dtype };
}

function requireShape(name: string, what: string, expected: Shape, x: Signature): void {
  if (!sameShape(x.shape, expected)) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected ${what} of shape ${showShape(expected)}, got ${showShape(x.shape)}`);
  }
}

const named = (inputs: readonly Tensor[], { bias, residual }: LinearAttributes) => ({
  x: inputs[0]!,
  weight: inputs[1]!,
  bias: bias ? inputs[2] : undefined,
  residual: residual ? inputs[bias ? 3 : 2] : undefined,
});

function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'none') return x;
  return activation === 'relu' ? relu(x) : gelu(x, { approximation: activation === 'gelu' ? 'none' : 'tanh' });
}

/** g times the derivative of the activation at `before`; joins the product that made g where it can. */
function timesSlope(g: Tensor, before: Tensor, activation: Activation): Tensor {
  if (activation === 'none') return g;
  const { operation, attributes, inputs } = g.node;
  if (operation === (fused as Operation) && isPlain(attributes)) return apply(sloped, [inputs[0]!, inputs[1]!, before], { activation })[0]!;
  return scaleBySlope(g, before, activation);
}

function scaleBySlope(g: Tensor, before: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return where(greater(before, 0), g, 0);
  return mul(g, apply(elementwiseOperations[`${activation as 'gelu' | 'gelu_tanh'}_derivative`], [before], {})[0]!);
}

const isPlain = (attributes: LinearAttributes): boolean => !attributes.bias && !attributes.residual && attributes.activation === 'none';

// Outputs: y, and with an activation also what it was applied to, which the gradient needs.
const fused: Operation<LinearAttributes> = {
  name: 'linear',
  infer(inputs, { activation, bias, residual }) {
    requireFloating('linear', inputs);
    const y = inferLinear('linear', inputs[0]!, inputs[1]!);
    if (bias) requireShape('linear', 'bias', [y.shape.at(-1)!], inputs[2]!);
    if (residual) requireShape('linear', 'residual', y.shape, inputs[bias ? 3 : 2]!);
    return activation === 'none' ? [y] : [y, y];
  },
  compose(inputs, attributes) {
    const { x, weight, bias, residual } = named(inputs, attributes);
    const product = matmul(x, transpose(weight));
    const before = bias ? add(product, bias) : product;
    const after = activate(before, attributes.activation);
    const y = residual ? add(after, residual) : after;
    return attributes.activation === 'none' ? [y] : [y, before];
  },
  kernel: (_, outputs, { activation, bias, residual }) => ({
    name: 'linear',
    integers: [Number(bias), 0, Number(residual), outputs.length - 1, activations[activation], 0],
  }),
  required: 1,
  strides: (input) => (input === 1 ? 'any' : 'dense'),
  gradient({ inputs, outputs, attributes }, [g, ofBefore]) {
    const { x, weight, bias, residual } = named(inputs, attributes);
    const through = g && timesSlope(g, outputs[1]!, attributes.activation);
    const before = through && ofBefore ? add(through, ofBefore) : (through ?? ofBefore);
    if (!before) return inputs.map(() => undefined);
    const [ofWeight, ofBias] = apply(weightGradient, [before, x], { bias: bias !== undefined });
    return [linear(before, transpose(weight)), ofWeight, ...(bias ? [ofBias] : []), ...(residual ? [g] : [])];
  },
};

// y = (x weight^T) activation'(before): the way back through an activation and the linear after it, in one kernel.
const sloped: Operation<{ activation: Activation }> = {
  name: 'linear_slope',
  infer(inputs) {
    requireFloating('linear_slope', inputs);
    const y = inferLinear('linear_slope', inputs[0]!, inputs[1]!);
    requireShape('linear_slope', 'before', y.shape, inputs[2]!);
    return [y];
  },
  compose: ([x, weight, before], { activation }) => [scaleBySlope(matmul(x!, transpose(weight!)), before!, activation)],
  kernel: (_, __, { activation }) => ({ name: 'linear', integers: [0, 1, 0, 0, 0, activations[activation]] }),
  strides: (input) => (input === 1 ? 'any' : 'dense'),
};

// dy (..., n), x (..., k) -> dweight (n, k), and with bias also dbias (n): the column sums of dy, taken while dy is packed.
const weightGradient: Operation<{ bias: boolean }> = {
  name: 'linear_weight_gradient',
  infer(inputs, { bias }) {
    const [dy, x] = inputs as [Signature, Signature];
    requireFloating('linear_weight_gradient', inputs);
    if (dy.shape.length < 1 || !sameShape(dy.shape.slice(0, -1), x.shape.slice(0, -1)) || dy.shape.length !== x.shape.length) {
      fail(
        'ERR_TENSORWOOD_SHAPE',
        `linear_weight_gradient: expected dy (..., n) and x (..., k), got ${showShape(dy.shape)} and ${showShape(x.shape)}`,
      );
    }
    const [n, k] = [dy.shape.at(-1)!, x.shape.at(-1)!];
    const ofWeight: Signature = { shape: [n, k], dtype: dy.dtype };
    return bias ? [ofWeight, { shape: [n], dtype: dy.dtype }] : [ofWeight];
  },
  compose([dy, x], { bias }) {
    const rows = reshape(dy!, [dy!.shape.slice(0, -1).reduce((a, b) => a * b, 1), dy!.shape.at(-1)!]);
    const ofWeight = matmul(transpose(rows), reshape(x!, [rows.shape[0]!, x!.shape.at(-1)!]));
    return bias ? [ofWeight, sum(rows, { axes: 0 })] : [ofWeight];
  },
  kernel: () => ({ name: 'linear_weight_gradient' }),
};

/** Every matrix product. */
export const matmulOperations = { matmul: product, linear: fused, linear_slope: sloped, linear_weight_gradient: weightGradient };

/**
 * Matrix product of the last two axes: a (..., m, k), b (..., k, n) -> (..., m, n). Leading axes broadcast. f32 or bf16, summed in f32. Transposed and sliced
 * views are read in place.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensors('matmul', a, b);
  if (a.shape.length < 2 || b.shape.length < 2) {
    fail('ERR_TENSORWOOD_SHAPE', `matmul: expected at least 2 axes, got ${showShape(a.shape)} and ${showShape(b.shape)}`);
  }
  if (b.shape.length === 2 && a.shape.length > 2) {
    const rows = a.shape.slice(0, -1).reduce((n, m) => n * m, 1);
    const flat = apply(product, [reshape(a, [rows, a.shape.at(-1)!]), b], {})[0]!;
    return reshape(flat, [...a.shape.slice(0, -1), b.shape[1]!]);
  }
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  return apply(product, [expand(a, [...batch, ...a.shape.slice(-2)]), expand(b, [...batch, ...b.shape.slice(-2)])], {})[0]!;
}

export interface LinearOptions {
  /** Applied after the bias: `relu`, `gelu` (exact), `gelu_tanh`. Default `none`. */
  readonly activation?: Activation;
  /** Added last, of the result's shape. */
  readonly residual?: Tensor;
}

/** activation(x weight^T + bias) + residual, in one kernel: x (..., k), weight (n, k), bias (n) -> (..., n). */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  checkOptions('linear', options, ['activation', 'residual']);
  const { activation = 'none', residual } = options;
  const inputs = [x, weight, ...(bias ? [bias] : []), ...(residual ? [residual] : [])];
  return apply(fused, inputs, { activation, bias: bias !== undefined, residual: residual !== undefined })[0]!;
}
