// Cross-entropy of softmax with labels, forward and backward, in gigabytes a second of what must move: the logits are read twice, their gradient is
// written once. PyTorch's cross_entropy keeps the log-probabilities besides.
import { createRequire } from 'node:module';
import { threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { gradient } = require('../../dist/compile/gradient.js');
const { softmaxCrossEntropy } = require('../../dist/ops/loss.js');
const { assign, Variable } = require('../../dist/ops/state.js');

function prepare([rows, classes]) {
  const [logits, slope] = ['logits', 'slope'].map((name) => uniform(name, [rows, classes]));
  const initial = Int32Array.from({ length: rows }, () => Math.floor(classes * Math.random()));
  const labels = new Variable({ name: 'labels', shape: [rows], dtype: 'i32', trainable: false, initial });
  const record = () => {
    const loss = softmaxCrossEntropy(logits, labels);
    assign(slope, gradient(loss, logits));
    return { loss };
  };
  return timeStep(record, 3 * 4 * rows * classes, 'memory reads');
}

const sizes = [
  [3152, 1000],
  [1024, 30522],
];

export const cases = sizes.map((size) => ({
  name: `cross-entropy f32 ${size.join('x')} forward and backward`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory reads': null, pytorch: null },
  peers: { pytorch: ['torch_loss.py', ...size, threads] },
  prepare: () => prepare(size),
}));
