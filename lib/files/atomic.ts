// Writing a file so that a crash, a full disk or a killed process leaves either the old file or the whole new one: a temporary file in the same folder,
// fsync, rename, fsync of the folder (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, on why each step is needed).
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail } from '../errors';

const pieceBytes = 2 ** 30; // one write call takes less than 2^31

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space or choose another folder',
  EDQUOT: 'the disk quota is used up; free some space or choose another folder',
  EFBIG: 'the file would be larger than this process may write',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'there is a folder of that name',
  ENOENT: 'there is no such file or folder',
};

/** The end of a sentence about a failed file operation, from the code of a system error. */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return reasons[code] ?? (error as Error).message;
}

/** A folder, with those above it, unless it is there. Node's own recursive mkdir never ends where a parent refuses as /proc does. */
export function makeFolder(path: string): void {
  const above = dirname(path);
  if (above !== path && !existsSync(above)) makeFolder(above);
  if (!existsSync(path)) mkdirSync(path);
}

async function writeAll(file: FileHandle, bytes: ArrayBufferView): Promise<void> {
  const whole = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let done = 0;
  while (done < whole.length) done += (await file.write(whole, done, Math.min(pieceBytes, whole.length - done))).bytesWritten;
}

// Makes the rename itself durable. Some systems cannot open a folder; there the rename is still atomic.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function writeParts(file: FileHandle, parts: Iterable<ArrayBufferView>, { sync }: { sync: boolean }): Promise<void> {
  try {
    for (const part of parts) await writeAll(file, part);
    if (sync) await file.sync(); // a pipe has nothing to sync
  } finally {
    await file.close();
  }
}

/** The new file has the permissions of the one that it replaces. */
async function openTemporary(path: string, mode: number | undefined): Promise<FileHandle> {
  const file = await open(path, 'wx', mode);
  if (mode !== undefined) await file.chmod(mode).catch(() => undefined); // past the umask
  return file;
}

async function replace(path: string, mode: number | undefined, parts: Iterable<ArrayBufferView>): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}`);
  try {
    makeFolder(folder);
    await writeParts(await openTemporary(temporary, mode), parts, { sync: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/**
 * Replaces the file at `path`, or that which a link there leads to, by the parts, one after the other; missing folders are made. Until the last moment the
 * old file stays as it is. A pipe or a device is written into.
 * @throws ERR_TENSORWOOD_FILE when the disk is full, the folder cannot be written, ...; nothing is left behind then
 */
export async function writeAtomically(path: string, parts: Iterable<ArrayBufferView>): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.isDirectory()) await replace(path, undefined, parts);
    else if (found.isFile()) await replace(await realpath(path), found.mode & 0o7777, parts);
    else await writeParts(await open(path, 'w'), parts, { sync: false });
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `write: cannot write '${path}': ${fileReason(error)}`, error);
  }
}
