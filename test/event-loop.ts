// The event loop as tests see it: a clock that they set, so that nothing depends on how fast the machine is, and how often the loop goes round.
import { vi } from 'vitest';

/** From now on every look at the clock sees that so many milliseconds have gone. Until vi.restoreAllMocks(). */
export function setClock(milliseconds: number): void {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += milliseconds;
    return now;
  });
}

/** How often the loop goes round while `act` runs. */
export async function countTurns(act: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next: NodeJS.Immediate;
  const turn = (): void => {
    turns++;
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
  await act();
  clearImmediate(next);
  return turns;
}
