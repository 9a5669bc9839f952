// What every scenario starts with: the addon itself, without lib, so that one binary can be tried on every Node; and two programs that
// lifecycle.test.ts wrote to a folder. Scenarios report by their exit code and their last line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const [addonPath, folder] = process.argv.slice(2, 4);
export const addon = createRequire(import.meta.url)(addonPath);

/** 1,000 ones are summed to `output` and to a state of one number. */
export const sums = new Uint8Array(readFileSync(join(folder, 'sums.bin')));
/** About 2,000 kernels of a millisecond, then one that writes a state of four numbers. */
export const work = new Uint8Array(readFileSync(join(folder, 'work.bin')));

export function prepare(bytes, { threads = 2, stateBytes }) {
  const runtime = addon.createRuntime('cpu', threads, '');
  const program = addon.loadProgram(runtime, bytes);
  const state = addon.createBuffer(runtime, stateBytes);
  return { runtime, program, state };
}

export const prepareWork = (threads) => prepare(work, { threads, stateBytes: 16 });
export const prepareSums = (threads) => prepare(sums, { threads, stateBytes: 4 });
export const ones = new Float32Array(1000).fill(1);

export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}
