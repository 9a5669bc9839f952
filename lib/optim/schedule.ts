// The learning rate of each step: a linear warm-up, then a curve down to a last value. Cosine: Loshchilov and Hutter, arXiv:1608.03983, without restarts.
import type { Options, Values } from '../schema';
import { choice, integer, many, number, parse } from '../schema';

/** Options of schedules; the learning rate itself is the optimizer's. */
export const scheduleSchema = {
  schedule: choice(['constant', 'linear', 'cosine', 'polynomial'], 'cosine', 'shape of the learning rate after warm-up'),
  warmup: integer(0, [0, many], 'steps in which the learning rate rises linearly from 0'),
  finalFraction: number(0, [0, 1], 'last learning rate, as a part of the highest'),
  power: number(2, [0, many], 'exponent of the polynomial schedule'),
};

/** Any of them; the others have their defaults. */
export type ScheduleOptions = Options<typeof scheduleSchema>;

/** From 1 at progress 0 to 0 at progress 1. */
function curve({ schedule, power }: Values<typeof scheduleSchema>, progress: number): number {
  switch (schedule) {
    case 'constant':
      return 1;
    case 'linear':
      return 1 - progress;
    case 'cosine':
      return (1 + Math.cos(Math.PI * progress)) / 2;
    case 'polynomial':
      return (1 - progress) ** power;
  }
}

/**
 * Factor on the learning rate for step 0 .. steps - 1. In warm-up step i has (i + 1) / warmup, so that no step is without effect; the first step after
 * it has 1, and the step that would follow the last has finalFraction.
 * @throws ERR_TENSORWOOD_ARGUMENT when an option is unknown or out of its range
 */
export function scheduleFactor(options: ScheduleOptions, step: number, steps: number): number {
  const values = parse('scheduleFactor', scheduleSchema, options);
  const { warmup, finalFraction } = values;
  if (step < warmup) return (step + 1) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return finalFraction + (1 - finalFraction) * curve(values, progress);
}
