// process.exit() while a step runs, from a timer and from the end of another step. The code must arrive.
import { addon, ones, prepareSums, prepareWork } from './scene.mjs';

const { program, state } = prepareWork(2);
addon.runProgram(program, [state], [], []).promise.catch(() => {});
if (process.argv[4] === 'timer') {
  setTimeout(() => process.exit(7), 20);
} else {
  const short = prepareSums(1);
  await addon.runProgram(short.program, [short.state], [ones], [new Float32Array(1)]).promise;
  process.exit(7);
}
