// Definitions of lib/ops/conv.ts in f64: every tap of every output, one after the other.
import { convOperations } from '../../lib/ops/conv';
import { sizeOf } from '../../lib/shape';
import type { Definitions, Sample, Value } from './definition';

interface Window {
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  groups: number;
}

type Shape4 = readonly [number, number, number, number];
const at = (shape: readonly number[], [a, b, c, d]: Shape4): number => ((a * shape[1]! + b) * shape[2]! + c) * shape[3]! + d;

/** visit(x, weight, y): the element of each that meet in one multiplication. */
function forTaps(
  shapes: { x: Shape4; weight: Shape4; y: Shape4 },
  window: Window,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { x, weight, y } = shapes;
  const perGroup = weight[0] / window.groups;
  const place = (axis: 0 | 1, output: number, tap: number) =>
    output * window.stride[axis] + tap * window.dilation[axis] - window.padding[axis];
  for (let flat = 0; flat < sizeOf(y); flat++) {
    const column = flat % y[3];
    const row = Math.floor(flat / y[3]) % y[2];
    const output = Math.floor(flat / (y[3] * y[2])) % y[1];
    const image = Math.floor(flat / (y[3] * y[2] * y[1]));
    for (let tap = 0; tap < weight[1] * weight[2] * weight[3]; tap++) {
      const [c, ky, kx] = [Math.floor(tap / (weight[2] * weight[3])), Math.floor(tap / weight[3]) % weight[2], tap % weight[3]];
      const [i, j] = [place(0, row, ky), place(1, column, kx)];
      if (i < 0 || i >= x[2] || j < 0 || j >= x[3]) continue;
      visit(at(x, [image, Math.floor(output / perGroup) * weight[1] + c, i, j]), at(weight, [output, c, ky, kx]), flat);
    }
  }
}

const value = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });
const four = (shape: readonly number[]): Shape4 => shape as unknown as Shape4;

interface Case {
  name: string;
  x: Shape4;
  weight: Shape4;
  window?: Partial<Window>;
}

const cases: Case[] = [
  { name: 'one pixel', x: [1, 1, 1, 1], weight: [1, 1, 1, 1] },
  { name: 'odd, padded', x: [2, 3, 7, 5], weight: [5, 3, 3, 3], window: { padding: [1, 1] } },
  { name: 'stride 2', x: [1, 2, 9, 8], weight: [17, 2, 3, 3], window: { stride: [2, 2], padding: [1, 1] } },
  { name: 'stride larger than the kernel', x: [1, 2, 7, 7], weight: [3, 2, 1, 1], window: { stride: [2, 3] } },
  { name: 'dilated, not square', x: [1, 2, 8, 11], weight: [3, 2, 3, 2], window: { dilation: [2, 3], padding: [0, 2], stride: [1, 2] } },
  { name: 'groups', x: [2, 6, 5, 5], weight: [9, 2, 3, 3], window: { groups: 3, padding: [1, 1] } },
  { name: 'depthwise', x: [1, 5, 6, 6], weight: [5, 1, 3, 3], window: { groups: 5, padding: [1, 1] } },
  { name: 'padded beyond the image', x: [1, 1, 2, 2], weight: [2, 1, 3, 3], window: { padding: [4, 3] } },
  { name: 'more than one chunk of pixels', x: [1, 1, 20, 21], weight: [2, 1, 2, 2] },
  { name: 'more than one block of taps', x: [1, 44, 4, 4], weight: [3, 44, 3, 3], window: { padding: [1, 1] } },
  { name: 'more outputs than one block', x: [1, 1, 3, 3], weight: [193, 1, 2, 2] },
  { name: 'no channels', x: [2, 0, 5, 5], weight: [3, 0, 3, 3] },
  { name: 'no outputs', x: [2, 3, 5, 5], weight: [0, 3, 3, 3] },
  { name: 'no images', x: [0, 2, 5, 5], weight: [3, 2, 3, 3] },
];

const windowOf = ({ window }: Case): Window => ({ stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, ...window });
function outputOf(c: Case): Shape4 {
  const { stride, padding, dilation } = windowOf(c);
  const size = (i: 0 | 1) => Math.floor((c.x[i + 2]! + 2 * padding[i] - dilation[i] * (c.weight[i + 2]! - 1) - 1) / stride[i]) + 1;
  return [c.x[0], c.weight[0], size(0), size(1)];
}

const samples = (inputs: (c: Case) => (readonly number[])[], more: (c: Case) => object = () => ({})): Sample[] =>
  cases.map((c) => ({ name: c.name, inputs: inputs(c).map((shape) => ({ shape })), attributes: { ...windowOf(c), ...more(c) } }));

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const plain = windowOf(cases[0]!);

/** What convolution means. */
export const definitions: Definitions = {
  conv2d: {
    operation: convOperations.conv2d,
    define([x, weight, bias], window, [output]) {
      const y = value(output!.shape);
      forTaps({ x: four(x!.shape), weight: four(weight!.shape), y: four(y.shape) }, window, (i, j, k) => {
        y.data[k]! += x!.data[i]! * weight!.data[j]!;
      });
      const pixels = y.shape[2]! * y.shape[3]!;
      for (let i = 0; bias && i < y.data.length; i++) y.data[i]! += bias.data[Math.floor(i / pixels) % bias.data.length]!;
      return [y];
    },
    tolerance: 2e-5,
    samples: [
      ...samples((c) => [c.x, c.weight]),
      ...samples((c) => [c.x, c.weight, [c.weight[0]]]).map((s) => ({ ...s, name: `bias, ${s.name}` })),
    ],
    refused: [
      { inputs: [f32(1, 3, 8, 8), f32(4, 2, 3, 3)], attributes: plain, message: /^conv2d: expected x \(images, channels, h, w\)/ },
      {
        inputs: [f32(1, 2, 2, 2), f32(4, 2, 3, 3)],
        attributes: plain,
        message: /^conv2d: expected a padded image at least as large as the kernel/,
      },
      {
        inputs: [f32(1, 2, 8, 8), f32(4, 2, 3, 3), f32(3)],
        attributes: plain,
        message: /^conv2d: expected bias of shape \(4,\), got \(3,\)$/,
      },
      { inputs: [f32(1, 2, 8, 8), f32(4, 2, 3, 3)], attributes: { ...plain, stride: [0, 1] }, message: /^conv2d: expected whole numbers/ },
    ],
  },
  conv2d_input_gradient: {
    operation: convOperations.conv2d_input_gradient,
    define([dy, weight], window) {
      const dx = value(window.shape);
      forTaps({ x: four(dx.shape), weight: four(weight!.shape), y: four(dy!.shape) }, window, (i, j, k) => {
        dx.data[i]! += dy!.data[k]! * weight!.data[j]!;
      });
      return [dx];
    },
    tolerance: 2e-5,
    samples: samples(
      (c) => [outputOf(c), c.weight],
      (c) => ({ shape: c.x }),
    ),
    refused: [
      {
        inputs: [f32(1, 4, 6, 5), f32(4, 2, 3, 3)],
        attributes: { ...plain, shape: [1, 2, 8, 8] },
        message: /expected dy of shape \(1, 4, 6, 6\)/,
      },
    ],
  },
  conv2d_weight_gradient: {
    operation: convOperations.conv2d_weight_gradient,
    define([dy, x], window) {
      const dweight = value(window.shape);
      forTaps({ x: four(x!.shape), weight: four(dweight.shape), y: four(dy!.shape) }, window, (i, j, k) => {
        dweight.data[j]! += dy!.data[k]! * x!.data[i]!;
      });
      return [dweight];
    },
    tolerance: 2e-5,
    samples: samples(
      (c) => [outputOf(c), c.x],
      (c) => ({ shape: c.weight }),
    ),
    refused: [
      {
        inputs: [f32(1, 4, 6, 5), f32(1, 2, 8, 8)],
        attributes: { ...plain, shape: [4, 2, 3, 3] },
        message: /expected dy of shape \(1, 4, 6, 6\)/,
      },
    ],
  },
};
