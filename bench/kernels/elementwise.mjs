// Point-wise chains, copies, reductions and random masks: bytes that must move a second, beside the rate at which the machine reads memory.
import { createRequire } from 'node:module';
import { sizeOf, threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { gradient } = require('../../dist/compile/gradient.js');
const { add, gelu, mul } = require('../../dist/ops/elementwise.js');
const { permute, reshape } = require('../../dist/ops/layout.js');
const { dropout } = require('../../dist/ops/random.js');
const { sum } = require('../../dist/ops/reduce.js');
const { assign } = require('../../dist/ops/state.js');

/** The tensors that compute(inputs) gives are written to variables. */
function prepare(shapes, compute) {
  const inputs = shapes.map((shape, i) => uniform(`x${i}`, shape));
  const results = compute(inputs).map(({ shape }, i) => uniform(`result${i}`, shape));
  const record = () => {
    for (const [i, value] of compute(inputs).entries()) assign(results[i], value);
  };
  const bytes = 4 * [...inputs, ...results].reduce((total, { shape }) => total + sizeOf(shape), 0);
  return timeStep(record, bytes, 'memory reads');
}

function geluBothWays(x, slope) {
  const y = gelu(x);
  return [y, gradient(sum(mul(y, slope)), x)];
}

const large = [1024, 1024];
const rows = [1576, 3072];
const chains = {
  'add 1024x1024': [[large, large], ([a, b]) => [add(a, b)], 'add'],
  'chain of three 1024x1024': [[large, large], ([a, b]) => [mul(add(mul(a, 2), b), a)], 'chain'],
  'bias and gelu 1576x3072': [[rows, [3072]], ([x, bias]) => [gelu(add(x, bias))], 'bias_gelu'],
  'gelu forward and backward 1576x3072': [[rows, rows], ([x, slope]) => geluBothWays(x, slope), 'gelu_both_ways'],
  'dropout 1024x1024': [[large], ([x]) => [dropout(x, 0.1)], 'dropout'],
  'heads 8x197x12x64': [[[8, 197, 768]], ([x]) => [add(permute(reshape(x, [8, 197, 12, 64]), [0, 2, 1, 3]), 0)], 'heads'],
  'transpose 1024x768': [[[1024, 768]], ([x]) => [add(permute(x, [1, 0]), 0)], 'transpose'],
  'sum of columns 1576x3072': [[rows], ([x]) => [sum(x, { axes: 0 })], 'sum_columns'],
  'sum of rows 1576x3072': [[rows], ([x]) => [sum(x, { axes: 1 })], 'sum_rows'],
};

export const cases = Object.entries(chains).map(([name, [shapes, compute, peer]]) => ({
  name: `elementwise ${name}`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory reads': null, pytorch: null },
  peers: { pytorch: ['torch_elementwise.py', peer, threads, ...shapes.map((shape) => shape.join('x'))] },
  prepare: () => prepare(shapes, compute),
}));
