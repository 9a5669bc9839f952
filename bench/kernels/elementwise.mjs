// Point-wise chains, copies, reductions and random masks: bytes that must move a second, beside the rate at which the machine reads memory.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Executor, compile } = require('../../dist/executor/index.js');
const { native } = require('../../dist/native.js');
const { add, gelu, mul } = require('../../dist/ops/elementwise.js');
const { permute, reshape } = require('../../dist/ops/layout.js');
const { dropout } = require('../../dist/ops/random.js');
const { sum } = require('../../dist/ops/reduce.js');
const { Variable, assign } = require('../../dist/ops/state.js');

const threads = Math.min(2, native().describe().cores);
const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

function state(name, shape) {
  const initial = Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 2654435761) % 1000) / 500 - 1);
  return new Variable({ name, shape, trainable: false, initial });
}

/** compute(inputs) is written to a variable; bytes = what is read and written. */
function prepare(shapes, compute) {
  const executor = new Executor({ threads });
  const inputs = shapes.map((shape, i) => state(`x${i}`, shape));
  const { shape } = compute(inputs);
  const result = state('result', shape);
  const step = compile(
    () => {
      assign(result, compute(inputs));
      return {};
    },
    { executor },
  );
  const bytes = 4 * [...shapes, shape].map(sizeOf).reduce((a, b) => a + b);
  return {
    async measure() {
      const start = performance.now();
      await step();
      return bytes / (performance.now() - start) / 1e6;
    },
    baselines: { 'memory reads': async () => (await native().probe(executor.runtime).promise).bytesPerSecond / 1e9 },
    dispose() {
      step.dispose();
      executor.dispose();
    },
  };
}

const large = [1024, 1024];
const rows = [1576, 3072];
const chains = {
  'add 1024x1024': [[large, large], ([a, b]) => add(a, b), 'add'],
  'chain of three 1024x1024': [[large, large], ([a, b]) => mul(add(mul(a, 2), b), a), 'chain'],
  'bias and gelu 1576x3072': [[rows, [3072]], ([x, bias]) => gelu(add(x, bias)), 'bias_gelu'],
  'dropout 1024x1024': [[large], ([x]) => dropout(x, 0.1), 'dropout'],
  'heads 8x197x12x64': [[[8, 197, 768]], ([x]) => add(permute(reshape(x, [8, 197, 12, 64]), [0, 2, 1, 3]), 0), 'heads'],
  'transpose 1024x768': [[[1024, 768]], ([x]) => add(permute(x, [1, 0]), 0), 'transpose'],
  'sum of columns 1576x3072': [[rows], ([x]) => sum(x, { axes: 0 }), 'sum_columns'],
  'sum of rows 1576x3072': [[rows], ([x]) => sum(x, { axes: 1 }), 'sum_rows'],
};

export const cases = Object.entries(chains).map(([name, [shapes, compute, peer]]) => ({
  name: `elementwise ${name}`,
  unit: 'GB/s',
  better: 'more',
  compare: { 'memory reads': null, pytorch: null },
  peers: { pytorch: ['torch_elementwise.py', peer, threads, ...shapes.map((shape) => shape.join('x'))] },
  prepare: () => prepare(shapes, compute),
}));
