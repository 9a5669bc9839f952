// Work over many rows on the JavaScript thread as a generator that yields every few thousand rows: done at once, or in turns that leave the event
// loop free between them.

import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from './realm';

export type Work<T> = Generator<void, T, void>;

const pieceRows = 8192;
const turn = 2; // milliseconds

/** Calls `piece` for rows [from, to), one piece after the other. */
export function* inPieces(rows: number, piece: (from: number, to: number) => void): Work<void> {
  for (let from = 0; from < rows; from += pieceRows) {
    piece(from, Math.min(rows, from + pieceRows));
    yield;
  }
}

export function finish<T>(work: Work<T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/**
 * A function to await between the pieces of a work: other events have their turn where the last one was some milliseconds ago. It looks at the signal
 * each time. @throws the signal's reason
 */
export function takeTurns(signal?: AbortSignal): () => Promise<void> | undefined {
  let start = performance.now();
  const rest = async (): Promise<void> => {
    await setImmediate();
    start = performance.now();
    throwIfAborted(signal);
  };
  return () => {
    throwIfAborted(signal);
    return performance.now() - start < turn ? undefined : rest();
  };
}

/** The same as finish, in turns. Looks at the signal after each piece. @throws the signal's reason */
export async function finishInTurns<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
  const endTurn = takeTurns(signal);
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    await endTurn();
  }
}
