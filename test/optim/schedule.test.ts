// Schedules at the steps whose values are known.
import { describe, expect, it } from 'vitest';
import { scheduleFactor, scheduleSchema } from '../../lib/optim/schedule';
import { parse } from '../../lib/schema';

const options = (given: object) => parse('schedule', scheduleSchema, given);

describe('scheduleFactor', () => {
  it('rises in warm-up and begins the curve at 1', () => {
    const o = options({ warmup: 4, schedule: 'linear' });
    expect([0, 1, 2, 3, 4].map((i) => scheduleFactor(o, i, 12))).toEqual([0.25, 0.5, 0.75, 1, 1]);
  });

  it.each([
    ['constant', 1, 1],
    ['linear', 0.5, 0],
    ['cosine', 0.5, 0],
    ['polynomial', 0.25, 0],
  ] as const)('%s: half way %d, at the end %d', (schedule, half, end) => {
    const o = options({ schedule });
    expect(scheduleFactor(o, 0, 10)).toBe(1);
    expect(scheduleFactor(o, 5, 10)).toBeCloseTo(half, 12);
    expect(scheduleFactor(o, 10, 10)).toBeCloseTo(end, 12);
    expect(scheduleFactor(o, 50, 10)).toBeCloseTo(end, 12);
  });

  it('ends at finalFraction', () => {
    const o = options({ schedule: 'cosine', finalFraction: 0.1 });
    expect(scheduleFactor(o, 10, 10)).toBeCloseTo(0.1, 12);
    expect(scheduleFactor(o, 5, 10)).toBeCloseTo(0.55, 12);
  });

  it('has defaults, and refuses options that it lacks', () => {
    expect(scheduleFactor({ schedule: 'cosine' }, 5, 10)).toBeCloseTo(0.5, 12);
    expect(() => scheduleFactor({ warmup: -1 }, 5, 10)).toThrow('scheduleFactor: expected warmup to be an integer of at least 0, got -1');
    expect(() => scheduleFactor({ shedule: 'linear' } as object, 5, 10)).toThrow("did you mean 'schedule'?");
  });

  it('never leaves [0, 1], also when warm-up is longer than the run', () => {
    for (const schedule of scheduleSchema.schedule.choices as readonly string[]) {
      const o = options({ schedule, warmup: 20 });
      for (let i = 0; i < 30; i++) expect(Math.abs(scheduleFactor(o, i, 10) - 0.5)).toBeLessThanOrEqual(0.5);
    }
  });
});
