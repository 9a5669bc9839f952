// Examples for training: named fields, one row an example, read by index. Between the files of a user and the training loop.
import type { DataArray } from '../dtype';
import { dtypeOf } from '../dtype';
import { fail } from '../errors';
import type { Stream } from '../nn/philox';
import { permutation } from '../nn/philox';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import type { Signature } from '../tensor';

export interface Examples {
  readonly size: number;
  /** Of one example, without the axis of the batch. */
  readonly fields: Readonly<Record<string, Signature>>;
  /** The rows at `indices`, one after the other. `draw` is there for random augmentation: the same draw gives the same rows. */
  read(indices: Int32Array, draw: Stream): Readonly<Record<string, DataArray>>;
}

export interface Field {
  /** All examples, row-major. */
  readonly data: DataArray;
  /** Of one example; default [] (one number). */
  readonly shape?: Shape;
}

/** One row after the other of a field that holds `width` elements a row. */
function gather(data: DataArray, width: number, indices: Int32Array): DataArray {
  const rows = new (data.constructor as new (n: number) => DataArray)(indices.length * width);
  indices.forEach((from, to) => {
    rows.set(data.subarray(from * width, (from + 1) * width), to * width);
  });
  return rows;
}

/**
 * Examples in memory: `examples({ x: { data, shape: [1, 28, 28] }, label: { data: labels } })`.
 * @throws ERR_TENSORWOOD_DATA when there are none, or fields hold different numbers of them
 */
export function examples(fields: Readonly<Record<string, Field>>): Examples {
  const entries = Object.entries(fields).map(([name, { data, shape = [] }]) => ({ name, data, shape, width: sizeOf(shape) }));
  const first = entries[0];
  const size = first ? first.data.length / first.width : 0;
  for (const { name, data, shape, width } of entries) {
    if (data.length !== size * width || !Number.isInteger(size))
      fail('ERR_TENSORWOOD_DATA', `examples: expected ${size} examples ${showShape(shape)} in '${name}', got ${data.length} elements`);
  }
  if (size === 0) fail('ERR_TENSORWOOD_DATA', 'examples: expected at least one example, got none');
  return {
    size,
    fields: Object.fromEntries(entries.map(({ name, data, shape }) => [name, { shape, dtype: dtypeOf(data) }])),
    read: (indices) => Object.fromEntries(entries.map(({ name, data, width }) => [name, gather(data, width, indices)])),
  };
}

/** The examples at `indices` only. */
export function subset(source: Examples, indices: Int32Array): Examples {
  return {
    ...source,
    size: indices.length,
    read: (at, draw) =>
      source.read(
        at.map((i) => indices[i]!),
        draw,
      ),
  };
}

/** Two parts drawn at random: `held` examples, and the others. The same seed gives the same parts. */
export function splitExamples(source: Examples, held: number, { seed = 0 } = {}): { rest: Examples; held: Examples } {
  if (!Number.isInteger(held) || held < 1 || held >= source.size)
    fail('ERR_TENSORWOOD_ARGUMENT', `splitExamples: expected to hold out 1 to ${source.size - 1} examples, got ${held}`);
  const order = permutation(source.size, { seed, stream: 0 });
  return { rest: subset(source, order.slice(held)), held: subset(source, order.slice(0, held)) };
}
