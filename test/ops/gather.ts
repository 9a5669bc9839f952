// Definitions of lib/ops/gather.ts in f64.
import { gatherOperations } from '../../lib/ops/gather';
import { sizeOf } from '../../lib/shape';
import type { Definitions, SampleInput, Value } from './definition';

function pickRows(table: Value, indices: Value): Value {
  const D = table.shape[1]!;
  const rows = Array.from(indices.data, (row) => [...table.data.subarray(row * D, (row + 1) * D)]);
  return { shape: [...indices.shape, D], data: Float64Array.from(rows.flat()) };
}

function addRows(rows: Value, indices: Value, size: number): Value {
  const D = rows.shape.at(-1)!;
  const data = new Float64Array(size * D);
  indices.data.forEach((row, i) => {
    for (let d = 0; d < D; d++) data[row * D + d]! += rows.data[i * D + d]!;
  });
  return { shape: [size, D], data };
}

const at = (shape: readonly number[], size: number): SampleInput => ({ shape, dtype: 'i32', values: { low: 0, high: size } });
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const i32 = (...shape: number[]) => ({ shape, dtype: 'i32' as const });

// indices' shape, V, D
const cases: [string, number[], number, number][] = [
  ['one', [1], 1, 1],
  ['odd', [7], 5, 3],
  ['masked tail', [2, 11], 13, 67],
  ['many of each row', [101], 3, 16],
  ['wide rows', [3], 4, 1031],
  ['more rows than indices', [2, 1, 2], 1009, 5],
  ['no index', [0], 3, 4],
  ['no columns', [2], 3, 0],
  ['one index', [], 3, 4],
];

/** What row operations mean. */
export const definitions: Definitions = {
  gather_rows: {
    operation: gatherOperations.gather_rows,
    define: ([table, indices]) => [pickRows(table!, indices!)],
    dtypes: ['f32', 'bf16', 'i32', 'u8', 'bool'],
    samples: cases.map(([name, shape, V, D]) => ({ name, inputs: [{ shape: [V, D] }, at(shape, V)], attributes: {} })),
    refused: [
      { inputs: [f32(3), i32(2)], attributes: {}, message: /^gather_rows: expected a table \(V, D\), got shape \(3,\)$/ },
      { inputs: [f32(3, 2), f32(2)], attributes: {}, message: /^gather_rows: expected indices of dtype i32, got f32$/ },
    ],
  },
  scatter_rows: {
    operation: gatherOperations.scatter_rows,
    define: ([rows, indices], { size }) => [addRows(rows!, indices!, size)],
    dtypes: ['f32'],
    tolerance: 1e-5,
    samples: cases.map(([name, shape, V, D]) => ({ name, inputs: [{ shape: [...shape, D] }, at(shape, V)], attributes: { size: V } })),
    refused: [
      {
        inputs: [f32(3, 2), i32(4)],
        attributes: { size: 5 },
        message: /^scatter_rows: expected a row for each index of \(4,\), got rows \(3, 2\)$/,
      },
    ],
  },
  arange: {
    operation: gatherOperations.arange,
    define: (_, { size }) => [{ shape: [size], data: Float64Array.from({ length: size }, (__, i) => i) }],
    dtypes: ['i32'],
    samples: [1, 67, 0].map((size) => ({ name: `${sizeOf([size])}`, inputs: [], attributes: { size } })),
  },
};
