// Attention forward and backward, packed self-attention as models call it, beside the machine's own rate of multiply-adds and PyTorch's
// scaled_dot_product_attention on separate dense q, k, v (its best case). 14 B H T^2 D floating-point operations.
import { createRequire } from 'node:module';
import { threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { assign, randomState } = require('../../dist/ops/state.js');
const { attentionOperations } = require('../../dist/ops/attention.js');
const { apply } = require('../../dist/tensor.js');

function prepare({ batch, heads, tokens, width, dropout }) {
  const [qkv, slope] = [uniform('qkv', [batch, tokens, 3, heads, width]), uniform('slope', [batch, tokens, heads, width])];
  const [out, ofQkv] = [uniform('out', slope.shape), uniform('of_qkv', qkv.shape)];
  const random = dropout > 0 ? [randomState()] : [];
  const beside = { causal: false, bias: false, mask: false, lengths: false };
  const attributes = { ...beside, packed: true, scale: width ** -0.5, rate: dropout, stream: 0 };
  const record = () => {
    const [y, logSum] = apply(attentionOperations.attention, [qkv, ...random], attributes);
    const given = [slope, y, logSum, qkv, ...random];
    assign(out, y);
    assign(ofQkv, apply(attentionOperations.attention_gradient, given, { ...attributes, ofLogSum: false })[0]);
  };
  return timeStep(record, 14 * batch * heads * tokens ** 2 * width, 'multiply-add peak');
}

const sizes = [
  { batch: 64, heads: 4, tokens: 50, width: 32, dropout: 0 },
  { batch: 16, heads: 3, tokens: 197, width: 64, dropout: 0 },
  { batch: 16, heads: 3, tokens: 197, width: 64, dropout: 0.1 },
  { batch: 8, heads: 12, tokens: 128, width: 64, dropout: 0 },
  { batch: 2, heads: 12, tokens: 512, width: 64, dropout: 0 },
  { batch: 1, heads: 12, tokens: 1024, width: 64, dropout: 0 },
];

export const cases = sizes.map((size) => ({
  name: `attention f32 B${size.batch} H${size.heads} T${size.tokens} D${size.width}${size.dropout > 0 ? ' dropout' : ''}`,
  unit: 'GFLOP/s',
  better: 'more',
  compare: { 'multiply-add peak': null, pytorch: 1 },
  peers: { pytorch: ['torch_attention.py', size.batch, size.heads, size.tokens, size.width, size.dropout, threads] },
  prepare: () => prepare(size),
}));
