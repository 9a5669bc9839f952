// Examples in memory: typed arrays by field name, one row an example. What a model trains on; batches are rows of it.
import { type DataArray, type DType, dtypes } from '../dtype';
import { fail } from '../errors';
import { permutation, type Stream } from '../nn/philox';
import { type Shape, showShape, sizeOf } from '../shape';

/** One tensor an example, without the axis of the examples. `data` holds (count, ...shape), row-major. */
export interface Field {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: DataArray;
}

export interface Examples {
  readonly count: number;
  readonly fields: Readonly<Record<string, Field>>;
  /** Names of the classes that `label` counts, when it does. */
  readonly classes?: readonly string[];
}

/**
 * Examples from fields of one count.
 * @throws ERR_TENSORWOOD_DATA when there are none, or a field does not hold as many as the first
 */
export function createExamples(fields: Readonly<Record<string, Field>>, classes?: readonly string[]): Examples {
  const entries = Object.entries(fields);
  const count = entries.length === 0 ? 0 : entries[0]![1].data.length / sizeOf(entries[0]![1].shape);
  if (!(count > 0)) fail('ERR_TENSORWOOD_DATA', 'createExamples: expected at least one example');
  for (const [name, { shape, dtype, data }] of entries) {
    const expected = count * sizeOf(shape);
    if (data.length !== expected)
      fail(
        'ERR_TENSORWOOD_DATA',
        `createExamples: expected ${expected} elements in '${name}' of shape ${showShape(shape)}, got ${data.length}`,
      );
    if (!(data instanceof dtypes[dtype].array))
      fail('ERR_TENSORWOOD_DATA', `createExamples: expected '${name}' to be a ${dtypes[dtype].array.name}, got a ${data.constructor.name}`);
  }
  if (classes !== undefined && fields.label !== undefined) checkLabels(fields.label.data, classes.length);
  return { count, fields, ...(classes === undefined ? {} : { classes }) };
}

function checkLabels(labels: DataArray, classes: number): void {
  const row = labels.findIndex((label: number) => label < 0 || label >= classes);
  if (row >= 0) fail('ERR_TENSORWOOD_DATA', `createExamples: expected labels in [0, ${classes - 1}], got ${labels[row]} in row ${row}`);
}

/** Copies rows of a field, in the order given, into a new array or `into`. */
export function gatherRows({ shape, data }: Field, rows: ArrayLike<number>, into?: DataArray): DataArray {
  const size = sizeOf(shape);
  const out = into ?? new (data.constructor as new (length: number) => DataArray)(rows.length * size);
  for (let i = 0; i < rows.length; i++) out.set(data.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size);
  return out;
}

/** New examples: the rows given, in that order. */
export function selectExamples(examples: Examples, rows: ArrayLike<number>): Examples {
  const fields = Object.entries(examples.fields).map(([name, field]) => [name, { ...field, data: gatherRows(field, rows) }] as const);
  return { ...examples, count: rows.length, fields: Object.fromEntries(fields) };
}

/** 0 .. count - 1 shuffled and cut: `heldOut` rows for testing, the others for training. The same cut for the same seed everywhere. */
export function splitRows(
  count: number,
  options: { readonly heldOut: number; readonly seed?: number },
): { train: Int32Array; test: Int32Array } {
  const { heldOut, seed = 0 } = options;
  if (!Number.isInteger(heldOut) || heldOut < 0 || heldOut >= count)
    fail('ERR_TENSORWOOD_ARGUMENT', `splitRows: expected heldOut to be an integer in [0, ${count - 1}], got ${heldOut}`);
  const order = permutation(count, { seed, stream: splitStream });
  return { train: order.slice(heldOut), test: order.slice(0, heldOut) };
}

const splitStream = 0x73706c74;

/**
 * Rows of each batch of one pass over `count` examples, shuffled by the stream; in order without one. The last batch may be smaller, unless `whole` asks
 * for full batches only.
 */
export function* batchRows(
  count: number,
  options: { readonly size: number; readonly stream?: Stream; readonly whole?: boolean },
): Generator<Int32Array> {
  const { size, stream, whole = false } = options;
  const order = stream === undefined ? Int32Array.from({ length: count }, (_, i) => i) : permutation(count, stream);
  for (let first = 0; first < count; first += size) {
    const rows = order.subarray(first, first + size);
    if (rows.length === size || !whole) yield rows;
  }
}
