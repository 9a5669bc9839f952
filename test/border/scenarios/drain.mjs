// A job keeps the process alive until it is settled; idle runtimes, programs and buffers do not.
import { addon, ones, prepareSums } from './scene.mjs';

const { program, state } = prepareSums(2);
addon.runProgram(program, [state], [ones], [new Float32Array(1)]).promise.then(() => console.log('settled'));
