// Definitions of lib/ops/attention.ts in f64: scores, softmax and sums of every query, one after the other.
import { attentionOperations } from '../../lib/ops/attention';
import { sizeOf } from '../../lib/shape';
import type { Definitions, Sample, SampleInput, Value } from './definition';
import { drawWords } from './random';

interface Attributes {
  readonly packed: boolean;
  readonly causal: boolean;
  readonly scale: number;
  readonly bias: boolean;
  readonly mask: boolean;
  readonly lengths: boolean;
  readonly rate: number;
  readonly stream: number;
  readonly ofLogSum?: boolean;
}

const value = (shape: readonly number[]): Value => ({ shape, data: new Float64Array(sizeOf(shape)) });
const offset = ({ shape }: Value, ...at: number[]): number => at.reduce((sum, n, axis) => sum * shape[axis]! + n, 0);
const read = (x: Value, ...at: number[]): number => x.data[offset(x, ...at)]!;

/** Axes in another order, row-major. */
function reorder(x: Value, axes: readonly number[]): Value {
  const y = value(axes.map((a) => x.shape[a]!));
  y.data.forEach((_, position) => {
    const at = new Array<number>(axes.length).fill(0);
    let rest = position;
    for (let i = axes.length - 1; i >= 0; i--) {
      at[axes[i]!] = rest % y.shape[i]!;
      rest = Math.floor(rest / y.shape[i]!);
    }
    y.data[position] = read(x, ...at);
  });
  return y;
}

/** q, k, v (B, H, T, D). */
function heads(inputs: readonly Value[], packed: boolean): [Value, Value, Value] {
  if (!packed) return inputs.slice(0, 3) as [Value, Value, Value];
  const [batch, tokens, , count, width] = inputs[0]!.shape as [number, number, number, number, number];
  const parts = reorder(inputs[0]!, [2, 0, 3, 1, 4]); // (3, B, H, T, D)
  const size = parts.data.length / 3;
  const part = (i: number) => ({ shape: [batch, count, tokens, width], data: parts.data.slice(i * size, (i + 1) * size) });
  return [part(0), part(1), part(2)];
}

/** What attention works on; `factors` (B, H, Tq, Tk) is what dropout multiplies weights by. */
function prepare(inputs: readonly Value[], attributes: Attributes) {
  const [q, k, v] = heads(inputs, attributes.packed);
  const rest = inputs.slice(attributes.packed ? 1 : 3);
  const bias = attributes.bias ? rest.shift() : undefined;
  const mask = attributes.mask ? rest.shift() : undefined;
  const lengths = attributes.lengths ? rest.shift() : undefined;
  const factors = value([...q.shape.slice(0, 3), k.shape[2]!]);
  const words = attributes.rate > 0 ? drawWords(rest.shift()!.data, attributes.stream, factors.data.length) : [];
  const limit = Math.floor((1 - attributes.rate) * 2 ** 32);
  factors.data.forEach((_, i) => {
    factors.data[i] = attributes.rate === 0 ? 1 : words[i]! < limit ? 1 / (1 - attributes.rate) : 0;
  });
  const sees = (b: number, h: number, i: number, j: number): boolean =>
    !(attributes.causal && j > i) && !(mask && read(mask, b, h, i, j) === 0) && !(lengths && j >= lengths.data[b]!);
  const scores = value(factors.shape);
  each(scores, (at, [b, h, i, j]) => {
    let sum = 0;
    for (let d = 0; d < q.shape[3]!; d++) sum += read(q, b, h, i, d) * read(k, b, h, j, d);
    scores.data[at] = sees(b, h, i, j) ? sum * attributes.scale + (bias?.data[at] ?? 0) : Number.NEGATIVE_INFINITY;
  });
  return { q, k, v, factors, scores };
}

type Place = [number, number, number, number];
function each(x: Value, visit: (at: number, place: Place) => void): void {
  const [batch, count, rows, columns] = x.shape as Place;
  for (let at = 0; at < x.data.length; at++) {
    const row = Math.floor(at / columns);
    visit(at, [Math.floor(row / rows / count) % batch, Math.floor(row / rows) % count, row % rows, at % columns]);
  }
}

function logSum(row: Float64Array): number {
  const highest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (highest === Number.NEGATIVE_INFINITY) return highest;
  return highest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - highest), 0));
}

const exponential = (score: number, logSum: number): number => (score === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - logSum));

function defineAttention(inputs: readonly Value[], attributes: Attributes): Value[] {
  const { q, v, factors, scores } = prepare(inputs, attributes);
  const [batch, count, queries, width] = q.shape as Place;
  const keys = v.shape[2]!;
  const out = value([batch, queries, count, width]);
  const sums = value([batch, count, queries]);
  sums.data.forEach((_, row) => {
    sums.data[row] = logSum(scores.data.slice(row * keys, (row + 1) * keys));
  });
  each(scores, (at, [b, h, i, j]) => {
    const weight = exponential(scores.data[at]!, read(sums, b, h, i)) * factors.data[at]!;
    for (let d = 0; d < width; d++) out.data[offset(out, b, i, h, d)]! += weight * read(v, b, h, j, d);
  });
  return [out, sums];
}

// Inputs: g and out (B, Tq, H, D), log-sums (B, H, Tq), those of attention [, gradient of the log-sums]; all taken as they are given.
function defineGradient(inputs: readonly Value[], attributes: Attributes): Value[] {
  const [g, out, sums] = inputs as [Value, Value, Value];
  const { q, k, v, factors, scores } = prepare(inputs.slice(3), attributes);
  const [batch, count, queries, width] = q.shape as Place;
  const keys = k.shape[2]!;
  const [dq, dk, dv] = [value([batch, queries, count, width]), value([batch, keys, count, width]), value([batch, keys, count, width])];
  const along = (f: (d: number) => number): number => Array.from({ length: width }, (_, d) => f(d)).reduce((a, b) => a + b, 0);
  const rows = value(sums.shape);
  rows.data.forEach((_, at) => {
    const [i, h, b] = [at % queries, Math.floor(at / queries) % count, Math.floor(at / queries / count)];
    rows.data[at] = along((d) => read(g, b, i, h, d) * read(out, b, i, h, d)) - (attributes.ofLogSum ? inputs.at(-1)!.data[at]! : 0);
  });
  each(scores, (at, [b, h, i, j]) => {
    const weight = exponential(scores.data[at]!, read(sums, b, h, i));
    const ofWeight = factors.data[at]! * along((d) => read(g, b, i, h, d) * read(v, b, h, j, d));
    const slope = weight * (ofWeight - read(rows, b, h, i));
    for (let d = 0; d < width; d++) {
      dq.data[offset(dq, b, i, h, d)]! += attributes.scale * slope * read(k, b, h, j, d);
      dk.data[offset(dk, b, j, h, d)]! += attributes.scale * slope * read(q, b, h, i, d);
      dv.data[offset(dv, b, j, h, d)]! += weight * factors.data[at]! * read(g, b, i, h, d);
    }
  });
  if (!attributes.packed) return [dq, dk, dv];
  const all = { shape: [3, batch, queries, count, width], data: Float64Array.from([dq, dk, dv].flatMap((x) => [...x.data])) };
  return [reorder(all, [1, 2, 0, 3, 4])];
}

// --- samples -------------------------------------------------------------------------------------------------------------------------

const plain: Attributes = {
  packed: false,
  causal: false,
  scale: 0.5,
  bias: false,
  mask: false,
  lengths: false,
  rate: 0,
  stream: 0,
};

/** [B, H, Tq, Tk, D] and what differs from plain. */
type Sizes = readonly [number, number, number, number, number];
const cases: [string, Sizes, Partial<Attributes>][] = [
  ['one', [1, 1, 1, 1, 1], {}],
  ['odd', [2, 3, 5, 5, 7], {}],
  ['whole vectors', [1, 2, 16, 16, 16], {}],
  ['masked tails', [1, 2, 19, 19, 21], {}],
  ['cross', [2, 2, 7, 13, 5], {}],
  ['blocks of queries and panels of keys', [1, 2, 101, 101, 33], {}],
  ['more than one panel of width', [1, 1, 50, 67, 80], {}],
  ['causal', [1, 2, 53, 53, 8], { causal: true }],
  ['bias', [2, 2, 5, 9, 4], { bias: true }],
  ['mask', [2, 2, 5, 9, 4], { mask: true }],
  ['lengths', [3, 2, 5, 9, 4], { lengths: true }],
  ['packed', [2, 3, 17, 17, 8], { packed: true }],
  ['packed, causal, lengths', [3, 2, 9, 9, 4], { packed: true, causal: true, lengths: true }],
  ['dropout', [2, 3, 7, 7, 5], { rate: 0.3, stream: 5 }],
  ['dropout, packed, causal', [2, 3, 50, 50, 5], { packed: true, causal: true, rate: 0.1, stream: 5 }],
  ['everything dropped', [1, 2, 3, 5, 4], { rate: 1, stream: 1 }],
  ['everything', [3, 2, 9, 9, 4], { causal: true, bias: true, mask: true, lengths: true, rate: 0.5, stream: 2 }],
  ['no queries', [1, 2, 0, 3, 4], {}],
  ['no keys', [1, 2, 3, 0, 4], {}],
  ['no samples', [0, 2, 3, 3, 4], {}],
  ['no width', [2, 2, 3, 5, 0], { scale: 1 }],
];

function attentionInputs([b, h, queries, keys, d]: Sizes, attributes: Attributes): SampleInput[] {
  const scores = [b, h, queries, keys];
  const lengths = Array.from({ length: b }, (_, i) => [keys, 0, Math.ceil(keys / 2)][i % 3]!);
  return [
    ...(attributes.packed ? [{ shape: [b, queries, 3, h, d] }] : [queries, keys, keys].map((t) => ({ shape: [b, h, t, d] }))),
    ...(attributes.bias ? [{ shape: scores, dtype: 'f32' as const }] : []),
    ...(attributes.mask ? [{ shape: scores, dtype: 'bool' as const }] : []),
    ...(attributes.lengths ? [{ shape: [b], dtype: 'i32' as const, values: lengths }] : []),
    ...(attributes.rate > 0 ? [{ shape: [4], dtype: 'i32' as const, values: [123456789, -7, 42, 0] }] : []),
  ];
}

const samples: Sample<Attributes>[] = cases.map(([name, sizes, differs]) => {
  const attributes = { ...plain, scale: 1 / Math.sqrt(sizes[4]), ...differs };
  const blind = attributes.lengths || attributes.mask || sizes[3] === 0;
  return {
    name,
    inputs: attentionInputs(sizes, attributes),
    attributes,
    gradient: blind ? { skipped: 'the log-sum of a query that sees nothing is -infinity' } : undefined,
  };
});

const gradientSamples: Sample[] = cases.map(([name, sizes, differs], i) => {
  const [b, h, queries, , d] = sizes;
  const attributes = { ...plain, scale: 1 / Math.sqrt(d), ...differs, ofLogSum: i % 2 === 1 };
  const rows: SampleInput = { shape: [b, h, queries], dtype: 'f32' };
  return {
    name,
    inputs: [
      { shape: [b, queries, h, d] },
      { shape: [b, queries, h, d] },
      { ...rows, values: { low: 2, high: 4 } },
      ...attentionInputs(sizes, attributes),
      ...(attributes.ofLogSum ? [rows] : []),
    ],
    attributes,
  };
});

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const });

/** What attention means. */
export const definitions: Definitions = {
  attention: {
    operation: attentionOperations.attention,
    define: defineAttention,
    tolerance: 1e-5,
    samples,
    refused: [
      {
        inputs: [f32(1, 2, 3, 4), f32(1, 2, 3, 5), f32(1, 2, 3, 5)],
        attributes: plain,
        message: /^attention: expected q \(B, H, Tq, D\) and k, v \(B, H, Tk, D\), got \(1, 2, 3, 4\) and \(1, 2, 3, 5\) and/,
      },
      {
        inputs: [f32(1, 7, 2, 3, 4)],
        attributes: { ...plain, packed: true },
        message: /^attention: expected qkv \(B, T, 3, H, D\), got \(1, 7, 2, 3, 4\)$/,
      },
      {
        inputs: [f32(1, 2, 3, 4), f32(1, 2, 5, 4), f32(1, 2, 5, 4)],
        attributes: { ...plain, causal: true },
        message: /^attention: expected as many queries as keys for causal attention, got 3 and 5$/,
      },
      {
        inputs: [f32(1, 2, 3, 4), f32(1, 2, 5, 4), f32(1, 2, 5, 4), f32(2, 3, 5)],
        attributes: { ...plain, bias: true },
        message: /^attention: expected bias f32 \(1, 2, 3, 5\), got f32 \(2, 3, 5\)$/,
      },
    ],
  },
  attention_gradient: {
    operation: attentionOperations.attention_gradient,
    define: defineGradient,
    tolerance: 5e-5,
    samples: gradientSamples,
    refused: [
      {
        inputs: [f32(1, 3, 2, 4), f32(1, 2, 3, 4), f32(1, 2, 3), f32(1, 2, 3, 4), f32(1, 2, 5, 4), f32(1, 2, 5, 4)],
        attributes: { ...plain, ofLogSum: false },
        message: /^attention_gradient: expected g and out f32 \(1, 3, 2, 4\), got f32 \(1, 2, 3, 4\)$/,
      },
    ],
  },
};
