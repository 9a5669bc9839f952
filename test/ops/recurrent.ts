// Definitions of lib/ops/recurrent.ts in f64: one step of one sample after the other.
import { recurrentOperations } from '../../lib/ops/recurrent';
import { sizeOf } from '../../lib/shape';
import type { Definitions, Sample, SampleInput, Value } from './definition';

interface Attributes {
  readonly reverse: boolean;
  readonly lengths: boolean;
}

const value = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** The row of (B, T, n) at a step of a sample, or of (B, n) of a sample. */
const row = ({ shape, data }: Value, sample: number, step = 0): Float64Array => {
  const n = shape.at(-1)!;
  const at = (shape.length === 3 ? sample * shape[1]! + step : sample) * n;
  return data.subarray(at, at + n);
};
const order = (steps: number, reverse: boolean): number[] => Array.from({ length: steps }, (_, i) => (reverse ? steps - 1 - i : i));

function defineGru([x, initial, weight, bias, lengths]: readonly Value[], { reverse }: Attributes): Value[] {
  const [batch, steps] = x!.shape as [number, number];
  const width = initial!.shape[1]!;
  const [states, saved] = [value([batch, steps, width]), value([batch, steps, 4 * width])];
  for (let b = 0; b < batch; b++) {
    let h = row(initial!, b);
    for (const t of order(steps, reverse)) {
      const hidden = Array.from(bias!.data, (c, i) => h.reduce((sum, v, j) => sum + v * weight!.data[i * width + j]!, c));
      const gates = row(x!, b, t);
      const to = row(states, b, t);
      const keep = row(saved, b, t);
      const before = h;
      for (let j = 0; j < width; j++) {
        const [r, z] = [0, 1].map((i) => sigmoid(gates[i * width + j]! + hidden[i * width + j]!)) as [number, number];
        const inner = hidden[2 * width + j]!;
        const n = Math.tanh(gates[2 * width + j]! + r * inner);
        [r, z, n, inner].forEach((v, i) => {
          keep[i * width + j] = v;
        });
        to[j] = lengths && t >= lengths.data[b]! ? before[j]! : (1 - z) * n + z * before[j]!;
      }
      h = to;
    }
  }
  return [states, saved];
}

function defineGradient([g, states, saved, initial, weight, lengths]: readonly Value[], { reverse }: Attributes): Value[] {
  const [batch, steps, width] = g!.shape as [number, number, number];
  const [dx, dhidden, dinitial] = [value([batch, steps, 3 * width]), value([batch, steps, 3 * width]), value([batch, width])];
  for (let b = 0; b < batch; b++) {
    let carry = new Float64Array(width);
    for (const t of order(steps, !reverse)) {
      const slope = carry.map((v, j) => v + row(g!, b, t)[j]!);
      carry = slope;
      if (lengths && t >= lengths.data[b]!) continue;
      const before = t === order(steps, reverse)[0] ? row(initial!, b) : row(states!, b, reverse ? t + 1 : t - 1);
      const [ofX, ofHidden, gates] = [row(dx, b, t), row(dhidden, b, t), row(saved!, b, t)];
      for (let j = 0; j < width; j++) {
        const [r, z, n, inner] = [0, 1, 2, 3].map((i) => gates[i * width + j]!) as [number, number, number, number];
        const ofN = slope[j]! * (1 - z) * (1 - n * n);
        const parts = [ofN * inner * r * (1 - r), slope[j]! * (before[j]! - n) * z * (1 - z), ofN];
        parts.forEach((v, i) => {
          ofX[i * width + j] = v;
          ofHidden[i * width + j] = i === 2 ? v * r : v;
        });
      }
      carry = slope.map((v, j) => v * gates[width + j]! + ofHidden.reduce((sum, d, i) => sum + d * weight!.data[i * width + j]!, 0));
    }
    row(dinitial, b).set(carry);
  }
  return [dx, dhidden, dinitial];
}

// [B, T, H]: around the samples of a task and the lanes of every instruction set.
const sizes: [string, number, number, number][] = [
  ['one', 1, 1, 1],
  ['odd', 2, 3, 5],
  ['whole vectors', 6, 4, 16],
  ['masked tails', 7, 3, 19],
  ['several tasks', 23, 5, 37],
  ['no steps', 2, 0, 3],
  ['no samples', 0, 2, 3],
  ['no width', 2, 3, 0],
];
const small = { low: -0.5, high: 0.5 };
const lengthsOf = (batch: number, steps: number): SampleInput => ({
  shape: [batch],
  dtype: 'i32',
  values: Array.from({ length: batch }, (_, b) => [steps, 0, 2][b % 3]!),
});
const variants: [string, Attributes][] = [
  ['', { reverse: false, lengths: false }],
  [', reverse', { reverse: true, lengths: false }],
  [', lengths', { reverse: false, lengths: true }],
  [', reverse, lengths', { reverse: true, lengths: true }],
];
const samplesOf = (inputs: (b: number, t: number, h: number) => SampleInput[], gradient?: Sample['gradient']): Sample<Attributes>[] =>
  sizes.flatMap(([name, b, t, h]) =>
    variants.map(([variant, attributes]) => ({
      name: name + variant,
      inputs: [...inputs(b, t, h), ...(attributes.lengths ? [lengthsOf(b, t)] : [])],
      attributes,
      gradient: t === 0 ? { skipped: 'without steps no result depends on the inputs' } : gradient,
    })),
  );

const plain: Attributes = { reverse: false, lengths: false };
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });

/** What recurrence means. */
export const definitions: Definitions = {
  gru: {
    operation: recurrentOperations.gru,
    define: defineGru,
    dtypes: ['f32'],
    tolerance: 1e-5,
    samples: samplesOf(
      (b, t, h) => [{ shape: [b, t, 3 * h] }, { shape: [b, h] }, { shape: [3 * h, h], values: small }, { shape: [3 * h] }],
      { skipped: 'what is saved for the way back has no gradient; recurrent.test.ts tries that of the states' },
    ),
    refused: [
      {
        inputs: [f32(2, 3, 12), f32(2, 4), f32(12, 5), f32(12)],
        attributes: plain,
        message: /^gru: expected weight f32 \(12, 4\), got f32 \(12, 5\)$/,
      },
      {
        inputs: [f32(2, 12), f32(2, 4), f32(12, 4), f32(12)],
        attributes: plain,
        message: /^gru: expected \(B, T, features\), got \(2, 12\)$/,
      },
    ],
  },
  gru_gradient: {
    operation: recurrentOperations.gru_gradient,
    define: defineGradient,
    dtypes: ['f32'],
    tolerance: 1e-5,
    samples: samplesOf((b, t, h) => [
      { shape: [b, t, h] },
      { shape: [b, t, h] },
      { shape: [b, t, 4 * h], values: { low: 0, high: 1 } },
      { shape: [b, h] },
      { shape: [3 * h, h], values: small },
    ]),
    refused: [
      {
        inputs: [f32(2, 3, 4), f32(2, 3, 4), f32(2, 3, 12), f32(2, 4), f32(12, 4)],
        attributes: plain,
        message: /^gru_gradient: expected saved gates f32 \(2, 3, 16\), got f32 \(2, 3, 12\)$/,
      },
    ],
  },
};
