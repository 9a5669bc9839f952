// Definitions of lib/ops/random.ts: Philox 4x32-10 in whole-number arithmetic, then the distributions in f64.
import { randomOperations } from '../../lib/ops/random';
import { sizeOf } from '../../lib/shape';
import type { Definition, Definitions, SampleInput, Value } from './definition';

/** Ten rounds of Philox 4x32 on a counter of four words with a key of two (Salmon et al., SC 2011). */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k, l] = key.map(BigInt) as [bigint, bigint];
  const word = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const [p, q] = [a * 0xd2511f53n, c * 0xcd9e8d57n];
    [a, b, c, d] = [(q >> 32n) ^ b ^ k, q & word, (p >> 32n) ^ d ^ l, p & word];
    [k, l] = [(k + 0x9e3779b9n) & word, (l + 0xbb67ae85n) & word];
  }
  return [a, b, c, d].map(Number);
}

/** The words of `count` elements under a random state and a stream. */
export function drawWords(state: ArrayLike<number>, stream: number, count: number): number[] {
  const [low, high, step] = Array.from(state, (n) => n >>> 0) as [number, number, number];
  const blocks = Array.from({ length: Math.ceil(count / 4) }, (_, i) => philox([i, 0, step, stream], [low, high]));
  return blocks.flat().slice(0, count);
}

const unit = (word: number) => ((word >>> 9) + 0.5) / 2 ** 23;

function normalNumbers(words: readonly number[]): number[] {
  return words.map((_, i) => {
    const pair = i - (i % 2);
    const radius = Math.sqrt(-2 * Math.log(unit(words[pair]!)));
    const angle = 2 * Math.PI * unit(words[pair + 1]!);
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

const state: SampleInput = { shape: [4], dtype: 'i32', values: [123456789, -7, 42, 0] };
const sizes: [string, number[]][] = [
  ['one', [1]],
  ['odd', [7]],
  ['prime', [101]],
  ['masked tail', [2, 3, 11]],
  ['several tasks', [16400]],
  ['empty', [0, 3]],
];

function drawn(
  name: 'random_uniform' | 'random_normal' | 'bernoulli',
  numbers: readonly number[],
  map: (words: number[]) => number[],
): Definition {
  const dtypes = name === 'bernoulli' ? (['bool'] as const) : (['f32', 'bf16'] as const);
  return {
    operation: randomOperations[name],
    define: ([random], { stream, shape }) => [{ shape, data: Float64Array.from(map(padded(random!, stream, shape))) }],
    samples: dtypes.flatMap((dtype) =>
      sizes.map(([label, shape]) => ({ name: `${dtype}, ${label}`, inputs: [state], attributes: { shape, dtype, stream: 3, numbers } })),
    ),
    dtypes: ['i32'],
    refused: [
      {
        inputs: [{ shape: [3], dtype: 'i32' }],
        attributes: { shape: [2], dtype: dtypes[0], stream: 0, numbers },
        message: new RegExp(`^${name}: expected a random state, i32 \\(4\\), as the first input$`),
      },
    ],
  };
}

// A pair of normal numbers needs both words, so an odd count draws one more.
const padded = (random: Value, stream: number, shape: readonly number[]) => drawWords(random.data, stream, sizeOf(shape) + 1);
const cut = (shape: readonly number[], data: number[]) => Float64Array.from(data.slice(0, sizeOf(shape)));

function trimmed(definition: Definition): Definition {
  return {
    ...definition,
    define: (inputs, attributes, outputs) =>
      definition.define(inputs, attributes, outputs).map(({ shape, data }) => ({ shape, data: cut(shape, [...data]) })),
  };
}

/** What random operations mean. */
export const definitions: Definitions = {
  random_uniform: trimmed(drawn('random_uniform', [-1, 3], (words) => words.map((w) => -1 + 4 * unit(w)))),
  random_normal: { ...trimmed(drawn('random_normal', [0.5, 2], (words) => normalNumbers(words).map((z) => 0.5 + 2 * z))), tolerance: 1e-5 },
  bernoulli: trimmed(drawn('bernoulli', [0.25], (words) => words.map((w) => Number(w < 0.25 * 2 ** 32)))),
  dropout: {
    operation: randomOperations.dropout,
    define([random, x], { rate, stream }) {
      const words = drawWords(random!.data, stream, x!.data.length);
      const keep = Math.floor((1 - rate) * 2 ** 32);
      return [{ shape: x!.shape, data: x!.data.map((v, i) => (words[i]! < keep ? v / (1 - rate) : 0)) }];
    },
    samples: [
      ...sizes.map(([name, shape]) => ({ name, inputs: [state, { shape }], attributes: { rate: 0.3, stream: 5 } })),
      { name: 'nothing kept', inputs: [state, { shape: [67], values: [...new Array(67).keys()] }], attributes: { rate: 1, stream: 5 } },
    ],
    refused: [
      {
        inputs: [
          { shape: [4], dtype: 'i32' },
          { shape: [3], dtype: 'i32' },
        ],
        attributes: { rate: 0.5, stream: 0 },
        message: /^dropout: expected dtype f32 or bf16, got i32$/,
      },
    ],
  },
};
