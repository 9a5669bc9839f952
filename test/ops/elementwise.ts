// Definitions of lib/ops/elementwise.ts in f64.
import type { DType } from '../../lib/dtype';
import { elementwiseOperations } from '../../lib/ops/elementwise';
import type { Shape } from '../../lib/shape';
import { sizeOf } from '../../lib/shape';
import type { Signature } from '../../lib/tensor';
import type { Definition, Definitions, Draw, Sample, SampleInput } from './definition';

/** The error function: its Taylor series near 0, Lentz's continued fraction of erfc away from it (Numerical Recipes, 6.2). */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a > 2.5) return Math.sign(x) * (1 - erfc(a));
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

function erfc(x: number): number {
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

const normal = (x: number) => (1 + erf(x / Math.SQRT2)) / 2;
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const slope = Math.sqrt(2 / Math.PI);
const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const larger = (a: number, b: number) => (Number.isNaN(a) || a > b ? a : b);
const smaller = (a: number, b: number) => (Number.isNaN(a) || a < b ? a : b);

function tanhGeluSlope(x: number): number {
  const t = Math.tanh(slope * (x + 0.044715 * x ** 3));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope * (1 + 3 * 0.044715 * x * x);
}

/** To an i32: toward zero, NaN to 0, past the ends to them. */
function toInteger(x: number): number {
  return Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x)));
}

// One shape for all inputs; sizes around vectors, blocks (512, 1024) and tasks (16384) of the machine.
const sizes: [string, Shape][] = [
  ['one', [1]],
  ['odd', [7]],
  ['prime', [101]],
  ['masked tail', [2, 3, 11]],
  ['tail of a block', [1027]],
  ['several tasks', [3, 5481]],
  ['several tiles, transposed', [67, 131]],
  ['scalar', []],
  ['empty', [3, 0]],
];

interface Point {
  readonly f: (...x: number[]) => number;
  readonly draws: readonly (Draw | undefined)[]; // one an input
  readonly dtypes?: readonly DType[];
  readonly tolerance?: number;
  readonly integer?: (...x: number[]) => number; // on i32, where f would not wrap
  readonly extra?: readonly Sample[];
}

const floats: readonly DType[] = ['f32', 'bf16'];
const arithmetic: readonly DType[] = ['f32', 'bf16', 'i32'];
const all: readonly DType[] = ['f32', 'bf16', 'i32', 'u8', 'bool'];

function samplesOf(draws: readonly (Draw | undefined)[], conditions: readonly boolean[]): Sample[] {
  const input = (shape: Shape, i: number, broadcast?: Shape): SampleInput => ({
    shape,
    values: draws[i],
    ...(conditions[i] ? { dtype: 'bool' as const } : {}),
    ...(broadcast ? { broadcast } : {}),
  });
  const samples: Sample[] = sizes.map(([name, shape]) => ({ name, inputs: draws.map((_, i) => input(shape, i)), attributes: {} }));
  if (draws.length < 2) return samples;
  const spread = (name: string, shape: Shape, small: readonly Shape[]): Sample => ({
    name,
    inputs: draws.map((_, i) => (i === 0 ? input(shape, 0) : input(small[(i - 1) % small.length]!, i, shape))),
    attributes: {},
  });
  return [
    ...samples,
    spread('broadcast row and column', [5, 7], [[7], [5, 1]]),
    spread('broadcast long rows', [6, 613], [[613], [6, 1]]),
    spread('broadcast scalar', [2, 67], [[], [1, 1]]),
    spread(
      'broadcast middle axis',
      [3, 5, 4],
      [
        [3, 1, 4],
        [5, 1],
      ],
    ),
  ];
}

function define(
  name: keyof typeof elementwiseOperations,
  { f, draws, dtypes = floats, tolerance, integer, extra = [] }: Point,
): Definition {
  const operation = elementwiseOperations[name];
  return {
    operation,
    define(inputs, _, outputs) {
      const { shape, dtype } = outputs[0]!;
      const rule = dtype === 'i32' && integer ? integer : f;
      return [{ shape, data: Float64Array.from({ length: sizeOf(shape) }, (__, i) => Number(rule(...inputs.map((x) => x.data[i]!)))) }];
    },
    dtypes,
    samples: [
      ...samplesOf(
        draws,
        draws.map((__, i) => name === 'where' && i === 0),
      ),
      ...extra,
    ],
    tolerance,
    refused: draws.length < 2 ? [] : refusals(name, draws.length, dtypes),
  };
}

function refusals(name: string, count: number, dtypes: readonly DType[]): NonNullable<Definition['refused']> {
  const plain = (shape: Shape, dtype: DType): Signature => ({ shape, dtype });
  const first = plain([2, 3], name === 'where' ? 'bool' : dtypes[0]!);
  const rest = (shape: Shape, dtype: DType) =>
    Array.from({ length: count - 1 }, (_, i) => (i === count - 2 ? plain(shape, dtype) : plain([2, 3], dtypes[0]!)));
  return [
    {
      inputs: [first, ...rest([3, 2], dtypes[0]!)],
      attributes: {},
      message: new RegExp(`^${name}: expected one shape, got .*\\(3, 2\\)$`),
    },
    {
      inputs: [first, ...rest([2, 3], dtypes[0] === 'bool' ? 'i32' : 'u8')],
      attributes: {},
      message: new RegExp(`^${name}: expected one dtype, got .*; use cast$`),
    },
  ];
}

const positive: Draw = { low: 0.1, high: 3 };
const unary = (f: (x: number) => number, more: Partial<Point> = {}): Point => ({ f, draws: [undefined], ...more });
const binary = (f: (a: number, b: number) => number, more: Partial<Point> = {}): Point => ({ f, draws: [undefined, undefined], ...more });
const compare = (f: (a: number, b: number) => boolean): Point => binary((a, b) => Number(f(a, b)), { dtypes: all, extra: [withNaN(2)] });
const logical = (f: (a: number, b: number) => number): Point => binary(f, { dtypes: ['bool'] });

// Elements that only floating point has; the f32 column alone.
function withNaN(inputs: number): Sample {
  const special = [Number.NaN, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1];
  const other = [1, Number.NaN, Number.NaN, 1, Number.POSITIVE_INFINITY, -0, 1];
  const values = [special, other].slice(0, inputs);
  const skipped = 'no derivative at these points';
  return {
    name: 'NaN and infinity',
    inputs: values.map((v) => ({ shape: [7], dtype: 'f32', values: v })),
    attributes: {},
    gradient: { skipped },
  };
}
const large = [2 ** 31 - 1, -(2 ** 31), 123456789, -987654321, 65537];
const wide = (inputs: number): Sample => ({
  name: 'large integers',
  inputs: [large, [...large].reverse()].slice(0, inputs).map((values) => ({ shape: [5], dtype: 'i32', values })),
  attributes: {},
});
const edges: Sample = {
  name: 'past the ends',
  inputs: [{ shape: [8], dtype: 'f32', values: [3e9, -3e9, Number.NaN, 2.9, -2.9, 255.5, 256, -1] }],
  attributes: {},
  gradient: { skipped: 'integers have none' },
};
const converted = (f: (x: number) => number, extra: readonly Sample[] = []): Point => unary(f, { dtypes: all, extra });

const constant: Definition = {
  operation: elementwiseOperations.constant,
  define: (_, { shape, value }) => [{ shape, data: new Float64Array(sizeOf(shape)).fill(value) }],
  dtypes: ['f32'],
  samples: all.flatMap((dtype) =>
    sizes.map(([name, shape]) => ({ name: `${dtype}, ${name}`, inputs: [], attributes: { value: 1, shape, dtype } })),
  ),
};

const points: Definitions = Object.fromEntries(
  Object.entries({
    add: binary((a, b) => a + b, { dtypes: arithmetic, integer: (a, b) => (a + b) | 0, extra: [wide(2)] }),
    sub: binary((a, b) => a - b, { dtypes: arithmetic, integer: (a, b) => (a - b) | 0, extra: [wide(2)] }),
    mul: binary((a, b) => a * b, { dtypes: arithmetic, integer: Math.imul, extra: [wide(2)] }),
    div: { f: (a, b) => a / b, draws: [undefined, { low: 0.5, high: 2 }] },
    pow: { f: (a, b) => a ** b, draws: [positive, undefined] },
    neg: unary((x) => -x, { dtypes: arithmetic, integer: (x) => -x | 0, extra: [wide(1)] }),
    abs: unary(Math.abs, { dtypes: arithmetic, integer: (x) => Math.abs(x) | 0, extra: [wide(1)] }),
    sign: unary(Math.sign, { dtypes: arithmetic, extra: [wide(1)] }),
    exp: unary(Math.exp, { extra: [withNaN(1)] }),
    log: { f: Math.log, draws: [positive] },
    sqrt: { f: Math.sqrt, draws: [positive] },
    rsqrt: { f: (x) => 1 / Math.sqrt(x), draws: [positive] },
    square: unary((x) => x * x, { dtypes: arithmetic, integer: (x) => Math.imul(x, x), extra: [wide(1)] }),
    reciprocal: { f: (x) => 1 / x, draws: [positive] },
    tanh: unary(Math.tanh, { extra: [withNaN(1)] }),
    sigmoid: unary(logistic, { extra: [withNaN(1)] }),
    relu: unary((x) => larger(x, 0), { dtypes: arithmetic, extra: [withNaN(1)] }),
    gelu: unary((x) => x * normal(x)),
    gelu_derivative: unary((x) => normal(x) + x * density(x)),
    gelu_tanh: unary((x) => 0.5 * x * (1 + Math.tanh(slope * (x + 0.044715 * x ** 3)))),
    gelu_tanh_derivative: unary(tanhGeluSlope),
    silu: unary((x) => x * logistic(x)),
    erf: unary(erf),
    sin: unary(Math.sin),
    cos: unary(Math.cos),
    maximum: binary(larger, { dtypes: arithmetic, extra: [withNaN(2), wide(2)] }),
    minimum: binary(smaller, { dtypes: arithmetic, extra: [withNaN(2), wide(2)] }),
    clamp: {
      f: (x, low, high) => Math.min(Math.max(x, low), high),
      draws: [undefined, { low: -2, high: 0 }, { low: 0, high: 2 }],
      dtypes: arithmetic,
    },
    where: { f: (c, a, b) => (c ? a : b), draws: [undefined, undefined, undefined], dtypes: all },
    equal: compare((a, b) => a === b),
    not_equal: compare((a, b) => a !== b),
    less: compare((a, b) => a < b),
    less_equal: compare((a, b) => a <= b),
    greater: compare((a, b) => a > b),
    greater_equal: compare((a, b) => a >= b),
    logical_and: logical((a, b) => Number(a && b)),
    logical_or: logical((a, b) => Number(a || b)),
    logical_not: unary((x) => Number(!x), { dtypes: ['bool'] }),
    cast_f32: converted((x) => x),
    cast_bf16: converted((x) => x),
    cast_i32: converted(toInteger, [edges]),
    cast_u8: converted((x) => toInteger(x) & 255, [edges]),
    cast_bool: converted((x) => Number(x !== 0), [withNaN(1)]),
  } satisfies Record<Exclude<keyof typeof elementwiseOperations, 'constant'>, Point>).map(([name, point]) => [
    name,
    define(name as keyof typeof elementwiseOperations, point),
  ]),
);

/** What point-wise operations mean. */
export const definitions: Definitions = { constant, ...points };
