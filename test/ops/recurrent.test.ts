// The gradient of a whole recurrence through its states, against central differences in f64: what the suite cannot try, since it weighs every output.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { mul } from '../../lib/ops/elementwise';
import { type GruOptions, gru } from '../../lib/ops/recurrent';
import { sum } from '../../lib/ops/reduce';
import { input, tensor } from '../../lib/ops/source';
import { sizeOf } from '../../lib/shape';
import type { Tensor } from '../../lib/tensor';
import { interpret } from '../interpreter';

const [batch, steps, features, width] = [2, 3, 4, 3];
const shapes = [[batch, steps, features], [3 * width, features], [3 * width, width], [3 * width], [3 * width], [batch, width]];
// Numbers in [-1, 1] without a pattern that sums could cancel.
const data = shapes.map((shape, k) => Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(3 * i * i + 7 * i + 5 * k + 1)));

function lossOf(leaves: readonly Tensor[], options: GruOptions): Tensor {
  const [x, weightInput, weightHidden, biasInput, biasHidden, initial] = leaves as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const states = gru(x, { weightInput, weightHidden, biasInput, biasHidden }, { ...options, initial });
  const weights = Float32Array.from({ length: batch * steps * width }, (_, i) => ((i * 5) % 7) / 4 - 0.75);
  return sum(mul(states, tensor(weights, [batch, steps, width])));
}

const cases: [string, GruOptions][] = [
  ['forward', {}],
  ['reverse', { reverse: true }],
  ['lengths', { lengths: tensor(Int32Array.of(3, 2)) }],
  ['reverse, lengths', { reverse: true, lengths: tensor(Int32Array.of(3, 2)) }],
];

describe('gradient of gru', () => {
  it.each(cases)('%s', async (_, options) => {
    const leaves = shapes.map((shape, i) => input(i, { shape, dtype: 'f32' }));
    const loss = lossOf(leaves, options);
    const gradients = await interpret(gradient(loss, leaves), { inputs: data });
    const lossAt = async (k: number, i: number, move: number) =>
      (await interpret([loss], { inputs: data.map((x, j) => (j === k ? x.with(i, x[i]! + move) : x)) }))[0]![0]!;
    for (const [k, values] of gradients.entries()) {
      for (let i = 0; i < values.length; i += 2) {
        const slope = ((await lossAt(k, i, 1e-5)) - (await lossAt(k, i, -1e-5))) / 2e-5;
        expect(values[i], `input ${k}, element ${i}`).toBeCloseTo(slope, 7);
      }
    }
  });
});
