// The matrix products of a linear layer, forward and backward: Y = X W^T, dX = dY W, dW = dY^T X, beside the machine's own rate of multiply-adds.
import { createRequire } from 'node:module';
import { threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { Executor } = require('../../dist/executor/index.js');
const { native } = require('../../dist/native.js');
const { assign } = require('../../dist/ops/state.js');
const { apply } = require('../../dist/tensor.js');
const { linear, matmulOperations } = require('../../dist/ops/matmul.js');
const { transpose } = require('../../dist/ops/layout.js');

function prepare(m, k, n) {
  const alone = new Executor({ threads: 1 }); // a busy machine can hide half of its peak from two threads, not from one
  const [x, weight, dy] = [uniform('x', [m, k]), uniform('weight', [n, k]), uniform('dy', [m, n])];
  const [y, dx, dweight] = [uniform('y', [m, n]), uniform('dx', [m, k]), uniform('dweight', [n, k])];
  const record = () => {
    assign(y, linear(x, weight));
    assign(dx, linear(dy, transpose(weight)));
    assign(dweight, apply(matmulOperations.linear_weight_gradient, [dy, x], { bias: false })[0]);
  };
  const timed = timeStep(record, 6 * m * k * n, 'multiply-add peak');
  return {
    ...timed,
    baselines: { 'multiply-add peak': async () => (threads * (await native().probe(alone.runtime).promise).flops) / 1e9 },
    dispose() {
      timed.dispose();
      alone.dispose();
    },
  };
}

const shapes = [
  { size: [1576, 768, 3072], peak: 0.75 },
  { size: [3152, 192, 768], peak: null },
  { size: [3152, 192, 192], peak: null },
];

export const cases = shapes.map(({ size: [m, k, n], peak }) => ({
  name: `gemm f32 ${m}x${k}x${n} forward and backward`,
  unit: 'GFLOP/s',
  better: 'more',
  compare: { 'multiply-add peak': peak, pytorch: null },
  peers: { pytorch: ['torch_gemm.py', m, k, n, threads] },
  prepare: () => prepare(m, k, n),
}));
