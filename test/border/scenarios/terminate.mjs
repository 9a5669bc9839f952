// Workers that are terminated while a step runs, 40 times, two at once; some with more steps in the queue.
import { parentPort, Worker } from 'node:worker_threads';
import { prepareWork } from './scene.mjs';

async function terminateOne(index) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await new Promise((resolve) => setTimeout(resolve, index % 7));
  await worker.terminate();
}

function workForever() {
  const { program, state } = prepareWork(1);
  const step = () => addonStep(program, state).then(step, step);
  step();
  step();
  parentPort.postMessage('running');
}

async function main() {
  for (let i = 0; i < 40; i += 2) await Promise.all([terminateOne(i), terminateOne(i + 1)]);
  console.log('survived 40');
}

const { addon } = await import('./scene.mjs');
const addonStep = (program, state) => addon.runProgram(program, [state], [], []).promise;
await (parentPort === null ? main() : workForever());
