// 10,000 steps do not grow the process, nor do handles that are dropped without dispose(). Run with --expose-gc.
import { setImmediate } from 'node:timers/promises';
import { addon, check, ones, prepareSums } from './scene.mjs';

const { runtime, program, state } = prepareSums(2);
const output = new Float32Array(1);
const megabytes = () => process.memoryUsage.rss() / 2 ** 20;

async function step(count) {
  for (let i = 0; i < count; i++) await addon.runProgram(program, [state], [ones], [output]).promise;
  globalThis.gc();
  await setImmediate();
  return megabytes();
}

async function forget(count) {
  for (let i = 0; i < count; i++) {
    const buffer = addon.createBuffer(runtime, 8 << 20);
    await addon.writeBuffer(buffer, 0, new Uint8Array(8 << 20).fill(i)).promise;
  }
}

const before = await step(2000);
const after = await step(8000);
check(after - before < 8, `expected flat memory over 8,000 steps, got ${before.toFixed(1)} MB, then ${after.toFixed(1)} MB`);

await forget(200); // 1,600 MB in all
check(megabytes() - after < 600, `expected the collector to know the size of buffers, got ${(megabytes() - after).toFixed(0)} MB more`);
for (let i = 0; i < 5; i++) {
  globalThis.gc();
  await setImmediate();
}
const { bytes } = addon.memoryUsage();
check(bytes < 1 << 20, `expected dropped buffers to be freed, got ${bytes} bytes`);
console.log('flat');
