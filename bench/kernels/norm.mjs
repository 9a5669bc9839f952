// Layer norm after a residual sum, forward and backward, in gigabytes a second of what must be read and written once: 4 + 4 tensors of (rows, C).
import { createRequire } from 'node:module';
import { threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { assign } = require('../../dist/ops/state.js');
const { normOperations } = require('../../dist/ops/norm.js');
const { apply } = require('../../dist/tensor.js');

function prepare([rows, width]) {
  const [x, residual, slope, ofSum, ofX, result] = ['x', 'residual', 'slope', 'of_sum', 'of_x', 'y'].map((name) =>
    uniform(name, [rows, width]),
  );
  const [weight, bias, ofWeight, ofBias] = ['weight', 'bias', 'of_weight', 'of_bias'].map((name) => uniform(name, [width]));
  const record = () => {
    const flags = { weight: true, bias: true, residual: true };
    const forward = apply(normOperations.layer_norm, [x, residual, weight, bias], { ...flags, epsilon: 1e-5 });
    const [total, y, mean, deviation] = forward;
    const backward = apply(normOperations.layer_norm_gradient, [slope, total, mean, deviation, weight, ofSum], flags);
    assign(result, y);
    for (const [i, to] of [ofX, ofWeight, ofBias].entries()) assign(to, backward[i]);
  };
  return timeStep(record, 8 * 4 * rows * width, 'memory reads');
}

const sizes = [
  [3152, 192],
  [1576, 768],
];

export const cases = sizes.map((size) => ({
  name: `layer norm after residual f32 ${size.join('x')}`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory reads': null, pytorch: 1 },
  peers: { pytorch: ['torch_norm.py', ...size, threads] },
  prepare: () => prepare(size),
}));
