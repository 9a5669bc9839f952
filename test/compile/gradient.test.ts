// Gradients as graphs: what the sweep adds up, where it stops, and what it refuses. The rules themselves are judged by test/ops/suite.test.ts.
import { describe, expect, it } from 'vitest';
import { accumulateOperation, gradient, stopGradient } from '../../lib/compile/gradient';
import { add, exp, greater, mul, square } from '../../lib/ops/elementwise';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { Variable } from '../../lib/ops/state';
import type { Operation, Tensor } from '../../lib/tensor';
import { apply } from '../../lib/tensor';
import { interpret } from '../interpreter';

const values = async (t: Tensor) => [...(await interpret([t]))[0]!];

describe('gradient', () => {
  const x = new Variable({ name: 'x', shape: [3], initial: [1, 2, 3] });

  it('adds the gradients of several uses in one node', async () => {
    const g = gradient(sum(add(add(square(x), exp(x)), mul(x, 3))), x);
    expect(g.node.operation).toBe(accumulateOperation);
    expect(g.node.inputs).toHaveLength(3);
    expect(await values(g)).toEqual([1, 2, 3].map((v) => expect.closeTo(2 * v + Math.exp(v) + 3, 12)));
  });

  it('flows through a tensor that is itself asked for', async () => {
    const h = square(x);
    const [gx, gh] = gradient(sum(square(h)), [x, h]);
    expect(await values(gh!)).toEqual([2, 8, 18]);
    expect(await values(gx!)).toEqual([4, 32, 108]);
  });

  it('stops at stopGradient', async () => {
    expect(await values(gradient(sum(mul(x, stopGradient(square(x)))), x))).toEqual([1, 4, 9]);
  });

  it('can be differentiated again', async () => {
    const first = gradient(sum(mul(square(x), x)), x);
    expect(await values(gradient(sum(first), x))).toEqual([6, 12, 18]);
  });

  it('of an operation without a rule is that of its composition', async () => {
    const cube: Operation<Record<string, never>> = { name: 'cube', infer: ([a]) => [a!], compose: ([a]) => [mul(square(a!), a!)] };
    const fourth: Operation<Record<string, never>> = {
      name: 'fourth',
      infer: ([a]) => [a!],
      compose: ([a]) => [mul(apply(cube, [a!], {})[0]!, a!)],
    };
    const y = apply(fourth, [x], {})[0]!;
    expect(await values(gradient(sum(y), x))).toEqual([4, 32, 108]);
    expect(await values(gradient(sum(gradient(sum(y), x)), x))).toEqual([12, 48, 108]);
  });

  it('refuses what is no tensor', () => {
    expect(() => (gradient as (loss: unknown) => unknown)(sum(x))).toThrow('gradient: expected tensors to differentiate by');
    expect(() => gradient(sum(x), [x, 3 as never])).toThrow('got 3');
    expect(() => gradient(3 as never, x)).toThrow('gradient: expected the loss to be a tensor, got 3');
  });

  it('refuses a loss that is no scalar, and sources it does not depend on', async () => {
    expect(() => gradient(x, x)).toThrow('gradient: expected a loss of one f32 element, got f32 of shape (3,)');
    const other = new Variable({ name: 'other', shape: [2] });
    expect(() => gradient(sum(x), other)).toThrow('depends on other through differentiable operations');
    expect(() => gradient(sum(mul(tensor([1, 2, 3]), stopGradient(x))), x)).toThrow(
      expect.objectContaining({ code: 'ERR_TENSORWOOD_GRADIENT' }),
    );
    expect(greater(x, 1).dtype).toBe('bool');
  });
});
