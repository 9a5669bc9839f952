// Gated recurrent unit over a whole sequence. Kernels: native/cpu/kernels/recurrent.h; the products with the inputs are made before, all steps at once.
// Source: Cho et al. 2014 in the form of cuDNN and PyTorch: gates r, z, n in this order, reset after the recurrent product. f32.
import { fail } from '../errors';
import type { Shape } from '../shape';
import { sameShape, showShape } from '../shape';
import type { Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { add, full, less, mul, sigmoid, sub, tanh, where } from './elementwise';
import { concat, reshape, slice, stack, transpose, unsqueeze } from './layout';
import { linear, matmul } from './matmul';
import { sum } from './reduce';

interface Recurrent {
  readonly reverse: boolean;
  readonly lengths: boolean; // the last input is how many steps each sample has
}

function check(name: string, what: string, x: Signature | undefined, dtype: 'f32' | 'i32', shape: Shape): void {
  if (x?.dtype === dtype && sameShape(x.shape, shape)) return;
  const code = x && x.dtype !== dtype ? 'ERR_TENSORWOOD_DTYPE' : 'ERR_TENSORWOOD_SHAPE';
  fail(code, `${name}: expected ${what} ${dtype} ${showShape(shape)}, got ${x ? `${x.dtype} ${showShape(x.shape)}` : 'nothing'}`);
}

const sizesOf = (name: string, x: Signature): [number, number, number] => {
  if (x.shape.length !== 3) fail('ERR_TENSORWOOD_SHAPE', `${name}: expected (B, T, features), got ${showShape(x.shape)}`);
  return x.shape as unknown as [number, number, number];
};

const step = (x: Tensor, t: number): Tensor => reshape(slice(x, { axis: 1, start: t, stop: t + 1 }), [x.shape[0]!, x.shape[2]!]);
const gate = (x: Tensor, i: number, width: number): Tensor => slice(x, { axis: 1, start: i * width, stop: (i + 1) * width });

// x, hidden (B, 3H), h (B, H) -> the next state and r, z, n, and what r multiplies.
function cell(x: Tensor, hidden: Tensor, h: Tensor): { next: Tensor; saved: Tensor } {
  const width = h.shape[1]!;
  const [r, z] = [0, 1].map((i) => sigmoid(add(gate(x, i, width), gate(hidden, i, width)))) as [Tensor, Tensor];
  const inner = gate(hidden, 2, width);
  const n = tanh(add(gate(x, 2, width), mul(r, inner)));
  return { next: add(n, mul(z, sub(h, n))), saved: concat([r, z, n, inner], { axis: 1 }) };
}

// Inputs: the input's part of the gates (B, T, 3H), first state (B, H), weight (3H, H), bias (3H) [, lengths]. Outputs: states (B, T, H), and what the
// way back needs (B, T, 4H).
const gruSteps: Operation<Recurrent> = {
  name: 'gru',
  infer([x, initial, weight, bias, lengths], attributes) {
    const [batch, steps, gates] = sizesOf('gru', x!);
    const width = gates / 3;
    check('gru', 'gates', x, 'f32', [batch, steps, 3 * Math.floor(width)]);
    check('gru', 'first state', initial, 'f32', [batch, width]);
    check('gru', 'weight', weight, 'f32', [gates, width]);
    check('gru', 'bias', bias, 'f32', [gates]);
    if (attributes.lengths) check('gru', 'lengths', lengths, 'i32', [batch]);
    return [width, 4 * width].map((n): Signature => ({ shape: [batch, steps, n], dtype: 'f32' }));
  },
  compose([x, initial, weight, bias, lengths], { reverse }) {
    const [batch, steps, gates] = x!.shape as unknown as [number, number, number];
    if (steps === 0) return [gates / 3, (4 * gates) / 3].map((n) => full([batch, 0, n], 0));
    const results: { next: Tensor; saved: Tensor }[] = [];
    let h = initial!;
    for (let done = 0; done < steps; done++) {
      const t = reverse ? steps - 1 - done : done;
      const { next, saved } = cell(step(x!, t), add(matmul(h, transpose(weight!)), bias!), h);
      h = lengths ? where(less(full([batch, 1], t, 'i32'), unsqueeze(lengths, 1)), next, h) : next;
      results[t] = { next: h, saved };
    }
    return [
      stack(
        results.map(({ next }) => next),
        { axis: 1 },
      ),
      stack(
        results.map(({ saved }) => saved),
        { axis: 1 },
      ),
    ];
  },
  kernel: (_, __, { reverse, lengths }) => ({ name: 'gru', integers: [Number(reverse), Number(lengths)] }),
  strides: (input) => (input === 0 ? 'rows' : input === 4 ? 'any' : 'dense'),
  gradient({ inputs: [, initial, weight, , lengths], outputs: [states, saved], attributes }, [g, ofSaved]) {
    if (ofSaved) fail('ERR_TENSORWOOD_GRADIENT', 'gru: expected a gradient of the states, got one of what is saved for the way back');
    const given = [g!, states!, saved!, initial!, weight!, ...(lengths ? [lengths] : [])];
    const [ofX, ofHidden, ofInitial] = apply(gruGradient, given, attributes);
    const rows = (x: Tensor) => reshape(x, [x.shape[0]! * x.shape[1]!, x.shape[2]!]);
    const before = rows(statesBefore(states!, initial!, attributes.reverse));
    return [ofX, ofInitial, matmul(transpose(rows(ofHidden!)), before), sum(ofHidden!, { axes: [0, 1] })];
  },
};

// The state that each step started from, (B, T, H).
function statesBefore(states: Tensor, initial: Tensor, reverse: boolean): Tensor {
  const steps = states.shape[1]!;
  const first = unsqueeze(initial, 1);
  if (steps === 0) return states;
  return reverse
    ? concat([slice(states, { axis: 1, start: 1 }), first], { axis: 1 })
    : concat([first, slice(states, { axis: 1, start: 0, stop: steps - 1 })], { axis: 1 });
}

// One step back: gradients of the input's part and the state's part of the gates, (B, 3H) each, and of the state before.
function cellGradient(g: Tensor, saved: Tensor, before: Tensor, weight: Tensor) {
  const width = before.shape[1]!;
  const [r, z, n, inner] = [0, 1, 2, 3].map((i) => gate(saved, i, width)) as [Tensor, Tensor, Tensor, Tensor];
  const ofN = mul(mul(g, sub(1, z)), sub(1, mul(n, n)));
  const ofR = mul(mul(ofN, inner), mul(r, sub(1, r)));
  const ofZ = mul(mul(g, sub(before, n)), mul(z, sub(1, z)));
  const ofHidden = concat([ofR, ofZ, mul(ofN, r)], { axis: 1 });
  return { ofX: concat([ofR, ofZ, ofN], { axis: 1 }), ofHidden, ofBefore: add(mul(g, z), matmul(ofHidden, weight)) };
}

// Inputs: gradient of the states, states, saved, first state, weight [, lengths]. Outputs: gradients of the input's part (B, T, 3H), of the state's part
// (B, T, 3H), of the first state (B, H).
const gruGradient: Operation<Recurrent> = {
  name: 'gru_gradient',
  infer([g, states, saved, initial, weight, lengths], attributes) {
    const [batch, steps, width] = sizesOf('gru_gradient', g!);
    for (const x of [g, states]) check('gru_gradient', 'states', x, 'f32', [batch, steps, width]);
    check('gru_gradient', 'saved gates', saved, 'f32', [batch, steps, 4 * width]);
    check('gru_gradient', 'first state', initial, 'f32', [batch, width]);
    check('gru_gradient', 'weight', weight, 'f32', [3 * width, width]);
    if (attributes.lengths) check('gru_gradient', 'lengths', lengths, 'i32', [batch]);
    const part: Signature = { shape: [batch, steps, 3 * width], dtype: 'f32' };
    return [part, part, initial!];
  },
  compose([g, states, saved, initial, weight, lengths], { reverse }) {
    const [batch, steps, width] = g!.shape as unknown as [number, number, number];
    if (steps === 0) return [full([batch, 0, 3 * width], 0), full([batch, 0, 3 * width], 0), full([batch, width], 0)];
    const before = statesBefore(states!, initial!, reverse);
    const parts: { ofX: Tensor; ofHidden: Tensor }[] = [];
    let carry = full([batch, width], 0);
    for (let done = 0; done < steps; done++) {
      const t = reverse ? done : steps - 1 - done;
      const slope = add(carry, step(g!, t));
      const { ofX, ofHidden, ofBefore } = cellGradient(slope, step(saved!, t), step(before, t), weight!);
      const covered = lengths && less(full([batch, 1], t, 'i32'), unsqueeze(lengths, 1));
      carry = covered ? where(covered, ofBefore, slope) : ofBefore;
      parts[t] = covered ? { ofX: where(covered, ofX, 0), ofHidden: where(covered, ofHidden, 0) } : { ofX, ofHidden };
    }
    return [
      stack(
        parts.map(({ ofX }) => ofX),
        { axis: 1 },
      ),
      stack(
        parts.map(({ ofHidden }) => ofHidden),
        { axis: 1 },
      ),
      carry,
    ];
  },
  kernel: (_, __, { reverse, lengths }) => ({ name: 'gru_gradient', integers: [Number(reverse), Number(lengths)] }),
  strides: (input) => (input === 0 ? 'rows' : input === 5 ? 'any' : 'dense'),
};

/** Recurrence and its gradient. */
export const recurrentOperations = { gru: gruSteps, gru_gradient: gruGradient };

export interface GruOptions {
  /** State before the first step, (B, H). Default zeros. */
  readonly initial?: Tensor;
  /** From the last step to the first; states still stand at their step. Default false. */
  readonly reverse?: boolean;
  /** i32 (B): from that step on a sample keeps its state. Default all steps. */
  readonly lengths?: Tensor;
}

/** The four parameters of one direction of one layer, f32, as PyTorch names them: gates r, z, n in this order. */
export interface GruWeights {
  readonly weightInput: Tensor; // (3H, features)
  readonly weightHidden: Tensor; // (3H, H)
  readonly biasInput: Tensor; // (3H)
  readonly biasHidden: Tensor; // (3H)
}

/**
 * Gated recurrent unit: x (B, T, features) f32 -> the state after each step (B, T, H). With W the weights, per step r, z = sigmoid(W x + W h), n = tanh(W x + r (W h)),
 * h = (1 - z) n + z h. Layers and directions are applications of this one.
 */
export function gru(x: Tensor, weights: GruWeights, options: GruOptions = {}): Tensor {
  checkOptions('gru', options, ['initial', 'reverse', 'lengths']);
  checkOptions('gru weights', weights, ['weightInput', 'weightHidden', 'biasInput', 'biasHidden']);
  const { weightInput, weightHidden, biasInput, biasHidden } = weights;
  checkTensors('gru', x, weightInput, weightHidden, biasInput, biasHidden);
  const [batch] = sizesOf('gru', x);
  const initial = options.initial ?? full([batch, weightHidden.shape[1] ?? 0], 0);
  const gates = linear(x, weightInput, biasInput);
  const inputs = [gates, initial, weightHidden, biasHidden, ...(options.lengths ? [options.lengths] : [])];
  return apply(gruSteps, inputs, { reverse: options.reverse ?? false, lengths: options.lengths !== undefined })[0]!;
}
