// Which memory a step may use: views with offsets and shared memory in place; memory that has gone, or can go, is refused.
import { addon, check, ones, prepareSums } from './scene.mjs';

const { program, state } = prepareSums(2);

function run(input, output = new Float32Array(1)) {
  addon.runProgramSync(program, [state], [input], [output]);
  return output[0];
}

function refusal(input) {
  try {
    return `the sum ${run(input)}`;
  } catch (error) {
    return error.code;
  }
}

const wide = new Float32Array(1010).fill(2);
check(run(wide.subarray(5, 1005)) === 2000, 'expected a view with an offset to be summed');
check(run(new Float32Array(new SharedArrayBuffer(4000)).fill(3)) === 3000, 'expected shared memory to be summed');
const target = new Float32Array(new SharedArrayBuffer(16), 8, 1);
check(run(ones, target) === 1000 && new Float32Array(target.buffer)[2] === 1000, 'expected shared memory to be written in place');

const gone = new Float32Array(1000);
structuredClone(gone.buffer, { transfer: [gone.buffer] });
for (const input of [
  gone,
  new Float32Array(new ArrayBuffer(4000, { maxByteLength: 8000 })),
  new Float32Array(new SharedArrayBuffer(4000, { maxByteLength: 8000 })),
]) {
  check(refusal(input) === 'ERR_TENSORWOOD_ARGUMENT', `expected a refusal, got ${refusal(input)}`);
}
console.log('refused');
