// A worker that waits for the bytes of a pipe nobody writes is terminated at once.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parentPort, Worker } from 'node:worker_threads';
import { addon, check, folder } from './scene.mjs';

const pipe = join(folder, `pipe-${process.pid}`);
const lists = { names: [], columns: [], missing: [], numbers: [], categories: [] };
const spec = { delimiter: ',', quote: '"', decimal: '.', header: 1, trim: true, skipBadLines: false, ...lists };

async function terminateReader() {
  execFileSync('mkfifo', [pipe]);
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const start = performance.now();
  const late = setTimeout(() => process.kill(process.pid, 'SIGKILL'), 10_000);
  await worker.terminate();
  clearTimeout(late);
  check(performance.now() - start < 5000, `expected an end within 5 s, got ${performance.now() - start} ms`);
  console.log('terminated');
}

function startReading() {
  addon.openCsv(addon.createRuntime('cpu', 1, ''), pipe, spec).promise.catch(() => {});
  parentPort.postMessage('reading');
}

await (parentPort === null ? terminateReader() : startReading());
