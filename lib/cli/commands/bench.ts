// tensorwood bench: how fast this machine is at the work of this package, beside what its arithmetic and memory allow.
import { examples } from '../../data/examples';
import { array, compile } from '../../executor';
import { createModel } from '../../models/model';
import { definition as vit } from '../../models/vit';
import { native, runJob } from '../../native';
import { permutation, uniform } from '../../nn/philox';
import { matmul } from '../../ops/matmul';
import { train } from '../../train/loop';
import { trainTrees } from '../../trees/booster';
import { createDataset } from '../../trees/dataset';
import type { Command } from '../command';

interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Part of what the probe says is possible. */
  readonly ofPeak?: number;
}

const giga = 1e9;
const rounds = 5;

/** Seconds of the fastest of several rounds. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    await work();
    if (round > 0) best = Math.min(best, (performance.now() - start) / 1000); // round 0 warms up
  }
  return best;
}

async function probeMachine(): Promise<{ flops: number; bytesPerSecond: number }> {
  const runtime = native().createRuntime('cpu', 0, '');
  try {
    return await runJob(() => native().probe(runtime));
  } finally {
    native().dispose(runtime);
  }
}

const random = (count: number, stream: number): Float32Array => Float32Array.from(uniform(count, { seed: 1, stream }), (u) => u - 0.5);

async function measureProduct(peak: number, signal: AbortSignal): Promise<Measurement> {
  const size = 1024;
  using step = compile((a, b) => ({ product: matmul(a, b) }));
  const [a, b] = [array(random(size * size, 0), [size, size]), array(random(size * size, 1), [size, size])];
  const rate = (2 * size ** 3) / (await fastest(() => step.run([a, b], { signal })));
  return { name: `matrix product ${size}³, f32`, value: rate / giga, unit: 'GFLOP/s', ofPeak: rate / peak };
}

/** One epoch of the model of the quick start on made-up digits. */
async function measureTraining(signal: AbortSignal): Promise<Measurement> {
  const count = 1024;
  const data = examples({
    x: { data: random(count * 784, 2), shape: [1, 28, 28] },
    label: { data: permutation(count, { seed: 1, stream: 3 }).map((i) => i % 10) },
  });
  using model = createModel(vit, { imageSize: 28, patchSize: 7, channels: 1, classes: 10, dimension: 64, depth: 4, heads: 4, pool: 'gap' });
  const seconds = await fastest(() => train(model, data, { epochs: 1, signal }));
  return { name: 'training of a small vision transformer', value: count / seconds, unit: 'images/s' };
}

async function measureBoosting(signal: AbortSignal): Promise<Measurement> {
  const [rows, columns, trees] = [200_000, 20, 10];
  const values = random(rows * columns, 4);
  const label = Float32Array.from({ length: rows }, (_, i) => (values[i * columns]! + values[i * columns + 1]! ** 2 > 0 ? 1 : 0));
  using dataset = await createDataset({ values, columns }, { label, signal });
  const seconds = await fastest(async () => (await trainTrees(dataset, { objective: 'binary', trees, signal })).dispose());
  return { name: `boosting, ${rows.toLocaleString('en')} rows of ${columns}`, value: trees / seconds, unit: 'trees/s' };
}

export const command: Command = {
  summary: 'how fast this machine is at the work of this package',
  usage: 'bench [flags]',
  description:
    'Measures what the processor can do at most, a matrix product beside it, the training of a small vision transformer, and boosting. Takes less than a minute; close what else is running. The comparisons with other libraries are in the repository: npm run bench -- --peers.',
  words: [0, 0],
  sections: () => [{ title: 'Flags', flags: { json: { doc: 'print one JSON object a line' } } }],
  async run({ flags, signal }) {
    const { flops, bytesPerSecond } = await probeMachine();
    const measures = [
      async (): Promise<Measurement> => ({ name: 'multiply-adds, f32, at most', value: flops / giga, unit: 'GFLOP/s' }),
      async (): Promise<Measurement> => ({ name: 'reading memory, at most', value: bytesPerSecond / giga, unit: 'GB/s' }),
      () => measureProduct(flops, signal),
      () => measureTraining(signal),
      () => measureBoosting(signal),
    ];
    for (const measure of measures) {
      signal.throwIfAborted();
      const found = await measure();
      process.stdout.write(`${flags.json === true ? JSON.stringify(found) : describe(found)}\n`);
    }
  },
};

const nameWidth = 44;

function describe({ name, value, unit, ofPeak }: Measurement): string {
  const share = ofPeak === undefined ? '' : `  ${(100 * ofPeak).toFixed(0)} % of the most`;
  return `  ${name.padEnd(nameWidth)}${value.toPrecision(4)} ${unit}${share}`;
}
