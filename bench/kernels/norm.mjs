// Layer norm after a residual sum, forward and backward, in gigabytes a second of what must be read and written once: 4 + 4 tensors of (rows, C).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Executor, compile } = require('../../dist/executor/index.js');
const { native } = require('../../dist/native.js');
const { Variable, assign } = require('../../dist/ops/state.js');
const { normOperations } = require('../../dist/ops/norm.js');
const { apply } = require('../../dist/tensor.js');

const threads = Math.min(2, native().describe().cores);

function uniform(name, shape) {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, () => 2 * Math.random() - 1);
  return new Variable({ name, shape, dtype: 'f32', trainable: false, initial: data });
}

function prepare([rows, width]) {
  const executor = new Executor({ threads });
  const [x, residual, slope, ofSum, ofX, result] = ['x', 'residual', 'slope', 'of_sum', 'of_x', 'y'].map((name) =>
    uniform(name, [rows, width]),
  );
  const [weight, bias, ofWeight, ofBias] = ['weight', 'bias', 'of_weight', 'of_bias'].map((name) => uniform(name, [width]));
  const step = compile(
    () => {
      const flags = { weight: true, bias: true, residual: true };
      const forward = apply(normOperations.layer_norm, [x, residual, weight, bias], { ...flags, epsilon: 1e-5 });
      const [total, y, mean, deviation] = forward;
      const backward = apply(normOperations.layer_norm_gradient, [slope, total, mean, deviation, weight, ofSum], flags);
      assign(result, y);
      [ofX, ofWeight, ofBias].map((to, i) => assign(to, backward[i]));
      return {};
    },
    { executor },
  );
  return {
    async measure() {
      const start = performance.now();
      await step();
      return (8 * 4 * rows * width) / (performance.now() - start) / 1e6;
    },
    baselines: { 'memory read': async () => (await native().probe(executor.runtime).promise).bytesPerSecond / 1e9 },
    dispose() {
      step.dispose();
      executor.dispose();
    },
  };
}

const sizes = [
  [3152, 192],
  [1576, 768],
];

export const cases = sizes.map((size) => ({
  name: `layer norm after residual f32 ${size.join('x')}`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory read': null, pytorch: 1 },
  peers: { pytorch: ['torch_norm.py', ...size, threads] },
  prepare: () => prepare(size),
}));
