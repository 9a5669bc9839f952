// Do probabilities mean what they say? Rows binned by predicted probability, with the share that is positive in each bin, and the expected calibration
// error (Naeini, Cooper, Hauskrecht, AAAI 2015).

export interface ReliabilityBin {
  readonly count: number;
  /** Means over the bin; NaN when it is empty. */
  readonly predicted: number;
  readonly observed: number;
}

export interface Reliability {
  readonly bins: readonly ReliabilityBin[];
  /** Mean distance of predicted and observed over all rows. */
  readonly error: number;
  readonly low: number;
  readonly high: number;
}

/** Equal bins over [0, 1]; labels are 0 or 1. */
export function reliabilityOf(probabilities: ArrayLike<number>, labels: ArrayLike<number>, count = 20): Reliability {
  const sums = Array.from({ length: count }, () => ({ count: 0, predicted: 0, observed: 0 }));
  let low = 1;
  let high = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    const bin = sums[Math.min(count - 1, Math.floor(p * count))]!;
    bin.count++;
    bin.predicted += p;
    bin.observed += labels[i]!;
    low = Math.min(low, p);
    high = Math.max(high, p);
  }
  const bins = sums.map((s) => ({ count: s.count, predicted: s.predicted / s.count, observed: s.observed / s.count }));
  const distance = sums.reduce((total, s) => total + Math.abs(s.predicted - s.observed), 0);
  return { bins, error: distance / Math.max(1, probabilities.length), low, high };
}
