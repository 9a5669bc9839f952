// Long work on the JavaScript thread: the same result at once and in turns, and other events between the turns.
import { describe, expect, it } from 'vitest';
import { finish, finishInTurns, inPieces, type Work } from '../../lib/trees/turns';

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
