// Metrics on a batch small enough to count by hand.
import { describe, expect, it } from 'vitest';
import { accuracyOf, answersOf, countBatch, createTally, lossOf, predictedClasses, softmaxRows } from '../../lib/train/metrics';

describe('metrics', () => {
  it('take the first of the highest logits', () => {
    expect([...predictedClasses([1, 3, 2, 5, 5, 0], 3)]).toEqual([1, 0]);
  });

  it('turn logits into the likeliest class and its probability', () => {
    const probabilities = softmaxRows(Float32Array.of(0, Math.log(3), 1000, 1000), 2);
    expect([...probabilities]).toEqual([0.25, 0.75, 0.5, 0.5]);
    expect(answersOf(probabilities, 2)).toEqual({ predicted: Int32Array.of(1, 0), confidence: Float32Array.of(0.75, 0.5) });
  });

  it('count over batches, weighted by their sizes', () => {
    const tally = createTally(2);
    countBatch(tally, { loss: 1, logits: [1, 0, 1, 0, 0, 1], labels: [0, 1, 1] });
    countBatch(tally, { loss: 5, logits: [0, 1], labels: [1] });
    expect(tally.confusion).toEqual([
      [1, 0],
      [1, 2],
    ]);
    expect(accuracyOf(tally)).toBe(0.75);
    expect(lossOf(tally)).toBe(2);
  });

  it('of nothing are 0, not NaN', () => {
    expect(accuracyOf(createTally(3))).toBe(0);
    expect(lossOf(createTally(3))).toBe(0);
  });
});
