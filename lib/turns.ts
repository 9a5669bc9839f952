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

/** The list in order: pieces of it are sorted, and then merged; what is in order already is left so. */
export function* sorted<T>(list: readonly T[], compare: (a: T, b: T) => number): Work<readonly T[]> {
  let isSorted = true;
  yield* inPieces(list.length, (from, to) => {
    for (let i = Math.max(1, from); isSorted && i < to; i++) isSorted = compare(list[i - 1]!, list[i]!) <= 0;
  });
  if (isSorted) return list;
  let runs: (readonly T[])[] = [];
  yield* inPieces(list.length, (from, to) => void runs.push(list.slice(from, to).sort(compare)));
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(i + 1 < runs.length ? yield* merge(runs[i]!, runs[i + 1]!, compare) : runs[i]!);
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Work<T[]> {
  const both: T[] = [];
  let [a, b] = [0, 0];
  yield* inPieces(left.length + right.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const isLeft = b >= right.length || (a < left.length && compare(left[a]!, right[b]!) <= 0);
      both.push(isLeft ? left[a++]! : right[b++]!);
    }
  });
  return both;
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
