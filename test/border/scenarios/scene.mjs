// What every scenario starts with: the addon itself, without lib, so that one binary can be tried on every Node; programs that lifecycle.test.ts wrote to
// a folder; and latches (test/native/latch.cpp), which hold a step where it provably runs. Scenarios report by their exit code and their last line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export const [addonPath, folder] = process.argv.slice(2, 4);
const require = createRequire(import.meta.url);
export const addon = require(addonPath);
export const latches = require(join(folder, 'latch.node'));

const load = (name) => new Uint8Array(readFileSync(join(folder, name)));

export function prepare(name, threads) {
  const runtime = addon.createRuntime('cpu', threads, '');
  const program = addon.loadProgram(runtime, load(name));
  const state = addon.createBuffer(runtime, 4);
  return { runtime, program, state };
}

/** 1,000 ones are summed to `output` and to a state of one number. */
export const prepareSums = (threads) => prepare('sums.bin', threads);
export const ones = new Float32Array(1000).fill(1);

export const gates = 100;
const stretch = 4096;
export const newGates = () => new Float32Array(new SharedArrayBuffer(4 * stretch * gates));
/** Holds the step at each of its gates; gate i opens by latches.open(held[i]). */
export const holdGates = (memory) =>
  Array.from({ length: gates }, (_, gate) => latches.hold(memory.subarray(stretch * gate, stretch * (gate + 1))));

/** Steps of many kernels, each of which reads its own stretch of `memory`; then one that writes a state. */
export function prepareGates(threads, memory) {
  const scene = prepare('gates.bin', threads);
  return { ...scene, start: () => addon.runProgram(scene.program, [scene.state], [memory], []) };
}

export async function until(condition) {
  while (!condition()) await setTimeout(1);
}

export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}
