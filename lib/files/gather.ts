// A stream as bytes in memory: Node's and the web's streams, and whatever else gives bytes or text when it is iterated. Waiting for the next piece ends
// with the signal, and the stream is told to stop; a stream that does not end is refused where memory would.
import { setImmediate } from 'node:timers/promises';
import { TextEncoder } from 'node:util';
import { isUint8Array } from 'node:util/types';
import { describe, fail, TensorwoodError } from '../errors';
import { throwIfAborted } from '../realm';

/** A ReadableStream of any realm. */
export interface WebStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

export type Stream = AsyncIterable<Uint8Array | string> | WebStream;

/** Pieces one after the other, and how to end them early. */
interface Pieces {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  stop(): void;
}

interface Naming {
  /** The beginning of the error sentence. */
  readonly subject: string;
  /** What is read, for messages. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

const pieceBytes = 2 ** 23; // copied at once: about 2 ms
const pieceLetters = 2 ** 20;
const lookBytes = 2 ** 24; // between looks at the memory that is left

export const isStream = (value: unknown): value is Stream =>
  typeof (value as WebStream)?.getReader === 'function' ||
  typeof (value as Partial<AsyncIterable<unknown>>)?.[Symbol.asyncIterator] === 'function';

function piecesOf(stream: Stream): Pieces {
  if ('getReader' in stream) {
    const reader = stream.getReader();
    return { next: () => reader.read(), stop: () => void reader.cancel().catch(() => undefined) };
  }
  const iterator = stream[Symbol.asyncIterator]();
  const { destroy } = stream as { destroy?: () => void }; // of Node's streams: their iterators only end between two pieces
  const end = (): void => void iterator.return?.().catch(() => undefined);
  return { next: () => iterator.next(), stop: () => (typeof destroy === 'function' ? destroy.call(stream) : end()) };
}

/**
 * All bytes of a stream; text as UTF-8.
 * @throws the signal's reason; ERR_TENSORWOOD_FILE when the stream fails, _MEMORY when it does not end in time, _ARGUMENT when it was read before, or
 *   gives something else
 */
export async function gather(stream: Stream, naming: Naming): Promise<Uint8Array> {
  const { subject, name, signal } = naming;
  const { readableEnded, locked } = stream as { readableEnded?: boolean; locked?: boolean };
  if (readableEnded === true || locked === true)
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a stream that nobody has read, got '${name}', which was read before`);
  const pieces = piecesOf(stream);
  const aborted = abortOf(signal);
  try {
    throwIfAborted(signal); // what was opened meanwhile is told to stop, too
    return await join(await collect({ next: () => Promise.race([pieces.next(), aborted.promise]), stop: pieces.stop }, naming), naming);
  } catch (error) {
    pieces.stop();
    if (error instanceof TensorwoodError || signal?.aborted) throw error;
    return fail(
      'ERR_TENSORWOOD_FILE',
      `${subject}: cannot read '${name}': ${(error as Error | undefined)?.message ?? String(error)}`,
      error,
    );
  } finally {
    aborted.forget();
  }
}

/** A promise that only an abort settles: by a rejection with its reason. */
function abortOf(signal: AbortSignal | undefined): { promise: Promise<never>; forget(): void } {
  let onAbort = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => {
      try {
        throwIfAborted(signal);
      } catch (reason) {
        reject(reason);
      }
    };
  });
  promise.catch(() => undefined);
  signal?.addEventListener('abort', onAbort, { once: true });
  return { promise, forget: () => signal?.removeEventListener('abort', onAbort) };
}

async function collect(pieces: Pieces, naming: Naming): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  const text = createEncoder();
  let [bytes, looked] = [0, 0];
  for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
    for (const part of partsOf(piece.value, text, naming)) {
      parts.push(part);
      bytes += part.length;
      if (bytes - looked < lookBytes) continue;
      looked = bytes;
      checkMemory(bytes, naming);
      await setImmediate(); // a stream that always has a piece would let nobody else have a turn
    }
  }
  return [...parts, ...text.end()];
}

function partsOf(piece: unknown, text: ReturnType<typeof createEncoder>, { subject, name }: Naming): Iterable<Uint8Array> {
  if (typeof piece === 'string') return text.encode(piece);
  if (isUint8Array(piece)) return [...text.end(), piece];
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected bytes or text from '${name}', got ${describe(piece)}`);
}

/** Text to UTF-8, a piece at a time; half of a letter that two UTF-16 units make waits for the other. */
function createEncoder(): { encode(text: string): Iterable<Uint8Array>; end(): Uint8Array[] } {
  const encoder = new TextEncoder();
  let half = '';
  return {
    *encode(text) {
      const whole = half + text;
      half = /[\ud800-\udbff]$/.test(whole.slice(-1)) ? whole.slice(-1) : '';
      const length = whole.length - half.length;
      for (let from = 0, to = 0; from < length; from = to) {
        to = Math.min(length, from + pieceLetters);
        if (to < length && /[\ud800-\udbff]/.test(whole[to - 1]!)) to--;
        yield encoder.encode(whole.slice(from, to));
      }
    },
    end() {
      const rest = half === '' ? [] : [encoder.encode(half)];
      half = '';
      return rest;
    },
  };
}

/** `bytes` are held, and all of them will be copied once. */
export function checkMemory(bytes: number, { subject, name }: Naming): void {
  if (process.availableMemory() > bytes) return;
  fail('ERR_TENSORWOOD_MEMORY', `${subject}: expected '${name}' to end, got ${bytes} bytes and no memory for more`);
}

/** One array of all parts. */
async function join(parts: readonly Uint8Array[], naming: Naming): Promise<Uint8Array> {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  checkMemory(bytes, naming);
  const whole = new Uint8Array(bytes);
  let [at, turned] = [0, 0];
  for (const part of parts) {
    await copyInTurns(whole, part, { at, signal: naming.signal });
    at += part.length;
    if (at - turned < pieceBytes) continue; // many small parts are as long as a large one
    turned = at;
    await setImmediate();
    throwIfAborted(naming.signal);
  }
  return whole;
}

/** Copies all of `from` to `at`; other events have their turn meanwhile where it is long. */
export async function copyInTurns(
  to: Uint8Array,
  from: Uint8Array,
  { at = 0, signal }: { at?: number; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  for (let done = 0; done < from.length; done += pieceBytes) {
    to.set(from.subarray(done, done + pieceBytes), at + done);
    if (done + pieceBytes >= from.length) break;
    await setImmediate();
    throwIfAborted(signal);
  }
}
