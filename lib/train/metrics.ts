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

/** Each row of logits (rows, classes) as probabilities, in place. */
export function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  for (let first = 0; first < logits.length; first += classes) {
    const row = logits.subarray(first, first + classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, v) => sum + Math.exp(v - most), 0);
    for (let c = 0; c < classes; c++) row[c] = Math.exp(row[c]! - most) / total;
  }
  return logits;
}

/** Of each row: the likeliest class and its probability. */
export interface Answers {
  readonly predicted: Int32Array;
  readonly confidence: Float32Array;
}

/** The answers in probabilities (rows, classes). */
export function answersOf(probabilities: Float32Array, classes: number): Answers {
  const predicted = predictedClasses(probabilities, classes);
  return { predicted, confidence: Float32Array.from(predicted, (c, row) => probabilities[row * classes + c]!) };
}

/** Takes a batch: its mean loss, logits (rows, classes) and labels (rows). */
export function countBatch(tally: Tally, batch: { loss: number; logits: ArrayLike<number>; labels: ArrayLike<number> }): void {
  const predicted = predictedClasses(batch.logits, tally.confusion.length);
  predicted.forEach((p, row) => {
    tally.confusion[batch.labels[row]!]![p]! += 1;
  });
  countLoss(tally, batch.loss, predicted.length);
}

/** Takes the mean loss of a batch of so many examples. */
export function countLoss(tally: Tally, loss: number, examples: number): void {
  tally.lossSum += loss * examples;
  tally.examples += examples;
}

/** Part of the examples on the diagonal. */
export const accuracyOf = (tally: Tally): number =>
  tally.confusion.reduce((total, row, actual) => total + row[actual]!, 0) / Math.max(1, tally.examples);
export const lossOf = (tally: Tally): number => tally.lossSum / Math.max(1, tally.examples);
