// A run whose process is killed at random moments, and started again until it ends, leaves the same bits as one that was left alone.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../../lib/formats/safetensors';
import { listCheckpoints } from '../../lib/train/checkpoint';
import { compileLib } from '../compiled';

const STEPS = 30;
const KILLS = 5;

let compiled: ReturnType<typeof compileLib>;
const root = mkdtempSync(join(tmpdir(), 'killed-'));
beforeAll(() => {
  compiled = compileLib();
});
afterAll(() => {
  rmSync(root, { recursive: true });
  compiled.remove();
});

// Trains with everything that has state: dropout, moments, averages, accumulation, augmentation. Prints a dot a step. A run that is to be killed does not
// end before: at its last step it prints dots enough, and waits.
const program = (folder: string, killed: boolean): string => `
  const load = (name) => require(${JSON.stringify(compiled.folder)} + '/' + name);
  const { createModel } = load('models/model');
  const { definition } = load('models/vit');
  const { train } = load('train/loop');
  const { examples } = load('data/examples');
  const { shiftImages } = load('data/augment');
  const { uniform } = load('nn/philox');
  const model = createModel(definition, { ...definition.tiny, dropout: 0.1, dropPath: 0.1 });
  const x = Float32Array.from(uniform(60 * 784, { seed: 1, stream: 1 }));
  const label = Int32Array.from({ length: 60 }, (_, i) => i % 10);
  const data = shiftImages(examples({ x: { data: x, shape: [1, 28, 28] }, label: { data: label } }));
  const hear = ({ event, step }) => {
    if (event !== 'step') return;
    const waits = ${killed} && step === ${STEPS};
    require('node:fs').writeSync(1, '.'.repeat(waits ? ${STEPS} : 1));
    if (waits) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  train(model, data, {
    steps: ${STEPS}, batchSize: 8, accumulate: 2, average: 0.99, checkpointEvery: 2, logEvery: 1, folder: ${JSON.stringify(folder)}, resume: true, listeners: [hear],
  }).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });`;

/** Runs the program, or kills it after a random number of its steps, in whatever it does by then. Resolves to its exit code, null when it was killed. */
function runOnce(folder: string, killed: boolean): Promise<number | null> {
  const child = spawn(process.execPath, ['-e', program(folder, killed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let left = killed ? 1 + Math.floor(Math.random() * 8) : Number.POSITIVE_INFINITY;
  child.stdout.on('data', (dots: Buffer) => {
    left -= dots.length;
    if (left <= 0) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.on('exit', resolve));
}

it('gives the same model and the same checkpoint, bit for bit', async () => {
  const [alone, killed] = [join(root, 'alone'), join(root, 'killed')];
  expect(await runOnce(alone, false)).toBe(0);
  for (let kills = 0; kills < KILLS; kills++) expect(await runOnce(killed, true)).toBe(null);
  expect(await runOnce(killed, false)).toBe(0);
  expect(readFileSync(join(killed, 'model.safetensors')).equals(readFileSync(join(alone, 'model.safetensors')))).toBe(true);
  const [a, b] = [alone, killed].map((folder) => listCheckpoints(join(folder, 'checkpoints')).at(-1)!);
  expect([a!.step, b!.step]).toEqual([STEPS, STEPS]);
  expect((await readSafetensors(b!.path)).tensors).toEqual((await readSafetensors(a!.path)).tensors);
});
