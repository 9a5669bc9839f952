// Workers that are terminated while a step runs, 40 times, two at once, with another step in the queue. The step is stopped, not waited for.
import { parentPort, Worker } from 'node:worker_threads';
import { addon, check, prepareWork } from './scene.mjs';

/** Milliseconds that terminate() took. */
async function terminateOne(index) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await new Promise((resolve) => setTimeout(resolve, index % 7));
  const start = performance.now();
  await worker.terminate();
  return performance.now() - start;
}

function startSteps() {
  const { program, state } = prepareWork(1);
  const step = () => addon.runProgram(program, [state], [], []).promise.then(step, step);
  step();
  step();
  parentPort.postMessage('running');
}

async function terminateAll() {
  const { program, state } = prepareWork(1);
  const start = performance.now();
  addon.runProgramSync(program, [state], [], []);
  const whole = performance.now() - start;
  const times = [];
  for (let i = 0; i < 40; i += 2) times.push(...(await Promise.all([terminateOne(i), terminateOne(i + 1)])));
  const median = times.sort((a, b) => a - b)[20];
  check(median < whole / 2, `expected steps to be stopped, got ${median} ms for a step of ${whole} ms`);
  console.log(`survived ${times.length}`);
}

await (parentPort === null ? terminateAll() : startSteps());
