// Holds a job where it provably runs, so that no test depends on how long work takes: memory that the job reads in place (test/native/latch.cpp),
// or a pipe that it reads and nobody writes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import { OpenedSource, type ReadInto } from '../../lib/files/source';
import { native } from '../../lib/native';
import { encodeSums } from './program-bytes';

export interface Latch {
  /** Whether a job has come to the latch, and so is past its beginning. */
  arrived(): boolean;
  /** Lets it go on. Idempotent. */
  open(): void;
  [Symbol.dispose](): void;
}

interface Addon {
  hold(view: ArrayBufferView): number;
  arrived(latch: number): number;
  open(latch: number): void;
}

const root = join(__dirname, '..', '..');
const source = join(root, 'test', 'native', 'latch.cpp');
const require = createRequire(__filename);
const { include_dir: headers } = require('node-api-headers') as { include_dir: string };

/** The path of the addon, built at the first call. Files of tests may ask at once: each builds its own, and the last one stays. */
export function latchAddon(): string {
  const name = createHash('sha1').update(readFileSync(source)).digest('hex');
  const path = join(root, 'build', `latch-${name}.node`);
  if (existsSync(path)) return path;
  const own = `${path}.${process.pid}`;
  execFileSync(process.env.CXX ?? 'c++', ['-std=c++17', '-shared', '-fPIC', '-pthread', `-I${headers}`, '-o', own, source]);
  renameSync(own, path);
  return path;
}

let loaded: Addon | undefined;

/**
 * Takes away the whole pages of memory within a typed array. A job waits where it first reads one; this thread must not. Programs copy inputs of up to
 * 64 KiB when they are queued: take larger ones.
 */
export function holdMemory(view: ArrayBufferView): Latch {
  loaded ??= require(latchAddon()) as Addon;
  const { hold, arrived, open } = loaded;
  const latch = hold(view);
  return { arrived: () => arrived(latch) > 0, open: () => open(latch), [Symbol.dispose]: () => open(latch) };
}

/** Makes a pipe whose reader waits for bytes that never come. It cannot be opened, but for an end without a byte. */
export function holdPipe(path: string): Latch {
  execFileSync('mkfifo', [path]);
  let file: number | undefined;
  const arrived = (): boolean => {
    try {
      file ??= openSync(path, constants.O_WRONLY | constants.O_NONBLOCK); // ENXIO: nobody has it open for reading
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    return file !== undefined;
  };
  const end = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  return { arrived, open: () => {}, [Symbol.dispose]: end };
}

/** Holds whoever reads a source from several places, where it first reads before the middle. */
export function holdSource(): Latch {
  const read = OpenedSource.prototype.read;
  let arrived = false;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  function readHeld<T>(this: OpenedSource, subject: string, use: (readInto: ReadInto) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const hold = (readInto: ReadInto): ReadInto => {
      return async (target, position) => {
        if (position < this.size / 2) {
          arrived = true;
          await opened;
        }
        return readInto(target, position);
      };
    };
    return read.call(this, subject, (readInto) => use(hold(readInto)) as Promise<unknown>, signal) as Promise<T>;
  }
  const spy = vi.spyOn(OpenedSource.prototype, 'read').mockImplementation(readHeld as typeof read);
  const end = (): void => {
    open();
    spy.mockRestore();
  };
  return { arrived: () => arrived, open, [Symbol.dispose]: end };
}

/** Whether a job, or anybody else in this process, has the file open. Linux. */
export function isOpen(path: string): boolean {
  const target = realpathSync(path);
  return readdirSync('/proc/self/fd').some((file) => {
    try {
      return readlinkSync(join('/proc/self/fd', file)) === target;
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Takes all threads of those that run on two, by a program: whoever has work for them waits. `ended` resolves when the program has ended. */
export async function holdThreads(): Promise<Latch & { ended: Promise<unknown> }> {
  const length = 40_000;
  const runtime = native().createRuntime('cpu', 2, '');
  const program = native().loadProgram(runtime, encodeSums(length, 10));
  const state = native().createBuffer(runtime, 4);
  const input = new Float32Array(length);
  const latch = holdMemory(input);
  const { promise } = native().runProgram(program, [state], [input], [new Float32Array(1)]);
  for (const handle of [program, state, runtime]) native().dispose(handle);
  await arrival(latch, promise);
  return { ...latch, ended: promise };
}

/** Waits until `running` has come to the latch; the event loop turns meanwhile. Throws when it ends without. */
export async function arrival(latch: Latch, running: Promise<unknown>): Promise<void> {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  running.then(end, end);
  for (let looks = 0; !latch.arrived(); looks++) {
    if (ended) {
      await running;
      throw new Error('expected a job to come to its latch, got one that ended without');
    }
    await (looks < 1000 ? setImmediate() : setTimeout(1)); // each turn at first: a file may be open for a few alone
  }
}

/** Aborts `act` where it waits at the latch and lets it go on from there: it rejects with the signal's reason and listens no more. */
export async function stopAtLatch(latch: Latch, act: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = act(controller.signal);
  await arrival(latch, running);
  controller.abort(reason);
  latch.open();
  await expect(running).rejects.toBe(reason);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
}
