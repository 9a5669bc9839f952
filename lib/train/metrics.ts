// Numbers that say how good a classifier is, from its logits: a tally takes batches and is read at the end.

export interface Tally {
  readonly confusion: number[][]; // [actual][predicted]
  lossSum: number;
  examples: number;
}

export const createTally = (classes: number): Tally => ({
  confusion: Array.from({ length: classes }, () => new Array<number>(classes).fill(0)),
  lossSum: 0,
  examples: 0,
});

/** Class of each row of logits (rows, classes): the first of the highest. */
export function predictedClasses(logits: ArrayLike<number>, classes: number): Int32Array {
  const predicted = new Int32Array(logits.length / classes);
  for (let row = 0; row < predicted.length; row++) {
    const first = row * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[first + c]! > logits[first + best]!) best = c;
    predicted[row] = best;
  }
  return predicted;
}

/** Takes a batch: its mean loss, logits (rows, classes) and labels (rows). */
export function countBatch(tally: Tally, batch: { loss: number; logits: ArrayLike<number>; labels: ArrayLike<number> }): void {
  const predicted = predictedClasses(batch.logits, tally.confusion.length);
  predicted.forEach((p, row) => {
    tally.confusion[batch.labels[row]!]![p]! += 1;
  });
  tally.lossSum += batch.loss * predicted.length;
  tally.examples += predicted.length;
}

/** Part of the examples on the diagonal. */
export const accuracyOf = (tally: Tally): number =>
  tally.confusion.reduce((total, row, actual) => total + row[actual]!, 0) / Math.max(1, tally.examples);
export const lossOf = (tally: Tally): number => tally.lossSum / Math.max(1, tally.examples);
