// A worker that waits for the bytes of a pipe nobody writes is terminated. This process holds the other end, so that the wait does not end by itself.
import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker, workerData } from 'node:worker_threads';
import { folder, until } from './scene.mjs';

/** Opens for writing, which the system allows once somebody reads. */
function isRead(pipe) {
  try {
    openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    return true;
  } catch {
    return false;
  }
}

async function terminateReader() {
  const pipe = join(folder, `pipe-${process.pid}`);
  execFileSync('mkfifo', [pipe]);
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: pipe });
  await until(() => isRead(pipe));
  await worker.terminate();
  console.log('terminated');
}

if (workerData) createRequire(import.meta.url)('../../../dist/index.js').readCsv(workerData);
else await terminateReader();
