// Workers that are terminated while a step runs, 40 times, two at once, with another step in the queue. The step is stopped, not waited for.
import { setTimeout } from 'node:timers/promises';
import { Worker, workerData } from 'node:worker_threads';
import { check, gates, holdGates, latches, newGates, prepareGates, until } from './scene.mjs';

/** How many gates the step went through before it was stopped. One at a time opens, because nobody sees from outside when the step has been told. */
async function terminateOne() {
  const memory = newGates();
  const held = holdGates(memory);
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: memory });
  worker.once('error', (error) => setImmediate(() => check(false, error.stack)));
  await until(() => latches.arrived(held[0]));
  let ended = false;
  const ending = worker.terminate().then(() => {
    ended = true;
  });
  let gate = 0;
  for (; !ended && gate < gates; gate++) {
    await setTimeout(1);
    latches.open(held[gate]);
    await until(() => ended || latches.arrived(held[gate + 1] ?? 0));
  }
  held.forEach(latches.open);
  await ending;
  return gate;
}

if (workerData) {
  const { start } = prepareGates(1, workerData);
  for (let step = 0; step < 2; step++) start().promise.catch(() => {});
} else {
  const passed = [];
  for (let i = 0; i < 40; i += 2) passed.push(...(await Promise.all([terminateOne(), terminateOne()])));
  check(Math.max(...passed) < gates, `expected steps to be stopped, got ${passed} of ${gates} kernels that ran`);
  console.log(`survived ${passed.length}`);
}
