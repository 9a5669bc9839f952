// What a long job tells while it runs: everything, in order, in calls that gather when JavaScript is busy; and what a listener that throws does.
import { describe, expect, it } from 'vitest';
import { memoryUsage } from '../../lib/executor';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';

const rows = 3000;
const features = { values: Float32Array.from({ length: 4 * rows }, (_, i) => Math.sin(i * i * 0.37)), columns: 4 };
const label = Int32Array.from({ length: rows }, (_, i) => Number(features.values[4 * i]! > 0.1));

const block = (milliseconds: number): void => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

describe('progress of a job', () => {
  it('loses nothing when the listener is slow', async () => {
    using data = await createDataset(features, { label });
    const rounds: number[] = [];
    using forest = await trainTrees(data, {
      objective: 'binary',
      trees: 60,
      onProgress: ({ round }) => {
        if (rounds.push(round) % 20 === 1) block(40);
      },
    });
    expect(rounds).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(forest).toBeDefined();
  });

  it('rejects with what the listener throws, and stops', async () => {
    using data = await createDataset(features, { label });
    const before = memoryUsage();
    const mistake = new RangeError('a mistake of the listener');
    let calls = 0;
    const growing = trainTrees(data, {
      objective: 'binary',
      trees: 1_000_000, // it cannot end by itself
      onProgress: () => {
        calls++;
        throw mistake;
      },
    });
    await expect(growing).rejects.toBe(mistake);
    expect(calls).toBe(1);
    expect(memoryUsage()).toEqual(before);
  });
});
