// A step that is cancelled half way rejects, leaves its state as it was, and the next step runs.
import { addon, check, ones, prepareSums, prepareWork } from './scene.mjs';

const { program, state } = prepareWork(2);
const { promise, job } = addon.runProgram(program, [state], [], []);
setTimeout(() => addon.cancel(job), 30);
const error = await promise.then(
  () => undefined,
  (e) => e,
);
check(error?.code === 'ERR_TENSORWOOD_ABORTED', `expected a rejection, got ${error?.message}`);
const values = new Float32Array(4);
await addon.readBuffer(state, 0, values).promise;
check(
  values.every((v) => v === 0),
  `expected the state to be untouched, got ${values}`,
);
const next = prepareSums(2);
const output = new Float32Array(1);
await addon.runProgram(next.program, [next.state], [ones], [output]).promise;
check(output[0] === 1000, `expected 1000, got ${output[0]}`);
console.log('aborted');
