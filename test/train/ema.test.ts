// The moving average of parameters, beside its formula, and its exchange with the parameters.
import { expect, it } from 'vitest';
import { array, compile } from '../../lib/executor';
import { assign, Variable } from '../../lib/ops/state';
import { createAverage } from '../../lib/train/ema';

it('follows with a decay that grows up to its limit, and two swaps change nothing', async () => {
  const parameter = new Variable({ name: 'w', shape: [2], initial: [1, -2] });
  const average = createAverage([parameter], 0.3);
  const follow = compile((values, step) => {
    average.follow([assign(parameter, values)], step);
    return undefined;
  });
  const swap = compile(() => {
    average.swap();
    return undefined;
  });
  const kept = average.variables.get('ema.w')!;
  expect([...(await kept.read())]).toEqual([1, -2]);

  let expected = [1, -2];
  for (const [step, values] of [
    [1, [3, 5]],
    [2, [-1, 0]],
    [9, [4, 4]],
  ] as const) {
    await follow(array([...values], [2]), step);
    const decay = Math.min(0.3, (1 + step) / (10 + step)); // 2/11, 3/12, then the limit
    expected = expected.map((e, i) => decay * e + (1 - decay) * values[i]!);
    (await kept.read()).forEach((e, i) => {
      expect(e).toBeCloseTo(expected[i]!, 5);
    });
  }

  const before = [await parameter.read(), await kept.read()];
  await swap();
  expect([await kept.read(), await parameter.read()]).toEqual(before);
  await swap();
  expect([await parameter.read(), await kept.read()]).toEqual(before);
});
