// An arena that cannot be had (the address space is full) leaves the programs that were loaded before as they were.
import { addon, check, ones, prepareSums } from './scene.mjs';

const { runtime, program, state } = prepareSums(1);
const output = new Float32Array(1);
const run = () => {
  addon.runProgramSync(program, [state], [ones], [output.fill(0)]);
  return output[0];
};
const empty = Buffer.alloc(28); // native/core/program.h: a program without buffers and calls
empty.writeUInt32LE(0x31475754, 0);
empty.writeBigUInt64LE(BigInt(5e9), 12); // bytes of the arena

check(run() === 1000, 'expected the first run to sum');
let code = 'no error';
try {
  addon.loadProgram(runtime, empty);
} catch (error) {
  code = error.code;
}
check(code === 'ERR_TENSORWOOD_MEMORY', `expected a refusal, got ${code}`);
check(run() === 1000, 'expected the second run to sum');
console.log('kept');
