// An exponential moving average of the parameters, which often classifies better than the last of them. Polyak and Juditsky, SIAM J. Control 30, 1992;
// with the growing decay min(d, (1 + step) / (10 + step)) of TensorFlow, so that the first, random weights are soon forgotten.
import { add, div, minimum } from '../ops/elementwise';
import { assign, Variable } from '../ops/state';
import { ema } from '../ops/update';
import type { Tensor } from '../tensor';

export interface Average {
  readonly variables: ReadonlyMap<string, Variable>;
  /** Records the move toward the new parameters; step f32 (), counted from 1. */
  follow(parameters: readonly Tensor[], step: Tensor): void;
  /** Records the exchange of averages and parameters: done twice, nothing has changed. */
  swap(): void;
}

/** Averages of these parameters, which begin at their first values. */
export function createAverage(parameters: readonly Variable[], decay: number): Average {
  const averages = parameters.map(
    (p) => new Variable({ name: `ema.${p.name}`, shape: p.shape, trainable: false, initial: () => p.readSync() }),
  );
  return {
    variables: new Map(averages.map((v) => [v.name, v])),
    follow(values, step) {
      const now = minimum(div(add(step, 1), add(step, 10)), decay);
      ema(averages, values, now).forEach((value, i) => {
        assign(averages[i]!, value);
      });
    },
    swap() {
      parameters.forEach((p, i) => {
        assign(p, averages[i]!);
        assign(averages[i]!, p);
      });
    },
  };
}
