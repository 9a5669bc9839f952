// What every reader accepts as its first argument, and the one way to open it: a plain file stays where it lies, and anything else is gathered in memory,
// once, so that a reader may look at its first bytes and go back.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { isAnyArrayBuffer, isSharedArrayBuffer, isUint8Array } from 'node:util/types';
import { describe, fail, TensorwoodError } from '../errors';
import { throwIfAborted } from '../realm';
import { checkSignal } from '../schema';
import { fileReason } from './atomic';
import { checkMemory, copyInTurns, gather, isStream, type Stream, type WebStream } from './gather';
import { isPath, type Path, pathOf } from './path';
import { streamOfFile } from './pipe';

/** A Blob or File of any realm. */
export interface BlobSource {
  readonly size: number;
  stream(): WebStream;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * What is read: a path or a file URL (plain files, pipes, devices), bytes (used in place: leave them as they are until the promise settles), a Blob,
 * `{ text }`, or a stream or async iterable of bytes or text, which is read to its end.
 */
export type Source = Path | Uint8Array | ArrayBuffer | BlobSource | { readonly text: string } | Stream | OpenedSource;

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

interface SourceOptions {
  readonly signal?: AbortSignal | undefined;
  /** For messages. Default: the path, or `<bytes>`, `<text>`, `<stream>`, `<stdin>`. */
  readonly name?: string;
}

/** Fills the target with the bytes at `position`. */
export type ReadInto = (target: Uint8Array, position: number) => Promise<void>;

const pieceBytes = 2 ** 24; // read at once: what an abort waits for
const accepted = 'a path, a file: URL, bytes, { text } or a stream';

/** A source that can be read more than once, from any place. */
export class OpenedSource {
  constructor(
    /** For messages. */
    readonly name: string,
    /** The path of a plain file, or all bytes. */
    readonly content: string | Uint8Array,
    /** Bytes. */
    readonly size: number,
  ) {}

  /** Reads from several places while the file stays open. @throws ERR_TENSORWOOD_FILE */
  async read<T>(subject: string, use: (readInto: ReadInto) => Promise<T>, signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal);
    const { content, name } = this;
    if (typeof content !== 'string')
      return use((target, position) => copyInTurns(target, content.subarray(position, position + target.length), signal));
    const refuse = (error: unknown): never => {
      if (error instanceof TensorwoodError || signal?.aborted) throw error;
      return fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${name}': ${fileReason(error)}`, error);
    };
    const file = await open(content, 'r').catch(refuse);
    const short = (): never => failShort(subject, name);
    try {
      return await use((target, position) => fill(file, target, { position, signal, short }).catch(refuse));
    } finally {
      await file.close();
    }
  }

  /** The first bytes; fewer when there are no more. */
  async head(subject: string, bytes: number): Promise<Uint8Array> {
    const head = new Uint8Array(Math.min(bytes, this.size));
    await this.read(subject, (readInto) => readInto(head, 0));
    return head;
  }

  /** All bytes: those given, or a copy of the file's. @throws ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_MEMORY */
  async bytes(subject: string, signal?: AbortSignal): Promise<Uint8Array> {
    if (typeof this.content !== 'string') return this.content;
    if (this.size > process.availableMemory())
      fail('ERR_TENSORWOOD_MEMORY', `${subject}: not enough memory to read the ${this.size} bytes of '${this.name}'`);
    const whole = new Uint8Array(this.size);
    await this.read(subject, (readInto) => readInto(whole, 0), signal);
    return whole;
  }
}

const failShort = (subject: string, name: string): never =>
  fail('ERR_TENSORWOOD_FILE', `${subject}: '${name}' became shorter while it was read`);

interface Filling {
  readonly position: number;
  readonly signal: AbortSignal | undefined;
  readonly short: () => never;
}

async function fill(file: FileHandle, target: Uint8Array, { position, signal, short }: Filling): Promise<void> {
  for (let done = 0; done < target.length; ) {
    throwIfAborted(signal);
    const { bytesRead } = await file.read(target, done, Math.min(pieceBytes, target.length - done), position + done);
    if (bytesRead === 0) short();
    done += bytesRead;
  }
}

/**
 * Opens what a reader was given.
 * @param subject the beginning of the error sentence
 * @throws the signal's reason; ERR_TENSORWOOD_ARGUMENT when it is no source, _FILE when it cannot be read, _MEMORY when it does not end in time
 */
export async function openSource(subject: string, source: Source, options: SourceOptions = {}): Promise<OpenedSource> {
  checkSignal(subject, options.signal);
  if (source instanceof OpenedSource) return source;
  throwIfAborted(options.signal);
  if (isPath(source)) return openPath(subject, source, options);
  if (isAnyArrayBuffer(source)) return openBytes(subject, new Uint8Array(source), options);
  if (isUint8Array(source)) return openBytes(subject, source, options);
  if (isBlob(source)) return hold(subject, source.stream(), { name: (source as { name?: string }).name ?? '<blob>', ...options });
  if (isStream(source)) return hold(subject, source, { name: nameOfStream(source), ...options });
  const { text } = (source ?? {}) as { readonly text?: unknown };
  if (typeof text === 'string') return hold(subject, once(text), { name: '<text>', ...options });
  return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${accepted}, got ${describe(source)}${cureFor(source)}`);
}

function cureFor(source: unknown): string {
  const { arrayBuffer, body, next } = (source ?? {}) as { arrayBuffer?: unknown; body?: unknown; next?: unknown };
  if (typeof arrayBuffer === 'function' && body !== undefined) return '; give its body';
  return typeof next === 'function' ? '; make a stream of it by Readable.from()' : '';
}

const isBlob = (value: unknown): value is BlobSource =>
  typeof (value as BlobSource)?.stream === 'function' && typeof (value as BlobSource)?.arrayBuffer === 'function';

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

function nameOfStream(stream: Stream): string {
  const { path, fd } = stream as { path?: unknown; fd?: unknown };
  return fd === 0 ? '<stdin>' : typeof path === 'string' ? path : '<stream>';
}

type Named = SourceOptions & { readonly name: string };

async function hold(subject: string, stream: Stream, { name, signal }: Named): Promise<OpenedSource> {
  const bytes = await gather(stream, { subject, name, signal });
  return new OpenedSource(name, bytes, bytes.length);
}

/** In place, unless others may write or shrink the memory while it is read. */
async function openBytes(subject: string, bytes: Uint8Array, { name = '<bytes>', signal }: SourceOptions): Promise<OpenedSource> {
  const moves = isSharedArrayBuffer(bytes.buffer) || (bytes.buffer as { resizable?: boolean }).resizable === true;
  if (!moves) return new OpenedSource(name, bytes, bytes.length);
  checkMemory(bytes.length, { subject, name });
  const copy = new Uint8Array(bytes.length);
  await copyInTurns(copy, bytes, signal);
  return new OpenedSource(name, copy, copy.length);
}

async function openPath(subject: string, source: Path, { name, signal }: SourceOptions): Promise<OpenedSource> {
  const path = pathOf(subject, source, accepted);
  const shown = name ?? path;
  const refuse = (error: unknown): never =>
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${shown}': ${readReason(error, path)}`, error);
  const found = await stat(path).catch(refuse);
  if (found.isDirectory()) fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${shown}': it is a folder`);
  if (found.isFile() && found.size > 0) return new OpenedSource(shown, path, found.size);
  return hold(subject, await streamOfFile(path, found).catch(refuse), { name: shown, signal });
}

function readReason(error: unknown, path: string): string {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  if (isMissing && path.includes('\n')) return 'there is no such file; to read text itself give { text }';
  if (isMissing && /^https?:\/\//.test(path)) return 'there is no such file; of a web page give the body: (await fetch(url)).body';
  return fileReason(error);
}
