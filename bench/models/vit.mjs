// One training step of a vision transformer (forward, cross-entropy, backward, AdamW) beside PyTorch's eager mode.
import { createRequire } from 'node:module';
import { threads } from '../step.mjs';

const require = createRequire(import.meta.url);
const { Executor, array } = require('../../dist/executor/index.js');
const { createModel } = require('../../dist/models/model.js');
const { definition } = require('../../dist/models/vit.js');
const { optimizerSchema } = require('../../dist/optim/optimizer.js');
const { parse } = require('../../dist/schema.js');
const { createStepper } = require('../../dist/train/step.js');

function prepare(variant, batch) {
  const executor = new Executor({ threads });
  const model = createModel(definition, { variant });
  const settings = { ...parse('bench', optimizerSchema, { learningRate: 1e-4 }), clip: 0, accumulate: 1, average: 0 };
  const stepper = createStepper(model, settings, executor);
  const pixels = Float32Array.from({ length: batch * 3 * 224 * 224 }, () => 2 * Math.random() - 1);
  const labels = Int32Array.from({ length: batch }, () => Math.floor(1000 * Math.random()));
  const examples = { x: array(pixels, [batch, 3, 224, 224]), label: array(labels, [batch]) };
  let step = 0;
  return {
    async measure() {
      step++;
      const start = performance.now();
      await stepper.step([examples], { learningRate: 1e-4, step });
      return performance.now() - start;
    },
    dispose() {
      stepper.dispose();
      executor.dispose();
    },
  };
}

export const cases = [
  {
    name: 'vit-ti16 batch 16 f32 training step',
    unit: 'ms',
    better: 'less',
    compare: { 'pytorch eager': 1 },
    peers: { 'pytorch eager': ['torch_step.py', 'vit_tiny_patch16_224', 16, threads] },
    prepare: () => prepare('Ti', 16),
  },
];
