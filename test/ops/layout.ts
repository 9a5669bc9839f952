// Definitions of lib/ops/layout.ts: where each element of the result comes from.

import type { DType } from '../../lib/dtype';
import { layoutOperations } from '../../lib/ops/layout';
import { contiguousStrides, type Shape, sizeOf } from '../../lib/shape';
import type { Definitions, Value } from './definition';

/** Elements by the index of each element of the result. */
function pick(x: Value, shape: Shape, from: (index: readonly number[]) => readonly number[]): Value {
  const [steps, source] = [contiguousStrides(shape), contiguousStrides(x.shape)];
  const data = new Float64Array(sizeOf(shape));
  data.forEach((_, at) => {
    const index = shape.map((n, i) => Math.floor(at / steps[i]!) % n);
    data[at] = x.data[from(index).reduce((sum, n, i) => sum + n * source[i]!, 0)]!;
  });
  return { shape, data };
}

function join(inputs: readonly Value[], axis: number, shape: Shape): Value {
  const starts = inputs.map((_, k) => inputs.slice(0, k).reduce((start, x) => start + x.shape[axis]!, 0));
  const [steps, data] = [contiguousStrides(shape), new Float64Array(sizeOf(shape))];
  data.forEach((_, at) => {
    const index = shape.map((n, i) => Math.floor(at / steps[i]!) % n);
    const k = inputs.findLastIndex((x, i) => starts[i]! <= index[axis]! && x.shape[axis]! > 0);
    const source = contiguousStrides(inputs[k]!.shape);
    data[at] = inputs[k]!.data[index.reduce((sum, n, i) => sum + (i === axis ? n - starts[k]! : n) * source[i]!, 0)]!;
  });
  return { shape, data };
}

const all: readonly DType[] = ['f32', 'bf16', 'i32', 'u8', 'bool'];
const sample = (name: string, shapes: readonly Shape[], attributes: unknown) => ({
  name,
  inputs: shapes.map((shape) => ({ shape })),
  attributes,
});
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });

/** What layout operations mean. */
export const definitions: Definitions = {
  reshape: {
    operation: layoutOperations.reshape,
    define: ([x], { shape }) => [{ shape, data: x!.data }],
    dtypes: all,
    samples: [
      sample('one', [[1]], { shape: [] }),
      sample('split', [[6, 35]], { shape: [2, 3, 5, 7] }),
      sample('merge', [[2, 3, 5, 7]], { shape: [6, 35] }),
      sample('across', [[6, 35]], { shape: [10, 21] }),
      sample('empty', [[0, 3]], { shape: [3, 0] }),
    ],
    refused: [
      { inputs: [f32(2, 3)], attributes: { shape: [4] }, message: /^reshape: expected a shape of 6 elements for \(2, 3\), got \(4,\)$/ },
    ],
  },
  permute: {
    operation: layoutOperations.permute,
    define: ([x], { axes }, [y]) => [pick(x!, y!.shape, (index) => axes.map((_: number, i: number) => index[axes.indexOf(i)]!))],
    dtypes: all,
    samples: [
      sample('one', [[1, 1]], { axes: [1, 0] }),
      sample('transpose', [[37, 67]], { axes: [1, 0] }),
      sample('small transpose', [[5, 3]], { axes: [1, 0] }),
      sample('heads', [[2, 13, 3, 8]], { axes: [0, 2, 1, 3] }),
      sample('heads, transposed', [[2, 13, 3, 8]], { axes: [0, 2, 3, 1] }),
      sample('reversed', [[3, 5, 7, 11]], { axes: [3, 2, 1, 0] }),
      sample('empty', [[3, 0]], { axes: [1, 0] }),
    ],
    refused: [
      { inputs: [f32(2, 3)], attributes: { axes: [0, 0] }, message: /^permute: expected every axis of \(2, 3\) once, got \(0, 0\)$/ },
    ],
  },
  expand: {
    operation: layoutOperations.expand,
    define: ([x], { shape }) => [
      pick(x!, shape, (index) => x!.shape.map((n, i) => (n === 1 ? 0 : index[shape.length - x!.shape.length + i]!))),
    ],
    dtypes: all,
    samples: [
      sample('scalar', [[]], { shape: [3, 5] }),
      sample('row', [[7]], { shape: [3, 7] }),
      sample('column', [[5, 1]], { shape: [5, 67] }),
      sample('both ends', [[1, 5, 1]], { shape: [3, 5, 7] }),
      sample('empty', [[1, 3]], { shape: [0, 3] }),
    ],
    refused: [
      {
        inputs: [f32(2, 3)],
        attributes: { shape: [2, 4] },
        message: /^expand: expected a shape that \(2, 3\) broadcasts to, got \(2, 4\)$/,
      },
    ],
  },
  slice: {
    operation: layoutOperations.slice,
    define: ([x], { start, step }, [y]) => [pick(x!, y!.shape, (index) => index.map((n, i) => start[i] + n * step[i]))],
    dtypes: all,
    samples: [
      sample('rows', [[7, 5]], { start: [2, 0], stop: [6, 5], step: [1, 1] }),
      sample('columns', [[5, 67]], { start: [0, 3], stop: [5, 40], step: [1, 1] }),
      sample('steps', [[11, 7]], { start: [1, 0], stop: [10, 7], step: [3, 2] }),
      sample('nothing', [[3, 4]], { start: [3, 0], stop: [3, 4], step: [1, 1] }),
    ],
    refused: [
      {
        inputs: [f32(4)],
        attributes: { start: [1], stop: [5], step: [1] },
        message: /^slice: expected 0 <= start <= stop <= 4 on axis 0, got 1 to 5 by 1$/,
      },
    ],
  },
  concat: {
    operation: layoutOperations.concat,
    define: (inputs, { axis }, [y]) => [join(inputs, axis, y!.shape)],
    dtypes: all,
    samples: [
      sample('one', [[1]], { axis: 0 }),
      sample(
        'rows',
        [
          [2, 5],
          [3, 5],
        ],
        { axis: 0 },
      ),
      sample(
        'columns',
        [
          [5, 1],
          [5, 67],
          [5, 3],
        ],
        { axis: 1 },
      ),
      sample(
        'middle',
        [
          [3, 2, 7],
          [3, 5, 7],
        ],
        { axis: 1 },
      ),
      sample(
        'with nothing',
        [
          [2, 0],
          [2, 3],
          [2, 0],
        ],
        { axis: 1 },
      ),
      sample(
        'pieces',
        [
          [2, 8200],
          [2, 9001],
        ],
        { axis: 1 },
      ),
    ],
    refused: [
      {
        inputs: [f32(2, 3), f32(3, 3)],
        attributes: { axis: 1 },
        message: /^concat: expected shapes that differ only in axis 1, got \(2, 3\) and \(3, 3\)$/,
      },
      {
        inputs: [f32(2), { shape: [2], dtype: 'i32' }],
        attributes: { axis: 0 },
        message: /^concat: expected dtype f32 for every input, got i32$/,
      },
    ],
  },
};
