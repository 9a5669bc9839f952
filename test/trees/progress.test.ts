// Evaluation sets, early stopping, progress, abort.
import { describe, expect, it } from 'vitest';
import { type TrainOptions, type TreeProgress, trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import type { Forest } from '../../lib/trees/forest';
import { arrival, holdMemory } from '../border/latch';
import { binaryLabels, makeSample } from './tables';

const [sample, held] = [makeSample(2000, 6), makeSample(1000, 7)];
const matrix = { values: sample.values, columns: 5, categories: { 4: 12 } };
const heldMatrix = { ...matrix, values: held.values };
const [label, heldLabel] = [binaryLabels(sample), binaryLabels(held)];

async function train(options: TrainOptions): Promise<{ forest: Forest; events: TreeProgress[] }> {
  const events: TreeProgress[] = [];
  using data = await createDataset(matrix, { label });
  const forest = await trainTrees(data, { objective: 'binary', onProgress: (event) => events.push(event), ...options });
  return { forest, events };
}

/** Definitions, in double precision over margins. */
const definitions: Record<string, (margin: Float32Array, y: Float32Array, w: Float32Array) => number> = {
  logloss: (m, y, w) => weighted(m, w, (v, i) => Math.log(1 + Math.exp(y[i] === 1 ? -v : v))),
  error: (m, y, w) => weighted(m, w, (v, i) => Number(v > 0 !== (y[i] === 1))),
  auc: (m, y, w) => {
    let [area, pairs] = [0, 0];
    for (let i = 0; i < m.length; i++) {
      for (let j = 0; j < m.length; j++) {
        if (y[i] !== 1 || y[j] !== 0) continue;
        pairs += w[i]! * w[j]!;
        area += w[i]! * w[j]! * (m[i]! > m[j]! ? 1 : m[i] === m[j] ? 0.5 : 0);
      }
    }
    return area / pairs;
  },
};
function weighted(m: Float32Array, w: Float32Array, loss: (v: number, i: number) => number): number {
  return m.reduce((sum, v, i) => sum + w[i]! * loss(v, i), 0) / w.reduce((sum, v) => sum + v, 0);
}

describe('evaluation', () => {
  it('every round reports metrics as defined', async () => {
    const weight = Float32Array.from(heldLabel, (_, i) => 1 + (i % 3));
    const { forest, events } = await train({ trees: 15, evaluation: { held: { features: heldMatrix, label: heldLabel, weight } } });
    expect(events.map((e) => e.round)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    for (const at of [1, 7, 15]) {
      const margin = forest.predictSync(heldMatrix, { output: 'margin', to: at });
      for (const [name, define] of Object.entries(definitions))
        expect(events[at - 1]!.evaluation.held![name as 'auc']).toBeCloseTo(define(margin, heldLabel, weight), 9);
    }
    forest.dispose();
  });

  it('margins of the training rows follow the trees, sampled or not', async () => {
    for (const rowsPerTree of [1, 0.5]) {
      const { forest, events } = await train({ trees: 10, rowsPerTree, evaluation: { self: { features: matrix, label } } });
      const margin = forest.predictSync(matrix, { output: 'margin' });
      const ones = new Float32Array(label.length).fill(1);
      expect(events.at(-1)!.evaluation.self!.logloss).toBeCloseTo(definitions.logloss!(margin, label, ones), 9);
      expect(events.at(-1)!.evaluation.self!.logloss).toBeLessThan(events[0]!.evaluation.self!.logloss!);
      forest.dispose();
    }
  });

  it('early stopping keeps the best round', async () => {
    const options: TrainOptions = {
      trees: 400,
      maxDepth: 8,
      learningRate: 0.5,
      evaluation: { held: { features: heldMatrix, label: heldLabel } },
    };
    const { forest, events } = await train({ ...options, earlyStopping: 5 });
    const losses = events.map((e) => e.evaluation.held!.logloss!);
    const best = losses.indexOf(Math.min(...losses)) + 1;
    expect(forest.rounds).toBe(best);
    expect(events.length).toBe(best + 5);
    const { forest: whole } = await train({ ...options, trees: best });
    expect(whole.predictSync(heldMatrix)).toEqual(forest.predictSync(heldMatrix));
    forest.dispose();
    whole.dispose();
  });
});

describe('abort', () => {
  it('rejects with the reason and leaves the finished rounds as a model', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    let kept: Forest | undefined;
    using data = await createDataset(matrix, { label });
    const training = trainTrees(data, {
      objective: 'binary',
      trees: 1_000_000, // it cannot end by itself
      signal: stop.signal,
      onProgress: ({ round }) => round >= 3 && stop.abort(reason),
      onAborted: (forest) => {
        kept = forest;
      },
    });
    await expect(training).rejects.toBe(reason);
    expect(kept!.rounds).toBeGreaterThanOrEqual(3);
    using same = await trainTrees(data, { objective: 'binary', trees: kept!.rounds });
    expect(kept!.predictSync(matrix)).toEqual(same.predictSync(matrix));
    kept!.dispose();
  });

  it('before the start: nothing is done', async () => {
    using data = await createDataset(matrix, { label });
    await expect(trainTrees(data, { signal: AbortSignal.abort('early') })).rejects.toBe('early');
  });

  it('the event loop turns while trees grow', async () => {
    using data = await createDataset({ values: sample.values, columns: 5 }, { label });
    const features = { values: held.values.slice(), columns: 5 };
    using latch = holdMemory(features.values);
    const growing = trainTrees(data, { objective: 'binary', trees: 3, evaluation: { held: { features, label: heldLabel } } });
    await arrival(latch, growing);
    latch.open();
    using forest = await growing;
    expect(forest.rounds).toBe(3);
  });
});
