// A step that is cancelled half way rejects, leaves its state as it was, and the next step runs.
import { addon, check, holdGates, latches, newGates, ones, prepareGates, prepareSums, until } from './scene.mjs';

const memory = newGates();
const held = holdGates(memory);
const { state, start } = prepareGates(2, memory);
const { promise, job } = start();
await until(() => latches.arrived(held[0]));
latches.open(held[0]);
await until(() => latches.arrived(held[1]));
addon.cancel(job);
held.forEach(latches.open);
const error = await promise.then(
  () => undefined,
  (e) => e,
);
check(error?.code === 'ERR_TENSORWOOD_ABORTED', `expected a rejection, got ${error?.message}`);
const values = new Float32Array(1).fill(5);
await addon.readBuffer(state, 0, values).promise;
check(values[0] === 0, `expected the state to be untouched, got ${values}`);
const next = prepareSums(2);
const output = new Float32Array(1);
await addon.runProgram(next.program, [next.state], [ones], [output]).promise;
check(output[0] === 1000, `expected 1000, got ${output[0]}`);
console.log('aborted');
