// Rows by index beyond the suite: indices outside the table, one-hot vectors, the functions' errors.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { array, compile, evaluate } from '../../lib/executor';
import { arange, gatherRows, oneHot, scatterRows } from '../../lib/ops/gather';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import type { Tensor } from '../../lib/tensor';

const table = () => tensor([0, 1, 10, 11, 20, 21], [3, 2]);
const indices = (...at: number[]) => array(Int32Array.from(at), [at.length]);

describe('gatherRows', () => {
  it.each([-1, 3, 2 ** 31 - 1, -(2 ** 31)])('fails the step on index %d', async (bad) => {
    using step = compile((at: Tensor) => gatherRows(table(), at));
    await expect(step(indices(0, bad, 1))).rejects.toThrow('gather_rows: expected indices within the table');
    expect([...(await step(indices(2, 0)))]).toEqual([20, 21, 0, 1]);
  });

  it('fails the gradient on such an index too', async () => {
    using step = compile((at: Tensor) => scatterRows(tensor([1, 2], [2, 1]), at, 3));
    await expect(step(indices(0, 3))).rejects.toThrow('scatter_rows: expected indices within the table');
  });

  it('sums the gradient of rows that were taken twice', async () => {
    const rows = table();
    using step = compile((at: Tensor) => gradient(sum(gatherRows(rows, at)), [rows])[0]!);
    expect([...(await step(indices(2, 0, 2)))]).toEqual([1, 1, 0, 0, 2, 2]);
  });
});

it('oneHot marks each index; one outside the depth gives zeros', async () => {
  const [y] = await evaluate(oneHot(tensor([1, 0, 3], [3], { dtype: 'i32' }), 3));
  expect([...y!]).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0]);
});

it('arange refuses sizes that are not whole', () => {
  expect(() => arange(1.5)).toThrow('arange: expected a size in [0, 2^31), got 1.5');
});
