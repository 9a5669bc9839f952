// Definitions of lib/ops/loss.ts in f64.
import { lossOperations } from '../../lib/ops/loss';
import type { Definitions, Sample, SampleInput, Value } from './definition';
import { logSoftmaxRow } from './softmax';

interface Attributes {
  readonly smoothing: number;
  readonly ignoreIndex: number;
  readonly weighted: boolean;
}

const row = (x: Value, i: number): Float64Array => x.data.slice(i * x.shape[1]!, (i + 1) * x.shape[1]!);

/** How much each class's -log p counts in row i, and the label's own weight. */
function targets(classes: number, label: number, weights: Value | undefined, { smoothing, ignoreIndex }: Attributes) {
  const weight = (c: number) => weights?.data[c] ?? 1;
  const ignored = label === ignoreIndex;
  const own = ignored ? 0 : weight(label);
  const share = (c: number) => (ignored ? 0 : (c === label ? 1 - smoothing : 0) * own + (smoothing / classes) * weight(c));
  return { own, shares: Float64Array.from({ length: classes }, (_, c) => share(c)) };
}

const column = (data: number[]): Value => ({ shape: [data.length], data: Float64Array.from(data) });

function defineLosses([x, labels, weights]: readonly Value[], attributes: Attributes): Value[] {
  const rows = Array.from(labels!.data, (label, i) => {
    const low = logSoftmaxRow(row(x!, i));
    const { own, shares } = targets(low.length, label, weights, attributes);
    return { loss: -shares.reduce((s, t, c) => s + t * low[c]!, 0), logSum: x!.data[i * low.length]! - low[0]!, own };
  });
  return [column(rows.map((r) => r.loss)), column(rows.map((r) => r.logSum)), column(rows.map((r) => r.own))];
}

function defineGradient([x, labels, logSums, g, weights]: readonly Value[], attributes: Attributes): Value[] {
  const classes = x!.shape[1]!;
  const result = new Float64Array(x!.data.length);
  labels!.data.forEach((label, i) => {
    const { shares } = targets(classes, label, weights, attributes);
    const whole = shares.reduce((a, b) => a + b, 0);
    row(x!, i).forEach((v, c) => {
      result[i * classes + c] = g!.data[i]! * (Math.exp(v - logSums!.data[i]!) * whole - shares[c]!);
    });
  });
  return [{ shape: x!.shape, data: result }];
}

// [rows, classes], around the lanes of every instruction set.
const sizes: [string, number, number][] = [
  ['one', 1, 1],
  ['odd', 3, 5],
  ['whole vectors', 4, 32],
  ['masked tail', 7, 19],
  ['prime', 101, 37],
  ['several tasks', 40, 1001],
  ['no rows', 0, 3],
];

function labelled(rows: number, classes: number, ignored = false): SampleInput {
  const labels = Array.from({ length: rows }, (_, i) => (ignored && i % 3 === 1 ? -100 : (i * 7 + 3) % classes));
  return { shape: [rows], dtype: 'i32', values: labels };
}
const plain: Attributes = { smoothing: 0, ignoreIndex: -100, weighted: false };
const weights = (classes: number): SampleInput => ({ shape: [classes], dtype: 'f32', values: { low: 0.5, high: 2 } });
const variants: [string, Attributes][] = [
  ['smoothing', { ...plain, smoothing: 0.1 }],
  ['class weights', { ...plain, weighted: true }],
  ['smoothing and class weights', { ...plain, smoothing: 0.2, weighted: true }],
];

const noWeightGradient = { skipped: 'class weights have no gradient' };
function samplesOf(between: (rows: number) => SampleInput[]): Sample<Attributes>[] {
  const one = (name: string, rows: number, classes: number, attributes: Attributes, ignored = false): Sample<Attributes> => ({
    name,
    inputs: [
      { shape: [rows, classes] },
      labelled(rows, classes, ignored),
      ...between(rows),
      ...(attributes.weighted ? [weights(classes)] : []),
    ],
    attributes,
    gradient: attributes.weighted ? noWeightGradient : undefined,
  });
  return [
    ...sizes.map(([name, rows, classes]) => one(name, rows, classes, plain)),
    ...variants.map(([name, attributes]) => one(name, 9, 21, attributes)),
    ...variants.map(([name, attributes]) => one(`${name}, ignored rows`, 9, 21, attributes, true)),
    one('an ignored class', 6, 4, { ...plain, ignoreIndex: 3 }),
  ];
}

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });
const i32 = (...shape: number[]) => ({ shape, dtype: 'i32' as const });

/** What cross-entropy means. */
export const definitions: Definitions = {
  cross_entropy: {
    operation: lossOperations.cross_entropy,
    define: defineLosses,
    tolerance: 1e-5,
    samples: samplesOf(() => []),
    refused: [
      {
        inputs: [f32(3, 4), i32(4)],
        attributes: plain,
        message: /^cross_entropy: expected logits \(N, C\) and labels \(N\), got \(3, 4\) and/,
      },
      { inputs: [f32(3, 4), f32(3)], attributes: plain, message: /^cross_entropy: expected labels of dtype i32, got f32; use cast$/ },
      {
        inputs: [f32(3, 4), i32(3), f32(3)],
        attributes: { ...plain, weighted: true },
        message: /^cross_entropy: expected class weights f32 \(4,\), got f32 \(3,\)$/,
      },
    ],
  },
  cross_entropy_gradient: {
    operation: lossOperations.cross_entropy_gradient,
    define: defineGradient,
    tolerance: 1e-5,
    samples: samplesOf((rows) => [
      { shape: [rows], dtype: 'f32', values: { low: 2, high: 4 } },
      { shape: [rows], dtype: 'f32' },
    ]),
    refused: [
      { inputs: [f32(3, 4), i32(3), f32(4), f32(3)], attributes: plain, message: /^cross_entropy_gradient: expected log-sums f32 \(3,\)/ },
    ],
  },
};
