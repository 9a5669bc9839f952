// process.exit() while a step runs, from a turn of the event loop and from the end of another step. The code must arrive.
import { addon, holdGates, latches, newGates, ones, prepareGates, prepareSums, until } from './scene.mjs';

const memory = newGates();
const held = holdGates(memory);
prepareGates(2, memory)
  .start()
  .promise.catch(() => {});
await until(() => latches.arrived(held[0]));
if (process.argv[4] === 'alone') process.exit(7);
const short = prepareSums(1);
await addon.runProgram(short.program, [short.state], [ones], [new Float32Array(1)]).promise;
process.exit(7);
