// Rows of a table by index: embeddings, and one-hot vectors. Kernels: native/cpu/kernels/gather.h, which refuse an index outside the table; the gradient adds
// rows in the order of the indices, so its bits do not depend on threads.
import type { DType } from '../dtype';
import { fail } from '../errors';
import { showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { cast, equal } from './elementwise';
import { unsqueeze } from './layout';

type None = Record<string, never>;

function checkIndices(name: string, indices: Signature): void {
  if (indices.dtype !== 'i32') fail('ERR_TENSORWOOD_DTYPE', `${name}: expected indices of dtype i32, got ${indices.dtype}`);
}

const gathered: Operation<None> = {
  name: 'gather_rows',
  infer([table, indices]) {
    checkIndices('gather_rows', indices!);
    if (table!.shape.length !== 2)
      fail('ERR_TENSORWOOD_SHAPE', `gather_rows: expected a table (V, D), got shape ${showShape(table!.shape)}`);
    return [{ shape: [...indices!.shape, table!.shape[1]!], dtype: table!.dtype }];
  },
  kernel: () => ({ name: 'gather_rows' }),
  strides: (input) => (input === 0 ? 'rows' : 'dense'),
  gradient: ({ inputs: [table, indices] }, [g]) => [
    g && cast(scatterRows(cast(g, 'f32'), indices!, table!.shape[0]!), table!.dtype),
    undefined,
  ],
};

const scattered: Operation<{ size: number }> = {
  name: 'scatter_rows',
  infer([rows, indices], { size }) {
    checkIndices('scatter_rows', indices!);
    if (rows!.dtype !== 'f32') fail('ERR_TENSORWOOD_DTYPE', `scatter_rows: expected rows of dtype f32, got ${rows!.dtype}`);
    const leading = rows!.shape.slice(0, -1);
    if (rows!.shape.length === 0 || leading.length !== indices!.shape.length || leading.some((n, i) => n !== indices!.shape[i])) {
      fail(
        'ERR_TENSORWOOD_SHAPE',
        `scatter_rows: expected a row for each index of ${showShape(indices!.shape)}, got rows ${showShape(rows!.shape)}`,
      );
    }
    return [{ shape: [size, rows!.shape.at(-1)!], dtype: 'f32' }];
  },
  kernel: () => ({ name: 'scatter_rows' }),
  gradient: ({ inputs: [, indices] }, [g]) => [g && gatherRows(g, indices!), undefined],
};

const counted: Operation<{ size: number }> = {
  name: 'arange',
  infer: (_, { size }) => [{ shape: [size], dtype: 'i32' }],
  kernel: () => ({ name: 'arange' }),
};

/** Every operation of the family with its gradient. */
export const gatherOperations = { gather_rows: gathered, scatter_rows: scattered, arange: counted };

/** Rows of table (V, D) at indices (...), i32: (..., D). An index outside [0, V) fails the step with ERR_TENSORWOOD_ARGUMENT. */
export const gatherRows = (table: Tensor, indices: Tensor): Tensor => apply(gathered, [table, indices], {})[0]!;

/** Sums rows (..., D) whose index (...) is v into row v of the result, (size, D): the reverse of gatherRows. f32. */
export const scatterRows = (rows: Tensor, indices: Tensor, size: number): Tensor => apply(scattered, [rows, indices], { size })[0]!;

/** 0 to size - 1, i32. */
export function arange(size: number): Tensor {
  if (!Number.isInteger(size) || size < 0 || size >= 2 ** 31)
    fail('ERR_TENSORWOOD_ARGUMENT', `arange: expected a size in [0, 2^31), got ${size}`);
  return apply(counted, [], { size })[0]!;
}

/** indices (...), i32, as vectors of zeros and a one: (..., depth). An index outside [0, depth) gives zeros. Default dtype f32. */
export function oneHot(indices: Tensor, depth: number, options: { dtype?: DType } = {}): Tensor {
  checkTensors('one_hot', indices);
  checkOptions('one_hot', options, ['dtype']);
  checkIndices('one_hot', indices);
  return cast(equal(unsqueeze(indices, -1), arange(depth)), options.dtype ?? 'f32');
}
