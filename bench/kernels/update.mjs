// Optimizer steps over all tensors of ViT-Ti in one call: bytes that must move a second, beside the rate at which the machine reads memory.
import { createRequire } from 'node:module';
import { sizeOf, threads, timeStep, uniform } from '../step.mjs';

const require = createRequire(import.meta.url);
const { full } = require('../../dist/ops/elementwise.js');
const { assign } = require('../../dist/ops/state.js');
const { adamw, globalNorm, sgd } = require('../../dist/ops/update.js');

const D = 192;
const block = [[D], [D], [3 * D, D], [3 * D], [D, D], [D], [D], [D], [4 * D, D], [4 * D], [D, 4 * D], [D]];
const shapes = [[197, D], [D, 768], [D], ...Array.from({ length: 12 }, () => block).flat(), [D], [D], [1000, D], [1000]];
const elements = shapes.reduce((total, shape) => total + sizeOf(shape), 0);

const states = (name) => shapes.map((shape, i) => uniform(`${name}${i}`, shape, 0));

function write(targets, values) {
  for (const [i, target] of targets.entries()) assign(target, values[i]);
}

function recordAdamw() {
  const [parameters, gradients, first, second] = ['p', 'g', 'm', 'v'].map(states);
  return () => {
    const next = adamw(
      { parameters, gradients, first, second, step: full([], 1), learningRate: full([], 1e-3) },
      { betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01 },
    );
    write(parameters, next.parameters);
    write(first, next.first);
    write(second, next.second);
  };
}

function recordSgd() {
  const [parameters, gradients, velocities] = ['p', 'g', 'v'].map(states);
  return () => {
    const next = sgd({ parameters, gradients, velocities, learningRate: full([], 1e-3) }, { momentum: 0.9, decay: 0 });
    write(parameters, next.parameters);
    write(velocities, next.velocities);
  };
}

function recordNorm() {
  const gradients = states('g');
  return () => ({ norm: globalNorm(gradients) });
}

// How many times each element is read or written.
const updates = { adamw: [7, recordAdamw], sgd: [5, recordSgd], norm: [1, recordNorm] };

export const cases = Object.entries(updates).map(([name, [passes, record]]) => ({
  name: `update ${name} ViT-Ti`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory reads': null, pytorch: null },
  peers: { pytorch: ['torch_update.py', name, threads] },
  prepare: () => timeStep(record(), 4 * elements * passes, 'memory reads'),
}));
