// Files that are read as they come: pipes, sockets, devices, and the files of /proc, which say that they are empty. A pipe that nobody writes yet is waited
// for by the event loop, not by a thread, so that the wait can be stopped.
import { constants, createReadStream, open, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

const openDescriptor = promisify(open);
const chunkBytes = 2 ** 20;

/** @throws the error of the system when it cannot be opened */
export async function streamOfFile(path: string, found: Stats): Promise<Readable> {
  if (found.isFIFO()) return streamOfDescriptor(await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK));
  // The own standard input of a process may be a socket, which no path opens.
  const own = /^\/dev\/(?:stdin|fd\/(\d+))$/.exec(path);
  if (found.isSocket() && own !== null) return own[1] === undefined || own[1] === '0' ? process.stdin : streamOfDescriptor(Number(own[1]));
  return createReadStream(path, { highWaterMark: chunkBytes });
}

const streamOfDescriptor = (fd: number): Readable => new Socket({ fd, readable: true, writable: false });
