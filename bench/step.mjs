// What cases of kernels share: how many threads, variables of random numbers, and a step that is timed beside what the machine can do.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Executor, compile } = require('../dist/executor/index.js');
const { native } = require('../dist/native.js');
const { Variable } = require('../dist/ops/state.js');

export const threads = Math.min(2, native().describe().cores);
export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** A variable f32 of numbers in (low, 1). */
export function uniform(name, shape, low = -1) {
  const initial = Float32Array.from({ length: sizeOf(shape) }, () => low + (1 - low) * Math.random());
  return new Variable({ name, shape, trainable: false, initial });
}

const baselinesOf = {
  'memory reads': (executor) => async () => (await native().probe(executor.runtime).promise).bytesPerSecond / 1e9,
  'multiply-add peak': (executor) => async () => (await native().probe(executor.runtime).promise).flops / 1e9,
};

/** The step that `record` records, in `work` / 1e9 a second (bytes, operations), beside one of the baselines. */
export function timeStep(record, work, baseline) {
  const executor = new Executor({ threads });
  const step = compile(() => record() ?? {}, { executor });
  return {
    async measure() {
      const start = performance.now();
      await step();
      return work / (performance.now() - start) / 1e6;
    },
    baselines: { [baseline]: baselinesOf[baseline](executor) },
    dispose() {
      step.dispose();
      executor.dispose();
    },
  };
}
