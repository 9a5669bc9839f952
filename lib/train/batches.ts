// Which examples a step sees: every epoch is a new order that follows from the seed, so the step number alone says where a run stands.
import type { Examples } from '../data/examples';
import { array } from '../executor';
import { hashName, permutation } from '../nn/philox';
import type { Arrays } from './step';

export interface BatchOptions {
  readonly batchSize: number;
  readonly accumulate: number;
  readonly seed: number;
}

/** Optimizer steps in an epoch; examples that fill no whole step are left to other epochs. */
export const stepsPerEpoch = (size: number, { batchSize, accumulate }: BatchOptions): number => Math.floor(size / (batchSize * accumulate));

const shuffles = hashName('shuffle');
const augmentations = hashName('augmentation');

function readBatch(source: Examples, indices: Int32Array, draw: { seed: number; stream: number }): Arrays {
  const rows = source.read(indices, draw);
  return Object.fromEntries(
    Object.entries(source.fields).map(([name, { shape, dtype }]) => [name, array(rows[name]!, [indices.length, ...shape], { dtype })]),
  );
}

/** The batches of step 0, 1, ...; the order of an epoch is drawn once. */
export function batchReader(source: Examples, options: BatchOptions): (step: number) => Arrays[] {
  const { batchSize, accumulate, seed } = options;
  const steps = stepsPerEpoch(source.size, options);
  let drawn: { epoch: number; order: Int32Array } = { epoch: -1, order: new Int32Array(0) };
  return (step) => {
    const epoch = Math.floor(step / steps);
    if (epoch !== drawn.epoch) drawn = { epoch, order: permutation(source.size, { seed, stream: (shuffles + epoch) >>> 0 }) };
    return Array.from({ length: accumulate }, (_, i) => {
      const first = ((step % steps) * accumulate + i) * batchSize;
      const draw = { seed, stream: (augmentations + step * accumulate + i) >>> 0 };
      return readBatch(source, drawn.order.slice(first, first + batchSize), draw);
    });
  };
}

/** All examples in order, in batches of at most `batchSize`. */
export function* orderedBatches(source: Examples, batchSize: number): Generator<Arrays> {
  for (let first = 0; first < source.size; first += batchSize) {
    const indices = Int32Array.from({ length: Math.min(batchSize, source.size - first) }, (_, i) => first + i);
    yield readBatch(source, indices, { seed: 0, stream: 0 });
  }
}
