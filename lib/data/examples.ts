// Examples for training: named fields, one row an example, read by index. Between the files of a user and the training loop.
import { types } from 'node:util';
import type { DataArray } from '../dtype';
import { convert, dtypeOf, isDataArray, isPlainNumbers } from '../dtype';
import { describe, fail } from '../errors';
import type { Stream } from '../nn/philox';
import { permutation } from '../nn/philox';
import type { Options } from '../schema';
import { integer, parse } from '../schema';
import type { Shape } from '../shape';
import { showShape, sizeOf } from '../shape';
import type { Signature } from '../tensor';
import { checkRowNumbers } from './row-numbers';

export interface Examples {
  readonly size: number;
  /** Of one example, without the axis of the batch. */
  readonly fields: Readonly<Record<string, Signature>>;
  /** The rows at `indices`, one after the other. `draw` is there for random augmentation: the same draw gives the same rows. */
  read(indices: Int32Array, draw: Stream): Readonly<Record<string, DataArray>>;
}

/** Throws ERR_TENSORWOOD_ARGUMENT, with the cure, when `data` is something else. */
export function checkIsExamples(subject: string, data: unknown): void {
  const { size, fields, read } = (data ?? {}) as Partial<Examples>;
  if (typeof size === 'number' && typeof fields === 'object' && typeof read === 'function') return;
  fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected examples, got ${describe(data)}; make them by examples({ x: { data, shape } })`);
}

export interface Field {
  /** All examples, row-major. Plain arrays and Float64Array become f32; a field named label becomes i32. */
  readonly data: DataArray | Float64Array | readonly number[];
  /** Of one example; default [] (one number). */
  readonly shape?: Shape;
}

/** One row after the other of a field that holds `width` elements a row. */
function gather(data: DataArray, width: number, indices: Int32Array): DataArray {
  const rows = convert(indices.length * width, dtypeOf(data));
  indices.forEach((from, to) => {
    rows.set(data.subarray(from * width, (from + 1) * width), to * width);
  });
  return rows;
}

/** The typed array that a field keeps: its own where that has a dtype. */
function elementsOf(name: string, data: unknown): DataArray {
  if (name === 'label' && (isPlainNumbers(data) || types.isUint8Array(data))) return integersOf(data);
  if (isPlainNumbers(data)) return Float32Array.from(data);
  if (isDataArray(data)) return data;
  fail(
    'ERR_TENSORWOOD_ARGUMENT',
    `examples: expected data of '${name}' to be numbers, got ${describe(data)}; use Float32Array.from or Int32Array.from`,
  );
}

function integersOf(numbers: ArrayLike<number>): Int32Array {
  const whole = Int32Array.from(numbers);
  const wrong = whole.findIndex((n, i) => n !== numbers[i]);
  if (wrong >= 0) fail('ERR_TENSORWOOD_DATA', `examples: expected labels to be whole numbers, got ${numbers[wrong]} at example ${wrong}`);
  return whole;
}

/**
 * Examples in memory: `examples({ x: { data, shape: [1, 28, 28] }, label: { data: labels } })`.
 * @throws ERR_TENSORWOOD_DATA when there are none, fields hold different numbers of them, or a label is not whole; ERR_TENSORWOOD_ARGUMENT when data is
 *   not numbers; ERR_TENSORWOOD_SHAPE when a shape holds nothing
 */
export function examples(fields: Readonly<Record<string, Field>>): Examples {
  const entries = Object.entries(fields).map(([name, field]) => {
    const { data, shape = [] } = field ?? {};
    if (sizeOf(shape) === 0) fail('ERR_TENSORWOOD_SHAPE', `examples: expected '${name}' to hold elements, got shape ${showShape(shape)}`);
    return { name, data: elementsOf(name, data), shape, width: sizeOf(shape) };
  });
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

/** The examples at `indices` only. @throws ERR_TENSORWOOD_ARGUMENT when there is no such example */
export function subset(source: Examples, indices: Int32Array): Examples {
  checkRowNumbers('subset', indices, source.size);
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

const splitSchema = { seed: integer(0, [0, Number.MAX_SAFE_INTEGER], 'seed of the draw') };

/**
 * Two parts drawn at random: `held` examples, or that share of them when it is below 1, and the others. The same seed gives the same parts.
 * @throws ERR_TENSORWOOD_ARGUMENT when one of the parts would be empty, or for an unknown option
 */
export function splitExamples(
  source: Examples,
  held: number,
  options: Options<typeof splitSchema> = {},
): { rest: Examples; held: Examples } {
  checkIsExamples('splitExamples', source);
  const { seed } = parse('splitExamples', splitSchema, options);
  const count = held > 0 && held < 1 ? Math.round(held * source.size) : held;
  if (!Number.isInteger(count) || count < 1 || count >= source.size)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `splitExamples: expected to hold out 1 to ${source.size - 1} examples, or a share below 1, got ${held}`,
    );
  const order = permutation(source.size, { seed, stream: 0 });
  return { rest: subset(source, order.slice(count)), held: subset(source, order.slice(0, count)) };
}
