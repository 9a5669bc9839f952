// Long work on the JavaScript thread: the same result at once and in turns, and other events between the turns. How long a piece takes is said by a
// clock of the tests.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { trainTrees } from '../lib/trees/booster';
import { createDataset } from '../lib/trees/dataset';
import { interpretFeatures } from '../lib/trees/features';
import { finish, finishInTurns, inPieces, type Work } from '../lib/turns';
import { countTurns, setClock } from './event-loop';

const pieceRows = 8192;

function* sum(rows: number, afterPiece = () => {}): Work<number> {
  let total = 0;
  yield* inPieces(rows, (from, to) => {
    for (let row = from; row < to; row++) total += row;
    afterPiece();
  });
  return total;
}

afterEach(() => vi.restoreAllMocks());

/** How many pieces the work has. */
function piecesOf(work: Work<unknown>): number {
  let pieces = 0;
  while (!work.next().done) pieces++;
  return pieces;
}

describe('work in turns', () => {
  it('looks for the first value of a list in pieces, too', () => {
    const list = [...Array<null>(5 * pieceRows).fill(null), 1];
    expect(piecesOf(interpretFeatures('test', { list }))).toBeGreaterThanOrEqual(12);
  });

  it.each([0, 1, pieceRows, 20_001])('goes over %i rows once each', async (rows) => {
    const expected = (rows * Math.max(0, rows - 1)) / 2;
    expect(finish(sum(rows))).toBe(expected);
    expect(await finishInTurns(sum(rows))).toBe(expected);
  });

  it('leaves other events their turn after each piece that takes long, and not after those that do not', async () => {
    setClock(5);
    expect(await countTurns(() => finishInTurns(sum(10 * pieceRows)))).toBeGreaterThanOrEqual(9);
    setClock(0);
    expect(await countTurns(() => finishInTurns(sum(10 * pieceRows)))).toBe(0);
  });

  it.each([0, 5])('goes no further than an abort, where a piece takes %i ms', async (milliseconds) => {
    setClock(milliseconds);
    const controller = new AbortController();
    let pieces = 0;
    const abortSecond = (): void => {
      if (++pieces === 2) controller.abort(new Error('enough'));
    };
    await expect(finishInTurns(sum(10 * pieceRows, abortSecond), controller.signal)).rejects.toThrow('enough');
    expect(pieces).toBe(2);
  });
});

describe('lists of other rows are read in turns', () => {
  const [x, label] = [Float32Array.of(1, 2, 3, 4), [0, 1, 0, 1]];
  const rows = 3 * pieceRows;
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
    setClock(5);
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
    setClock(5);
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
