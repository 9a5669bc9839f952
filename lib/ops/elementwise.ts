// Point-wise operations: one table of meanings and gradients, and the instructions of the elementwise machine (native/cpu/kernels/elementwise.h) that
// compute them. The functions broadcast by inserting expand views, so every node of this family has inputs of one shape and the gradient of a broadcast
// is the gradient of expand.
import type { DType } from '../dtype';
import { dtypes, isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { broadcastShapes, sameShape, showShape } from '../shape';
import type { Operation, Signature } from '../tensor';
import { apply, Tensor } from '../tensor';
import { checkOperands, checkOptions, checkTensors } from './check';
import { expand } from './layout';

/** A tensor, or a number (true = 1) that takes the dtype and shape of the tensors beside it. */
export type Operand = Tensor | number | boolean;
type None = Record<string, never>;
type Rule = (gradient: Tensor, inputs: readonly Tensor[], output: Tensor) => readonly (Tensor | undefined)[];

/**
 * The instructions of the elementwise machine, by code. `arguments` counts the operands a, b, c; `typed` is the operand whose lane type goes into the
 * instruction's type field; `result` is the lane type of the value, absent = that of the typed operand. `constant` has a = index into the numbers
 * and the lane type of its dtype.
 */
export interface Instruction {
  readonly code: number;
  readonly arguments: 0 | 1 | 2 | 3;
  readonly typed: 0 | 1;
  readonly result?: 0 | 1;
}

const nullary = (code: number): Instruction => ({ code, arguments: 0, typed: 0 });
const unary = (code: number, result?: 0 | 1): Instruction => ({ code, arguments: 1, typed: 0, result });
const binary = (code: number, result?: 0 | 1): Instruction => ({ code, arguments: 2, typed: 0, result });

export const instructions = {
  constant: nullary(0),
  add: binary(1),
  sub: binary(2),
  mul: binary(3),
  div: binary(4),
  pow: binary(5),
  neg: unary(6),
  abs: unary(7),
  exp: unary(8),
  log: unary(9),
  sqrt: unary(10),
  rsqrt: unary(11),
  square: unary(12),
  reciprocal: unary(13),
  tanh: unary(14),
  sigmoid: unary(15),
  relu: unary(16),
  gelu: unary(17),
  gelu_tanh: unary(18),
  silu: unary(19),
  erf: unary(20),
  sin: unary(21),
  cos: unary(22),
  maximum: binary(23),
  minimum: binary(24),
  clamp: { code: 25, arguments: 3, typed: 0 },
  where: { code: 26, arguments: 3, typed: 1 },
  equal: binary(27, 1),
  not_equal: binary(28, 1),
  less: binary(29, 1),
  less_equal: binary(30, 1),
  greater: binary(31, 1),
  greater_equal: binary(32, 1),
  logical_and: binary(33, 1),
  logical_or: binary(34, 1),
  logical_not: unary(35, 1),
  cast_f32: unary(36, 0),
  cast_bf16: unary(37, 0), // rounds, and stays in f32 lanes
  cast_i32: unary(38, 1),
  cast_u8: unary(39, 1),
  cast_bool: unary(40, 1),
  gelu_derivative: unary(41),
  gelu_tanh_derivative: unary(42),
  sign: unary(43),
} as const satisfies Record<string, Instruction>;

export type InstructionName = keyof typeof instructions;

/** Lanes of the machine that hold a value of this dtype: 0 = f32, 1 = i32. */
export const laneType = (dtype: DType): 0 | 1 => (isFloating(dtype) ? 0 : 1);

const floats: readonly DType[] = ['f32', 'bf16'];
const arithmetic: readonly DType[] = ['f32', 'bf16', 'i32'];
const all = Object.keys(dtypes) as DType[];

function checkDType(name: string, signature: Signature, accepted: readonly DType[]) {
  if (!accepted.includes(signature.dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected dtype ${accepted.join(', ')}, got ${signature.dtype}`);
  }
}

function checkAlike(name: string, inputs: readonly Signature[]) {
  const first = inputs[0]!;
  for (const input of inputs) {
    if (input.dtype !== first.dtype) {
      fail('ERR_TENSORWOOD_DTYPE', `${name}: expected one dtype, got ${inputs.map((s) => s.dtype).join(' and ')}; use cast`);
    }
    if (!sameShape(input.shape, first.shape)) {
      fail('ERR_TENSORWOOD_SHAPE', `${name}: expected one shape, got ${inputs.map((s) => showShape(s.shape)).join(' and ')}`);
    }
  }
}

function pointwise(name: InstructionName, accepted: readonly DType[], rule?: Rule, result?: DType): Operation<None> {
  return {
    name,
    elementwise: name,
    infer(inputs) {
      const expected = instructions[name].arguments;
      if (inputs.length !== expected) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected ${expected} inputs, got ${inputs.length}`);
      checkAlike(name, inputs);
      checkDType(name, inputs[0]!, accepted);
      return [{ shape: inputs[0]!.shape, dtype: result ?? inputs[0]!.dtype }];
    },
    gradient: rule && (({ inputs, outputs }, [gradient]) => (gradient ? rule(gradient, inputs, outputs[0]!) : inputs.map(() => undefined))),
  };
}

const constant: Operation<{ value: number; shape: Shape; dtype: DType }> = {
  name: 'constant',
  elementwise: 'constant',
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
};

const select: Operation<None> = {
  ...pointwise('where', all),
  infer(inputs) {
    const [condition, ...values] = inputs;
    if (!condition || values.length !== 2) fail('ERR_TENSORWOOD_ARGUMENT', `where: expected 3 inputs, got ${inputs.length}`);
    checkDType('where', condition, ['bool']);
    checkAlike('where', values);
    checkAlike('where', [condition, { ...values[0]!, dtype: 'bool' }]);
    return [values[0]!];
  },
  gradient({ inputs: [condition] }, [g]) {
    return g ? [undefined, where(condition!, g, 0), where(condition!, 0, g)] : [];
  },
};

const converted = (dtype: DType): Operation<None> =>
  pointwise(`cast_${dtype}`, all, (g, [x]) => (isFloating(dtype) && isFloating(x!.dtype) ? [cast(g, x!.dtype)] : [undefined]), dtype);

const twoOverRootPi = 2 / Math.sqrt(Math.PI);
const rootTwoOverPi = Math.sqrt(2 / Math.PI);
const density = (x: Tensor) => mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI)); // of the standard normal distribution

// d/dx of x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3)
function tanhGeluDerivative(x: Tensor): Tensor {
  const t = tanh(mul(add(x, mul(mul(square(x), x), 0.044715)), rootTwoOverPi));
  const slope = mul(add(mul(square(x), 3 * 0.044715), 1), rootTwoOverPi);
  return mul(add(add(t, 1), mul(mul(x, slope), sub(1, square(t)))), 0.5);
}

/** Every point-wise operation with its gradient. Ties of maximum, minimum and clamp give the whole gradient to the first input; relu has 0 at 0. */
export const elementwiseOperations = {
  constant,
  add: pointwise('add', arithmetic, (g) => [g, g]),
  sub: pointwise('sub', arithmetic, (g) => [g, neg(g)]),
  mul: pointwise('mul', arithmetic, (g, [a, b]) => [mul(g, b!), mul(g, a!)]),
  div: pointwise('div', floats, (g, [, b], y) => [div(g, b!), neg(div(mul(g, y), b!))]),
  pow: pointwise('pow', floats, (g, [a, b], y) => [mul(g, mul(b!, pow(a!, sub(b!, 1)))), mul(g, mul(y, log(a!)))]),
  neg: pointwise('neg', arithmetic, (g) => [neg(g)]),
  abs: pointwise('abs', arithmetic, (g, [x]) => [mul(g, sign(x!))]),
  sign: pointwise('sign', arithmetic),
  exp: pointwise('exp', floats, (g, _, y) => [mul(g, y)]),
  log: pointwise('log', floats, (g, [x]) => [div(g, x!)]),
  sqrt: pointwise('sqrt', floats, (g, _, y) => [div(mul(g, 0.5), y)]),
  rsqrt: pointwise('rsqrt', floats, (g, _, y) => [mul(mul(g, -0.5), mul(square(y), y))]),
  square: pointwise('square', arithmetic, (g, [x]) => [mul(mul(g, 2), x!)]),
  reciprocal: pointwise('reciprocal', floats, (g, _, y) => [neg(mul(g, square(y)))]),
  tanh: pointwise('tanh', floats, (g, _, y) => [mul(g, sub(1, square(y)))]),
  sigmoid: pointwise('sigmoid', floats, (g, _, y) => [mul(g, mul(y, sub(1, y)))]),
  relu: pointwise('relu', arithmetic, (g, [x]) => [where(greater(x!, 0), g, 0)]),
  gelu: pointwise('gelu', floats, (g, [x]) => [mul(g, derivative('gelu_derivative', x!))]),
  gelu_derivative: pointwise('gelu_derivative', floats, (g, [x]) => [mul(g, mul(density(x!), sub(2, square(x!))))]),
  gelu_tanh: pointwise('gelu_tanh', floats, (g, [x]) => [mul(g, derivative('gelu_tanh_derivative', x!))]),
  gelu_tanh_derivative: { ...pointwise('gelu_tanh_derivative', floats), compose: ([x]) => [tanhGeluDerivative(x!)] } as Operation<None>,
  silu: pointwise('silu', floats, (g, [x], y) => [mul(g, add(sigmoid(x!), mul(y, sub(1, sigmoid(x!)))))]),
  erf: pointwise('erf', floats, (g, [x]) => [mul(g, mul(exp(neg(square(x!))), twoOverRootPi))]),
  sin: pointwise('sin', floats, (g, [x]) => [mul(g, cos(x!))]),
  cos: pointwise('cos', floats, (g, [x]) => [neg(mul(g, sin(x!)))]),
  maximum: pointwise('maximum', arithmetic, (g, [a, b]) => [where(greaterEqual(a!, b!), g, 0), where(greaterEqual(a!, b!), 0, g)]),
  minimum: pointwise('minimum', arithmetic, (g, [a, b]) => [where(lessEqual(a!, b!), g, 0), where(lessEqual(a!, b!), 0, g)]),
  clamp: pointwise('clamp', arithmetic, (g, [x, low, high]) => [
    where(logicalAnd(greaterEqual(x!, low!), lessEqual(x!, high!)), g, 0),
    where(less(x!, low!), g, 0),
    where(greater(x!, high!), g, 0),
  ]),
  where: select,
  equal: pointwise('equal', all, undefined, 'bool'),
  not_equal: pointwise('not_equal', all, undefined, 'bool'),
  less: pointwise('less', all, undefined, 'bool'),
  less_equal: pointwise('less_equal', all, undefined, 'bool'),
  greater: pointwise('greater', all, undefined, 'bool'),
  greater_equal: pointwise('greater_equal', all, undefined, 'bool'),
  logical_and: pointwise('logical_and', ['bool'], undefined, 'bool'),
  logical_or: pointwise('logical_or', ['bool'], undefined, 'bool'),
  logical_not: pointwise('logical_not', ['bool'], undefined, 'bool'),
  cast_f32: converted('f32'),
  cast_bf16: converted('bf16'),
  cast_i32: converted('i32'),
  cast_u8: converted('u8'),
  cast_bool: converted('bool'),
} satisfies Record<InstructionName, Operation<any>>;

/** A tensor filled with one value; it costs no memory where a point-wise operation consumes it. Default dtype f32. */
export function full(shape: Shape, value: number | boolean, dtype: DType = 'f32'): Tensor {
  const number = Number(value);
  if (!isFloating(dtype) && !Number.isInteger(number)) {
    fail('ERR_TENSORWOOD_ARGUMENT', `full: expected an integer for dtype ${dtype}, got ${number}`);
  }
  return apply(constant, [], { value: number, shape: [...shape], dtype })[0]!;
}

// Operands as tensors of one shape; numbers take the dtype of `like`, by default the first tensor.
function align(name: string, operands: readonly Operand[], like = operands.find((x) => x instanceof Tensor)): Tensor[] {
  checkOperands(name, operands);
  if (!(like instanceof Tensor)) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected at least one tensor, got ${operands.join(' and ')}`);
  const shape = broadcastShapes(name, ...operands.map((x) => (x instanceof Tensor ? x.shape : [])));
  return operands.map((x) => (x instanceof Tensor ? expand(x, shape) : full(shape, x, like.dtype)));
}

const call = (operation: Operation<None>, ...operands: Operand[]): Tensor => apply(operation, align(operation.name, operands), {})[0]!;
const derivative = (name: 'gelu_derivative' | 'gelu_tanh_derivative', x: Tensor): Tensor => call(elementwiseOperations[name], x);

/** a + b, broadcast. f32, bf16, or i32 (which wraps). */
export const add = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.add, a, b);
/** a - b, broadcast. */
export const sub = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.sub, a, b);
/** a * b, broadcast. */
export const mul = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.mul, a, b);
/** a / b, broadcast, floating point. */
export const div = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.div, a, b);
/** -x. */
export const neg = (x: Tensor): Tensor => call(elementwiseOperations.neg, x);
/** |x|. */
export const abs = (x: Tensor): Tensor => call(elementwiseOperations.abs, x);
/** -1, 0 or 1. */
export const sign = (x: Tensor): Tensor => call(elementwiseOperations.sign, x);
/** e^x. */
export const exp = (x: Tensor): Tensor => call(elementwiseOperations.exp, x);
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => call(elementwiseOperations.log, x);
/** Square root. */
export const sqrt = (x: Tensor): Tensor => call(elementwiseOperations.sqrt, x);
/** 1 / sqrt(x). */
export const rsqrt = (x: Tensor): Tensor => call(elementwiseOperations.rsqrt, x);
/** x^2. */
export const square = (x: Tensor): Tensor => call(elementwiseOperations.square, x);
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => call(elementwiseOperations.reciprocal, x);
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => call(elementwiseOperations.tanh, x);
/** 1 / (1 + e^-x). */
export const sigmoid = (x: Tensor): Tensor => call(elementwiseOperations.sigmoid, x);
/** max(x, 0). */
export const relu = (x: Tensor): Tensor => call(elementwiseOperations.relu, x);
/** x sigmoid(x). Elfwing et al., arXiv:1702.03118. */
export const silu = (x: Tensor): Tensor => call(elementwiseOperations.silu, x);
/** The error function. */
export const erf = (x: Tensor): Tensor => call(elementwiseOperations.erf, x);
/** Sine of an angle in radians. */
export const sin = (x: Tensor): Tensor => call(elementwiseOperations.sin, x);
/** Cosine of an angle in radians. */
export const cos = (x: Tensor): Tensor => call(elementwiseOperations.cos, x);
/** The larger of a and b, broadcast; NaN when either is. */
export const maximum = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.maximum, a, b);
/** The smaller of a and b, broadcast; NaN when either is. */
export const minimum = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.minimum, a, b);
/** x held within [low, high], broadcast. */
export const clamp = (x: Tensor, low: Operand, high: Operand): Tensor => call(elementwiseOperations.clamp, x, low, high);
/** a = b, as bool. */
export const equal = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.equal, a, b);
/** a != b, as bool. */
export const notEqual = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.not_equal, a, b);
/** a < b, as bool. */
export const less = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.less, a, b);
/** a <= b, as bool. */
export const lessEqual = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.less_equal, a, b);
/** a > b, as bool. */
export const greater = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.greater, a, b);
/** a >= b, as bool. */
export const greaterEqual = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.greater_equal, a, b);
/** Both, of bool tensors. */
export const logicalAnd = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.logical_and, a, b);
/** Either, of bool tensors. */
export const logicalOr = (a: Operand, b: Operand): Tensor => call(elementwiseOperations.logical_or, a, b);
/** Not, of a bool tensor. */
export const logicalNot = (x: Tensor): Tensor => call(elementwiseOperations.logical_not, x);

/** a^b, broadcast, floating point; the exponents 2, 1/2, -1/2, -1 and 1 become their own, faster operations. NaN for a < 0 with a fractional b. */
export function pow(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor) {
    if (b === 1) return a;
    if (b === 2) return square(a);
    if (b === 0.5) return sqrt(a);
    if (b === -0.5) return rsqrt(a);
    if (b === -1) return reciprocal(a);
  }
  return call(elementwiseOperations.pow, a, b);
}

/** x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, arXiv:1606.08415): exact by erf, or by the paper's tanh approximation. */
export function gelu(x: Tensor, options: { approximation?: 'none' | 'tanh' } = {}): Tensor {
  checkOptions('gelu', options, ['approximation']);
  return call(options.approximation === 'tanh' ? elementwiseOperations.gelu_tanh : elementwiseOperations.gelu, x);
}

/** a where the bool tensor `condition` holds, else b; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const like = a instanceof Tensor ? a : b;
  return apply(select, align('where', [condition, a, b], like instanceof Tensor ? like : undefined), {})[0]!;
}

/** Converts. To integers: toward zero, NaN to 0, past the ends of i32 to them; u8 keeps the low 8 bits; bool is x != 0. */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensors('cast', x);
  return x.dtype === dtype ? x : call(elementwiseOperations[`cast_${dtype}`], x);
}
