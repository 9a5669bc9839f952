// The event loop turns while a step runs.
import { setImmediate } from 'node:timers/promises';
import { addon, check, holdGates, latches, newGates, prepareGates, until } from './scene.mjs';

const memory = newGates();
const held = holdGates(memory);
const { state, start } = prepareGates(0, memory);
const { promise } = start();
let ended = false;
promise.finally(() => {
  ended = true;
});
await until(() => latches.arrived(held[0]));
for (let turn = 0; turn < 1000; turn++) await setImmediate();
check(!ended, 'expected the step to run');
held.forEach(latches.open);
await promise;
const sum = new Float32Array(1);
await addon.readBuffer(state, 0, sum).promise;
check(sum[0] === 0, `expected 0, got ${sum[0]}`);
console.log('turned');
