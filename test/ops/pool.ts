// Definitions of lib/ops/pool.ts in f64.
import { poolOperations } from '../../lib/ops/pool';
import { sizeOf } from '../../lib/shape';
import type { Definitions, Sample, Value } from './definition';

interface Window {
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
}

const value = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });

/** For each element of y the elements of x under its window, in row-major order. */
function* windows(x: readonly number[], y: readonly number[], { kernel, stride, padding }: Window): Generator<[number, number[]]> {
  for (let flat = 0; flat < sizeOf(y); flat++) {
    const [column, row, plane] = [flat % y[3]!, Math.floor(flat / y[3]!) % y[2]!, Math.floor(flat / (y[3]! * y[2]!))];
    const under: number[] = [];
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const i = row * stride[0] + Math.floor(tap / kernel[1]) - padding[0];
      const j = column * stride[1] + (tap % kernel[1]) - padding[1];
      if (i >= 0 && i < x[2]! && j >= 0 && j < x[3]!) under.push((plane * x[2]! + i) * x[3]! + j);
    }
    yield [flat, under];
  }
}

const largest = (data: Float64Array, under: number[]): number => under.reduce((best, i) => (data[i]! > data[best]! ? i : best), under[0]!);

const cases: { name: string; x: number[]; window: Window }[] = [
  { name: 'one pixel', x: [1, 1, 1, 1], window: { kernel: [1, 1], stride: [1, 1], padding: [0, 0] } },
  { name: 'halves', x: [2, 3, 6, 8], window: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } },
  { name: 'overlapping, padded', x: [2, 2, 7, 5], window: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
  { name: 'not square', x: [1, 5, 5, 11], window: { kernel: [2, 5], stride: [1, 3], padding: [1, 2] } },
  { name: 'gaps between windows', x: [1, 2, 7, 7], window: { kernel: [1, 2], stride: [3, 3], padding: [0, 0] } },
  { name: 'no channels', x: [2, 0, 4, 4], window: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } },
  { name: 'no images', x: [0, 2, 4, 4], window: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } },
];

function outputOf(x: number[], { kernel, stride, padding }: Window): number[] {
  return [x[0]!, x[1]!, ...[0, 1].map((i) => Math.floor((x[i + 2]! + 2 * padding[i]! - kernel[i]!) / stride[i]!) + 1)];
}

// Values a hundredth apart in a scrambled order: no two are equal, and no difference quotient moves a maximum.
const distinct = (shape: number[]): number[] => Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7919) % 1009) / 100 - 5);

const forward = cases.map(({ name, x, window }): Sample => ({ name, inputs: [{ shape: x, values: distinct(x) }], attributes: window }));
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const refused = (name: string) => [
  { inputs: [f32(2, 4, 4)], attributes: cases[1]!.window, message: new RegExp(`^${name}: expected \\(images, channels, h, w\\)`) },
  {
    inputs: [f32(1, 2, 4, 4)],
    attributes: { ...cases[1]!.window, padding: [2, 0] },
    message: new RegExp(`^${name}: .*at most half the kernel`),
  },
  {
    inputs: [{ shape: [1, 1, 4, 4], dtype: 'i32' as const }],
    attributes: cases[1]!.window,
    message: new RegExp(`^${name}: expected dtype f32 or bf16`),
  },
];

/** What pooling means. */
export const definitions: Definitions = {
  max_pool2d: {
    operation: poolOperations.max_pool2d,
    define([x], window, [output]) {
      const y = value(output!.shape);
      for (const [i, under] of windows(x!.shape, y.shape, window)) y.data[i] = x!.data[largest(x!.data, under)]!;
      return [y];
    },
    samples: forward,
    refused: refused('max_pool2d'),
  },
  avg_pool2d: {
    operation: poolOperations.avg_pool2d,
    define([x], window, [output]) {
      const y = value(output!.shape);
      const share = 1 / (window.kernel[0] * window.kernel[1]);
      for (const [i, under] of windows(x!.shape, y.shape, window)) y.data[i] = share * under.reduce((total, j) => total + x!.data[j]!, 0);
      return [y];
    },
    samples: forward,
    refused: refused('avg_pool2d'),
  },
  max_pool2d_gradient: {
    operation: poolOperations.max_pool2d_gradient,
    define([dy, x], window) {
      const dx = value(x!.shape);
      for (const [i, under] of windows(x!.shape, dy!.shape, window)) dx.data[largest(x!.data, under)]! += dy!.data[i]!;
      return [dx];
    },
    samples: cases.map(({ name, x, window }) => ({
      name,
      inputs: [{ shape: outputOf(x, window) }, { shape: x, values: distinct(x) }],
      attributes: { ...window, shape: x },
      gradient: { skipped: 'it has no second derivative' },
    })),
    refused: [
      {
        inputs: [f32(1, 2, 3, 2), f32(1, 2, 4, 4)],
        attributes: { ...cases[1]!.window, shape: [1, 2, 4, 4] },
        message: /expected dy of shape \(1, 2, 2, 2\)/,
      },
    ],
  },
  avg_pool2d_gradient: {
    operation: poolOperations.avg_pool2d_gradient,
    define([dy], window) {
      const dx = value(window.shape);
      const share = 1 / (window.kernel[0] * window.kernel[1]);
      for (const [i, under] of windows(dx.shape, dy!.shape, window)) {
        for (const j of under) dx.data[j]! += share * dy!.data[i]!;
      }
      return [dx];
    },
    samples: cases.map(({ name, x, window }) => ({ name, inputs: [{ shape: outputOf(x, window) }], attributes: { ...window, shape: x } })),
    refused: [
      {
        inputs: [f32(1, 2, 3, 2)],
        attributes: { ...cases[1]!.window, shape: [1, 2, 4, 4] },
        message: /expected dy of shape \(1, 2, 2, 2\)/,
      },
    ],
  },
};
