// First values of parameters, from the library's counter-based generator: a parameter's numbers depend on the seed and its name alone.
// Glorot and Bengio, AISTATS 2010 (xavier); He et al., arXiv:1502.01852 (kaiming).
import type { Shape } from '../shape';
import { sizeOf } from '../shape';
import type { Stream } from './philox';
import { uniform } from './philox';

/** First elements of a parameter of this shape, row-major. */
export type Initializer = (shape: Shape, stream: Stream) => Float32Array;

const constantly =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

export const zeros: Initializer = constantly(0);
export const ones: Initializer = constantly(1);

/** Uniform in (-bound, bound). */
export const uniformWithin =
  (bound: number): Initializer =>
  (shape, stream) =>
    Float32Array.from(uniform(sizeOf(shape), stream), (u) => (2 * u - 1) * bound);

/** Normal of this standard deviation, cut off at two deviations: the values beyond are redistributed, none is drawn twice. */
export const truncatedNormal =
  (deviation: number): Initializer =>
  (shape, stream) =>
    Float32Array.from(uniform(sizeOf(shape), stream), (u) => deviation * normalQuantile(TAIL + u * (1 - 2 * TAIL)));

/** Normal of mean 0 and this standard deviation. */
export const normal =
  (deviation: number): Initializer =>
  (shape, stream) =>
    Float32Array.from(uniform(sizeOf(shape), stream), (u) => deviation * normalQuantile(u));

/** What goes into one output and out of one input of a weight (out, in, ...window). */
function fans(shape: Shape): { input: number; output: number } {
  const window = sizeOf(shape.slice(2));
  return { input: (shape[1] ?? 1) * window, output: (shape[0] ?? 1) * window };
}

/** Uniform with variance 2 / (in + out): for layers followed by something linear around 0. */
export const xavierUniform: Initializer = (shape, stream) => {
  const { input, output } = fans(shape);
  return uniformWithin(Math.sqrt(6 / (input + output)))(shape, stream);
};

/** Normal with variance 2 / out: keeps the size of gradients through layers with ReLU. */
export const kaimingNormal: Initializer = (shape, stream) => normal(Math.sqrt(2 / fans(shape).output))(shape, stream);

const TAIL = 0.022750131948179195; // probability of a standard normal value below -2

const evaluate = (coefficients: readonly number[], x: number): number => coefficients.reduceRight((total, c) => total * x + c, 0);

// Rational approximations of the normal quantile in the middle and in the two tails: Wichura, Algorithm AS 241 (PPND7), Applied Statistics 37, 1988;
// relative error about 1e-7.
const middle = [
  [3.3871327179, 50.434271938, 159.29113202, 59.10937472],
  [1, 17.895169469, 78.757757664, 67.1875636],
] as const;
const near = [
  [1.4234372777, 2.75681539, 1.3067284816, 0.17023821103],
  [1, 0.7370016425, 0.12021132975],
] as const;
const far = [
  [6.657905115, 3.081226386, 0.42868294337, 0.017337203997],
  [1, 0.24197894225, 0.012258202635],
] as const;

/** The x below which a standard normal value lies with probability p in (0, 1). */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * evaluate(middle[0], r)) / evaluate(middle[1], r);
  }
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  const [top, bottom] = r <= 5 ? near : far;
  const shifted = r - (r <= 5 ? 1.6 : 5);
  return (Math.sign(q) * evaluate(top, shifted)) / evaluate(bottom, shifted);
}
