// What every writer accepts as the place of what it writes, and the one way to write there: a path whole or not at all, a stream piece by piece, at the
// pace of its reader.
import { describe, fail } from '../errors';
import { fileReason, writeAtomically } from './atomic';
import { isPath, type Path, pathOf } from './path';

/** A WritableStream of any realm. */
export interface WebTarget {
  getWriter(): {
    readonly ready: Promise<unknown>;
    write(chunk: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
  };
}

/** A Writable of Node. */
export interface NodeTarget {
  write(chunk: Uint8Array, written?: (error?: Error | null) => void): boolean;
  end(): unknown;
  on(event: string, listener: (...values: any[]) => void): unknown;
  removeListener(event: string, listener: (...values: any[]) => void): unknown;
}

/** Where something is written: a path or a file URL, a Writable of Node or a WritableStream; streams are ended, but for the process's own. */
export type Target = Path | NodeTarget | WebTarget;

const pieceBytes = 2 ** 20; // handed to a stream at once
const accepted = 'a path, a file: URL or a writable stream';

const isWeb = (target: unknown): target is WebTarget => typeof (target as WebTarget)?.getWriter === 'function';
const isNode = (target: unknown): target is NodeTarget => {
  const { write, end, on, removeListener } = (target ?? {}) as Partial<NodeTarget>;
  return [write, end, on, removeListener].every((method) => typeof method === 'function');
};

export const isTarget = (value: unknown): value is Target => (isPath(value) && value !== '') || isWeb(value) || isNode(value);

/**
 * Refuses what is no target, before the work whose result it would hold.
 * @throws ERR_TENSORWOOD_ARGUMENT
 */
export function checkTarget(subject: string, target: unknown): void {
  if (isWeb(target) || isNode(target)) return;
  if (!isPath(target)) fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${accepted}, got ${describe(target)}`);
  pathOf(subject, target, accepted);
}

/**
 * Writes the parts, one after the other.
 * @param subject the beginning of the error sentence
 * @throws ERR_TENSORWOOD_FILE when it cannot be written; where there was a file it stays then
 */
export async function writeTo(subject: string, target: Target, parts: Iterable<ArrayBufferView>): Promise<void> {
  checkTarget(subject, target);
  if (isPath(target)) return writeAtomically(pathOf(subject, target), parts);
  const name = target === process.stdout ? 'standard output' : "'<stream>'";
  try {
    if (isWeb(target)) await writeWeb(target.getWriter(), parts);
    else await writeNode(target, parts);
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot write to ${name}: ${fileReason(error)}`, error);
  }
}

/** Others write there too. */
const isOwn = (target: NodeTarget): boolean => target === process.stdout || target === process.stderr;

function* piecesOf(parts: Iterable<ArrayBufferView>): Generator<Uint8Array> {
  for (const part of parts) {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
  }
}

/** What Node's own streams tell of themselves. */
interface State {
  readonly destroyed?: boolean;
  readonly writableEnded?: boolean;
  readonly errored?: Error | null;
  destroy?(): unknown;
}

async function writeNode(target: NodeTarget, parts: Iterable<ArrayBufferView>): Promise<void> {
  const state = target as State;
  if (state.destroyed || state.writableEnded) throw state.errored ?? new Error('the stream was ended or closed before');
  const events = listenTo(target);
  try {
    for (const piece of piecesOf(parts)) if (!target.write(piece)) await events.next('drain');
    await (isOwn(target) ? events.flushed() : events.finished());
  } catch (error) {
    if (!isOwn(target)) state.destroy?.();
    throw error;
  } finally {
    events.end();
  }
}

/** The events of a stream while it is written, so that no error of it is without a listener; each wait fails when the stream does. */
function listenTo(target: NodeTarget) {
  let [resolve, awaited] = [(): void => undefined, ''];
  let reject: (error: Error) => void = () => undefined;
  let failed: Error | undefined;
  const fails = (error: Error): void => {
    failed ??= error;
    reject(failed);
  };
  const settles = (event: string) => () => event === awaited && resolve();
  const listeners: Record<string, (error: Error) => void> = {
    drain: settles('drain'),
    finish: settles('finish'),
    error: fails,
    close: () => fails(new Error('the stream was closed before all was written')),
  };
  for (const [event, listener] of Object.entries(listeners)) target.on(event, listener);
  const next = (event: string, begin = (): unknown => undefined): Promise<void> =>
    new Promise((...settle) => {
      [resolve, reject] = settle;
      awaited = event;
      if (failed === undefined) begin();
      else reject(failed);
    });
  return {
    next,
    finished: () => next('finish', () => target.end()),
    /** Its callback tells of a failure before the event, which needs its listener. */
    flushed: () => next('', () => target.write(new Uint8Array(), (error) => (error ? setImmediate(fails, error) : resolve()))),
    end(): void {
      for (const [event, listener] of Object.entries(listeners)) target.removeListener(event, listener);
    },
  };
}

async function writeWeb(writer: ReturnType<WebTarget['getWriter']>, parts: Iterable<ArrayBufferView>): Promise<void> {
  try {
    for (const piece of piecesOf(parts)) {
      await writer.ready;
      await writer.write(piece);
    }
    await writer.close();
  } catch (error) {
    writer.abort(error).catch(() => undefined);
    throw error;
  }
}
