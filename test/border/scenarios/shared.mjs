// Shared memory that another thread writes during a step gives some answer, and none outside its range.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, workerData } from 'node:worker_threads';
import { addon, check, folder } from './scene.mjs';

const rows = 64;
const length = 4096;
const steps = 50; // during which memory changed

function write({ values, rounds }) {
  for (let round = 0; ; round++) {
    for (let i = 0; i < values.length; i += 97) values[i] = 1000 + ((7 * round + i) % 1000);
    Atomics.add(rounds, 0, 1);
  }
}

function findLargest() {
  const values = new Float32Array(new SharedArrayBuffer(4 * rows * length));
  const rounds = new Int32Array(new SharedArrayBuffer(4));
  const writer = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: { values, rounds } });
  const program = addon.loadProgram(addon.createRuntime('cpu', 1, ''), new Uint8Array(readFileSync(join(folder, 'argmax.bin'))));
  const places = new Int32Array(rows);
  writer.once('online', () => {
    for (let changed = 0; changed < steps; ) {
      const before = Atomics.load(rounds, 0);
      addon.runProgramSync(program, [], [values], [places]);
      if (Atomics.load(rounds, 0) !== before) changed++;
      check(
        places.every((place) => place < length),
        `expected places below ${length}, got ${places}`,
      );
    }
    console.log('within');
    writer.terminate();
  });
}

if (workerData) write(workerData);
else findLargest();
