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

function draw(shape: Shape, stream: Stream, value: (u: number) => number): Float32Array {
  const draws = uniform(sizeOf(shape), stream);
  const elements = new Float32Array(draws.length);
  for (let i = 0; i < draws.length; i++) elements[i] = value(draws[i]!);
  return elements;
}

/** Uniform in (-bound, bound). */
export const uniformWithin =
  (bound: number): Initializer =>
  (shape, stream) =>
    draw(shape, stream, (u) => (2 * u - 1) * bound);

/** Normal of this standard deviation, cut off at two deviations: the values beyond are redistributed, none is drawn twice. */
export const truncatedNormal =
  (deviation: number): Initializer =>
  (shape, stream) =>
    draw(shape, stream, (u) => deviation * normalQuantile(tail + u * (1 - 2 * tail)));

/** Normal of mean 0 and this standard deviation. */
export const normal =
  (deviation: number): Initializer =>
  (shape, stream) =>
    draw(shape, stream, (u) => deviation * normalQuantile(u));

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

const tail = 0.022750131948179195; // probability of a standard normal value below -2

// Rational approximations of the normal quantile in the middle and in the two tails: Wichura, Algorithm AS 241 (PPND7), Applied Statistics 37, 1988;
// relative error about 1e-7.
const middle = (q: number, r: number): number =>
  (q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)) /
  (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1);
const near = (r: number): number =>
  (((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777) / ((0.12021132975 * r + 0.7370016425) * r + 1);
const far = (r: number): number =>
  (((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115) / ((0.012258202635 * r + 0.24197894225) * r + 1);

/** The x below which a standard normal value lies with probability p in (0, 1). */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return middle(q, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  return Math.sign(q) * (r <= 5 ? near(r - 1.6) : far(r - 5));
}
