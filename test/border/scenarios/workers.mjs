// Eight workers and the main thread step at once, each with threads of its own; all get the same bits.
import { parentPort, Worker } from 'node:worker_threads';
import { addon, check, ones, prepareSums } from './scene.mjs';

async function step(threads) {
  const { program, state } = prepareSums(threads);
  const outputs = [];
  for (let i = 0; i < 200; i++) {
    const output = new Float32Array(1);
    await addon.runProgram(program, [state], [ones], [output]).promise;
    addon.runProgramSync(program, [state], [ones], [output]);
    outputs.push(output[0]);
  }
  return outputs.every((value) => value === 1000);
}

const startWorker = () =>
  new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }).once('message', resolve).once('error', reject);
  });

if (parentPort === null) {
  const answers = await Promise.all([step(3), ...Array.from({ length: 8 }, startWorker)]);
  check(answers.every(Boolean), `expected equal sums everywhere, got ${answers}`);
  console.log('agreed');
} else {
  parentPort.postMessage(await step(2));
}
