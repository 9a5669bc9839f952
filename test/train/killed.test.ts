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

// Trains with everything that has state: dropout, moments, averages, accumulation, augmentation. Prints a line a step.
const program = (folder: string): string => `
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
  const listeners = [(e) => { if (e.event === 'step') require('node:fs').writeSync(1, '.'); }];
  train(model, data, {
    steps: ${STEPS}, batchSize: 8, accumulate: 2, average: 0.99, checkpointEvery: 2, logEvery: 1, folder: ${JSON.stringify(folder)}, resume: true, listeners,
  }).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });`;

/** Runs the program; kills it a random time after a random number of its steps. Resolves to its exit code, null when it was killed. */
function runOnce(folder: string, kill: boolean): Promise<number | null> {
  const child = spawn(process.execPath, ['-e', program(folder)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let left = kill ? 1 + Math.floor(Math.random() * 8) : Number.POSITIVE_INFINITY;
  child.stdout.on('data', (dots: Buffer) => {
    left -= dots.length;
    if (left <= 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15);
  });
  return new Promise((resolve) => child.on('exit', resolve));
}

it('gives the same model and the same checkpoint, bit for bit', { timeout: 180_000 }, async () => {
  const [alone, killed] = [join(root, 'alone'), join(root, 'killed')];
  expect(await runOnce(alone, false)).toBe(0);
  let kills = 0;
  let code: number | null = null;
  while (code === null) {
    code = await runOnce(killed, kills < KILLS);
    if (code === null) kills++;
  }
  expect(code).toBe(0);
  expect(kills).toBeGreaterThan(0);
  expect(readFileSync(join(killed, 'model.safetensors')).equals(readFileSync(join(alone, 'model.safetensors')))).toBe(true);
  const [a, b] = [alone, killed].map((folder) => listCheckpoints(join(folder, 'checkpoints')).at(-1)!);
  expect([a!.step, b!.step]).toEqual([STEPS, STEPS]);
  expect((await readSafetensors(b!.path)).tensors).toEqual((await readSafetensors(a!.path)).tensors);
});
