// Long work on the JavaScript thread: the same result at once and in turns, and other events between the turns.
import { describe, expect, it } from 'vitest';
import { finish, finishInTurns, inPieces, type Work } from '../../lib/data/turns';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';

function* sum(rows: number, milliseconds = 0): Work<number> {
  let total = 0;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; row < to; row++) total += row;
    const start = performance.now();
    while (performance.now() - start < milliseconds);
  });
  return total;
}

describe('work in turns', () => {
  it.each([0, 1, 8192, 20_001])('goes over %i rows once each', async (rows) => {
    const expected = (rows * Math.max(0, rows - 1)) / 2;
    expect(finish(sum(rows))).toBe(expected);
    expect(await finishInTurns(sum(rows))).toBe(expected);
  });

  it('leaves other events their turn', async () => {
    let events = 0;
    const timer = setInterval(() => events++, 1);
    await finishInTurns(sum(80_000, 5));
    clearInterval(timer);
    expect(events).toBeGreaterThan(4);
  });

  it('goes no further than an abort', async () => {
    const controller = new AbortController();
    const work = finishInTurns(sum(80_000, 5), controller.signal);
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });
});

describe('lists of other rows are read in turns', () => {
  const [x, label] = [Float32Array.of(1, 2, 3, 4), [0, 1, 0, 1]];
  const rows = 4_000_000;
  // Read at once, the last value would be refused before the abort.
  const long = [...new Array(rows).fill(1), 'x'] as unknown as number[];
  const aborted = <T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error('enough')));
    return act(controller.signal);
  };

  it('by predict, and by trainTrees', async () => {
    using data = await createDataset({ x }, { label });
    using forest = await trainTrees(data, { trees: 1 });
    await expect(aborted((signal) => forest.predict({ x: long }, { signal }))).rejects.toThrow('enough');
    const features = { x: new Float32Array(rows + 1) };
    for (const set of [
      { features: { x: long }, label: [] },
      { features, label: long },
    ])
      await expect(aborted((signal) => trainTrees(data, { signal, evaluation: { test: set } }))).rejects.toThrow('enough');
  });

  it('and what they are read for stays alive meanwhile', async () => {
    const data = await createDataset({ x }, { label });
    const many = long.slice(0, rows);
    const training = trainTrees(data, { trees: 1, evaluation: { test: { features: { x: many }, label: many } } });
    data.dispose();
    expect(() => data.describe()).toThrow(/expected a data set that is alive/);
    const forest = await training;
    const prediction = forest.predict({ x: many });
    forest.dispose();
    expect(() => forest.predictSync({ x })).toThrow(/expected a model that is alive/);
    expect(await prediction).toHaveLength(rows);
  });
});
