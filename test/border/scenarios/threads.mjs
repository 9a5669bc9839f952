// A system that starts no more threads (its address space is full) refuses pools and jobs by typed errors; signals and the process's end are as before.
import { addon, check, ones, prepareSums } from './scene.mjs';

const codeOf = (call) => {
  try {
    call();
  } catch (error) {
    return error.code;
  }
  return 'no error';
};

check(codeOf(() => addon.createRuntime('cpu', 1024, '')) === 'ERR_TENSORWOOD_MEMORY', 'expected 1,024 threads to be refused');

const { program, state } = prepareSums(1);
const pools = [];
// Runtimes of one count share their threads: some of each count, the large ones first, until there is room for none. Few calls, since V8 too needs room.
const counts = [512, 256, 128, 64, 32, 16, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2];
for (const threads of counts) codeOf(() => pools.push(addon.createRuntime('cpu', threads, '')));
const output = new Float32Array(1);
const code = codeOf(() => addon.runProgram(program, [state], [ones], [output]));
check(code === 'ERR_TENSORWOOD_MEMORY', `expected a job to be refused, got ${code}`);
for (const pool of pools) addon.dispose(pool);
addon.runProgramSync(program, [state], [ones], [output]);
check(output[0] === 1000, `expected 1000, got ${output[0]}`);
const alive = setInterval(() => {}, 1000);
process.once('SIGUSR2', () => {
  clearInterval(alive);
  console.log('refused');
});
process.kill(process.pid, 'SIGUSR2');
