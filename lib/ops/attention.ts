// Scaled dot-product attention of heads, separate or packed. Kernels: native/cpu/kernels/attention.h, which store no (T, T) matrix; the composition of
// matrix products and softmax is the definition, and what gives the weights for pictures. Source: Vaswani et al., "Attention Is All You Need" (2017).
import { isFloating } from '../dtype';
import { fail } from '../errors';
import type { Shape } from '../shape';
import { broadcastShapes, sameShape, showShape } from '../shape';
import type { Node, Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensors } from './check';
import { add, cast, exp, full, greaterEqual, less, log, logicalAnd, maximum, mul, sub, where } from './elementwise';
import { arange } from './gather';
import { expand, permute, reshape, slice, stack, transpose, unsqueeze } from './layout';
import { matmul } from './matmul';
import { randomOperations } from './random';
import { max, sum } from './reduce';
import { softmax } from './softmax';
import { nextStream, randomState } from './state';

/** The inputs: q, k, v (B, H, T, D) or one packed (B, T, 3, H, D), then those present of bias, mask, lengths and random state. */
interface Attributes {
  readonly packed: boolean;
  readonly causal: boolean;
  readonly scale: number;
  readonly bias: boolean;
  readonly mask: boolean;
  readonly lengths: boolean;
  readonly rate: number; // of dropout; the random state is an input when it is not 0
  readonly stream: number;
}

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
}

function sizesOf([q, k]: readonly Signature[], { packed }: Attributes): Sizes {
  const s = q!.shape;
  if (packed) return { batch: s[0]!, heads: s[3]!, queries: s[1]!, keys: s[1]!, width: s[4]! };
  return { batch: s[0]!, heads: s[1]!, queries: s[2]!, keys: k!.shape[2]!, width: s[3]! };
}

/** The inputs by name; `from` is where those of attention begin. */
function named<T>(inputs: readonly T[], attributes: Attributes, from = 0) {
  const rest = inputs.slice(from);
  const heads = rest.splice(0, attributes.packed ? 1 : 3);
  return {
    heads,
    bias: attributes.bias ? rest.shift() : undefined,
    mask: attributes.mask ? rest.shift() : undefined,
    lengths: attributes.lengths ? rest.shift() : undefined,
    state: attributes.rate > 0 ? rest.shift() : undefined,
  };
}

function checkHeads(name: string, heads: readonly Signature[], packed: boolean): void {
  const [q, k, v] = heads;
  if (!isFloating(q!.dtype) || heads.some((x) => x.dtype !== q!.dtype)) {
    fail('ERR_TENSORWOOD_DTYPE', `${name}: expected heads of one dtype, f32 or bf16, got ${heads.map((x) => x.dtype).join(' and ')}`);
  }
  const shapes = heads.map(({ shape }) => showShape(shape)).join(' and ');
  if (packed) {
    if (q!.shape.length !== 5 || q!.shape[2] !== 3) fail('ERR_TENSORWOOD_SHAPE', `${name}: expected qkv (B, T, 3, H, D), got ${shapes}`);
    return;
  }
  const [batch, count, , width] = q!.shape;
  const fits = q!.shape.length === 4 && sameShape(k!.shape, v!.shape) && sameShape(k!.shape, [batch!, count!, k!.shape[2]!, width!]);
  if (!fits) fail('ERR_TENSORWOOD_SHAPE', `${name}: expected q (B, H, Tq, D) and k, v (B, H, Tk, D), got ${shapes}`);
}

function checkBeside(name: string, what: string, x: Signature | undefined, dtype: string, shape: Shape): void {
  if (x && (x.dtype !== dtype || !sameShape(x.shape, shape))) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected ${what} ${dtype} ${showShape(shape)}, got ${x.dtype} ${showShape(x.shape)}`);
  }
}

function checkInputs(name: string, inputs: readonly Signature[], attributes: Attributes, from: number): Sizes {
  const { heads, bias, mask, lengths, state } = named(inputs, attributes, from);
  checkHeads(name, heads, attributes.packed);
  const sizes = sizesOf(heads, attributes);
  const { batch, queries, keys } = sizes;
  if (attributes.causal && queries !== keys) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected as many queries as keys for causal attention, got ${queries} and ${keys}`);
  }
  const scores = [batch, sizes.heads, queries, keys];
  checkBeside(name, 'bias', bias, 'f32', scores);
  checkBeside(name, 'mask', mask, 'bool', scores);
  checkBeside(name, 'lengths', lengths, 'i32', [batch]);
  checkBeside(name, 'random state', state, 'i32', [4]);
  return sizes;
}

// q, k, v (B, H, T, D), in f32.
function splitHeads(heads: readonly Tensor[], { packed }: Attributes): readonly [Tensor, Tensor, Tensor] {
  const parts = packed
    ? [0, 1, 2].map((i) => {
        const [batch, tokens, , count, width] = heads[0]!.shape;
        const part = slice(heads[0]!, { axis: 2, start: i, stop: i + 1 });
        return permute(reshape(part, [batch!, tokens!, count!, width!]), [0, 2, 1, 3]);
      })
    : heads;
  return parts.map((x) => cast(x, 'f32')) as [Tensor, Tensor, Tensor];
}

/** Which key each query sees, bool (B, H, Tq, Tk); undefined = all. */
function seenKeys(shape: Shape, { mask, lengths }: { mask?: Tensor; lengths?: Tensor }, causal: boolean): Tensor | undefined {
  const [, , queries, keys] = shape as [number, number, number, number];
  const each: Tensor[] = [];
  if (mask) each.push(mask);
  if (causal) each.push(greaterEqual(unsqueeze(arange(queries), 1), arange(keys)));
  if (lengths) each.push(less(arange(keys), reshape(lengths, [lengths.shape[0]!, 1, 1, 1])));
  return each.length === 0 ? undefined : expand(each.reduce(logicalAnd), shape);
}

interface Beside {
  readonly bias?: Tensor;
  readonly mask?: Tensor;
  readonly lengths?: Tensor;
}

/** Scores, -infinity where a query does not see the key, and which it sees (undefined = all). */
function composeScores(q: Tensor, k: Tensor, beside: Beside, attributes: Attributes): { scores: Tensor; seen?: Tensor } {
  const product = mul(matmul(q, transpose(k)), attributes.scale);
  const biased = beside.bias ? add(product, beside.bias) : product;
  const seen = seenKeys(biased.shape, beside, attributes.causal);
  return seen ? { scores: where(seen, biased, Number.NEGATIVE_INFINITY), seen } : { scores: biased };
}

// 0 in rows that see nothing.
const composeWeights = ({ scores, seen }: { scores: Tensor; seen?: Tensor }): Tensor =>
  seen ? where(seen, softmax(scores), 0) : softmax(scores);

const dropped = (x: Tensor, state: Tensor | undefined, { rate, stream }: Attributes): Tensor =>
  state ? apply(randomOperations.dropout, [state, x], { rate, stream })[0]! : x;

function composeLogSum(scores: Tensor): Tensor {
  const highest = maximum(max(scores, { axes: -1, keepDimensions: true }), -1e30); // finite where no key is seen
  return reshape(add(log(sum(exp(sub(scores, highest)), { axes: -1, keepDimensions: true })), highest), scores.shape.slice(0, -1));
}

const tokensFirst = (x: Tensor): Tensor => permute(x, [0, 2, 1, 3]);

const flags = ({ packed, causal, bias, mask, lengths, rate, stream }: Attributes) =>
  [packed, causal, bias, mask, lengths, rate > 0, stream].map(Number);

// Outputs: (B, Tq, H, D), as the projection after it reads them, and the log-sum-exp of each row of scores, f32 (B, H, Tq).
const attentionHeads: Operation<Attributes> = {
  name: 'attention',
  infer(inputs, attributes) {
    const { batch, heads, queries, width } = checkInputs('attention', inputs, attributes, 0);
    return [
      { shape: [batch, queries, heads, width], dtype: inputs[0]!.dtype },
      { shape: [batch, heads, queries], dtype: 'f32' },
    ];
  },
  compose(inputs, attributes) {
    const { heads, state, ...beside } = named(inputs, attributes);
    const [q, k, v] = splitHeads(heads, attributes);
    const rows = composeScores(q, k, beside, attributes);
    const out = matmul(dropped(composeWeights(rows), state, attributes), v);
    return [cast(tokensFirst(out), inputs[0]!.dtype), composeLogSum(rows.scores)];
  },
  kernel: (_, __, attributes) => ({ name: 'attention', integers: flags(attributes), numbers: [attributes.scale, attributes.rate] }),
  strides: 'rows',
  gradient({ inputs, outputs: [out, logSum], attributes }, [g, ofLogSum]) {
    const slope = g ?? full(out!.shape, 0, out!.dtype);
    const given = [slope, out!, logSum!, ...inputs, ...(ofLogSum ? [ofLogSum] : [])];
    const whole = { ...attributes, ofLogSum: ofLogSum !== undefined };
    const ofHeads = apply(attentionGradient, given, whole);
    return [...ofHeads.map((x) => (attributes.packed ? x : tokensFirst(x))), ...biasGradient(given, whole)];
  },
};

interface GradientAttributes extends Attributes {
  readonly ofLogSum: boolean; // the last input is the gradient of the log-sum-exp
}

// Slopes of the scores: P (dP - rows), with rows = sum(g out) less the gradient of the log-sum-exp.
function scoreSlopes(given: readonly Tensor[], attributes: GradientAttributes) {
  const [g, out] = given as [Tensor, Tensor];
  const { heads, state, ...beside } = named(given, attributes, 3);
  const [q, k, v] = splitHeads(heads, attributes);
  const { scores } = composeScores(q, k, beside, attributes);
  const weights = exp(sub(scores, maximum(unsqueeze(given[2]!, -1), -1e30))); // the log-sum of a row that sees nothing is -infinity
  const slope = tokensFirst(cast(g, 'f32'));
  const products = sum(mul(slope, tokensFirst(cast(out, 'f32'))), { axes: -1, keepDimensions: true });
  const rows = attributes.ofLogSum ? sub(products, unsqueeze(given.at(-1)!, -1)) : products;
  const ofWeights = dropped(matmul(slope, transpose(v)), state, attributes);
  return { q, k, slope, kept: dropped(weights, state, attributes), slopes: mul(weights, sub(ofWeights, rows)) };
}

// Nothing of it is computed unless something reads it.
const biasGradient = (given: readonly Tensor[], attributes: GradientAttributes): Tensor[] =>
  attributes.bias ? [scoreSlopes(given, attributes).slopes] : [];

// Inputs: g, out (B, Tq, H, D), log-sum-exp (B, H, Tq), those of attention [, gradient of the log-sum-exp]. Outputs: dq (B, Tq, H, D), dk, dv
// (B, Tk, H, D), or one packed (B, T, 3, H, D).
const attentionGradient: Operation<GradientAttributes> = {
  name: 'attention_gradient',
  infer(inputs, attributes) {
    const name = 'attention_gradient';
    const { batch, heads, queries, keys, width } = checkInputs(name, inputs, attributes, 3);
    const { dtype, shape } = inputs[3]!;
    for (const x of inputs.slice(0, 2)) checkBeside(name, 'g and out', x, dtype, [batch, queries, heads, width]);
    const logSums = [inputs[2], ...(attributes.ofLogSum ? [inputs.at(-1)] : [])];
    for (const x of logSums) checkBeside(name, 'log-sums', x, 'f32', [batch, heads, queries]);
    if (attributes.packed) return [{ shape, dtype }];
    return [queries, keys, keys].map((tokens) => ({ shape: [batch, tokens, heads, width], dtype }));
  },
  compose(given, attributes) {
    const { q, k, slope, kept, slopes } = scoreSlopes(given, attributes);
    const ofQ = mul(matmul(slopes, k), attributes.scale);
    const ofK = mul(matmul(transpose(slopes), q), attributes.scale);
    const ofV = matmul(transpose(kept), slope);
    const parts = [ofQ, ofK, ofV].map((x) => cast(tokensFirst(x), given[3]!.dtype));
    return attributes.packed ? [stack(parts, { axis: 2 })] : parts;
  },
  kernel: (_, __, attributes) => ({
    name: 'attention_gradient',
    integers: [...flags(attributes), Number(attributes.ofLogSum)],
    numbers: [attributes.scale, attributes.rate],
  }),
  strides: (input) => (input === 2 ? 'dense' : 'rows'),
};

/** Attention and its gradient. */
export const attentionOperations = { attention: attentionHeads, attention_gradient: attentionGradient };

export interface AttentionOptions {
  /** What scores are multiplied by. Default 1 / sqrt(D). */
  readonly scale?: number;
  /** Query i sees keys 0 to i. Default false. */
  readonly causal?: boolean;
  /** Added to the scores, f32, broadcast to (B, H, Tq, Tk). */
  readonly bias?: Tensor;
  /** bool, broadcast to (B, H, Tq, Tk): false = the query does not see the key. */
  readonly mask?: Tensor;
  /** i32 (B): the sample's keys from there on are padding. */
  readonly keyLengths?: Tensor;
  /** Probability that a weight becomes 0 (the others grow by 1 / (1 - rate)). Default 0. */
  readonly dropout?: number;
}

function prepare(heads: readonly Tensor[], packed: boolean, options: AttentionOptions): { inputs: Tensor[]; attributes: Attributes } {
  checkTensors('attention', ...heads);
  checkOptions('attention', options, ['scale', 'causal', 'bias', 'mask', 'keyLengths', 'dropout']);
  const { scale, causal = false, bias, mask, keyLengths, dropout: rate = 0 } = options;
  if (!(rate >= 0 && rate <= 1)) fail('ERR_TENSORWOOD_ARGUMENT', `attention: expected dropout in [0, 1], got ${rate}`);
  checkHeads('attention', heads, packed);
  const sizes = sizesOf(heads, { packed } as Attributes);
  const shape = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
  const beside = [bias, mask].flatMap((x) => (x ? [spread(x, shape)] : []));
  return {
    inputs: [...heads, ...beside, ...(keyLengths ? [keyLengths] : []), ...(rate > 0 ? [randomState()] : [])],
    attributes: {
      packed,
      causal,
      scale: scale ?? 1 / Math.sqrt(sizes.width),
      bias: bias !== undefined,
      mask: mask !== undefined,
      lengths: keyLengths !== undefined,
      rate,
      stream: rate > 0 ? nextStream() : 0,
    },
  };
}

function spread(x: Tensor, shape: Shape): Tensor {
  checkTensors('attention', x);
  if (!sameShape(broadcastShapes('attention', x.shape, shape), shape)) {
    fail('ERR_TENSORWOOD_SHAPE', `attention: expected a bias or mask that broadcasts to ${showShape(shape)}, got ${showShape(x.shape)}`);
  }
  return expand(x, shape);
}

/**
 * softmax(scale q k^T + bias) v of each head, no weight stored: q (B, H, Tq, D), k and v (B, H, Tk, D), f32 or bf16 with f32 arithmetic -> (B, H, Tq, D). Views
 * of packed projections are read in place. A query that sees no key gives 0.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { inputs, attributes } = prepare([q, k, v], false, options);
  return tokensFirst(apply(attentionHeads, inputs, attributes)[0]!);
}

/** attention() of a packed projection qkv (B, T, 3, H, D) -> (B, T, H, D); its gradient comes packed too, without copies. */
export function selfAttention(qkv: Tensor, options: AttentionOptions = {}): Tensor {
  const { inputs, attributes } = prepare([qkv], true, options);
  return apply(attentionHeads, inputs, attributes)[0]!;
}

/** The weights of attention(), stored, (B, H, Tq, Tk) in f32: for pictures. Without dropout. */
export function attentionWeights(q: Tensor, k: Tensor, options: Omit<AttentionOptions, 'dropout'> = {}): Tensor {
  const { inputs, attributes } = prepare([q, k, k], false, options);
  const { heads, ...beside } = named(inputs, attributes);
  const [queries, keys] = splitHeads(heads, attributes);
  return composeWeights(composeScores(queries, keys, beside, attributes));
}

/** The weights of every attention that `output` depends on, those nearest to the inputs first, each f32 (B, H, Tq, Tk): for pictures. Without dropout. */
export function attentionWeightsBelow(output: Tensor): Tensor[] {
  checkTensors('attention_weights_below', output);
  return nodesBelow(output)
    .filter(({ operation }) => operation === attentionHeads)
    .map(({ inputs, attributes }) => {
      const { heads, state: _, ...beside } = named(inputs, attributes as Attributes);
      const [q, k] = splitHeads(heads, attributes as Attributes);
      return composeWeights(composeScores(q, k, beside, attributes as Attributes));
    });
}

/** Every node that a tensor depends on, in order of creation, which is the order of computation. */
function nodesBelow(output: Tensor): Node[] {
  const seen = new Set<Node>();
  const waiting = [output.node];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    waiting.push(...node.inputs.map((input) => input.node));
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
