// A save that fails leaves the old file: on a file system that is full, and past the size a process may write.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileReason, writeAtomically } from '../../lib/files/atomic';
import { compileLib } from '../compiled';

let compiled: ReturnType<typeof compileLib>;
const folder = mkdtempSync(join(tmpdir(), 'atomic-'));
beforeAll(() => {
  compiled = compileLib();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

// Saves 1 kB, then 1 MB over it, and prints what happened to the second save and to the file.
const program = (): string => `
  const { writeAtomically } = require(${JSON.stringify(join(compiled.folder, 'files', 'atomic.js'))});
  const { readdirSync, readFileSync } = require('node:fs');
  (async () => {
    await writeAtomically('model', [new Uint8Array(1024).fill(1)]);
    const error = await writeAtomically('model', [new Uint8Array(2 ** 20).fill(2)]).catch((e) => e);
    const kept = readFileSync('model');
    console.log(JSON.stringify({ code: error?.code, message: error?.message, bytes: kept.length, first: kept[0], files: readdirSync('.').length }));
  })();`;

const shell = (script: string, ...args: string[]) => spawnSync('sh', ['-c', script, 'sh', ...args], { cwd: folder, encoding: 'utf8' });
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;
const kept = { code: 'ERR_TENSORWOOD_FILE', bytes: 1024, first: 1, files: 1 };

describe('writeAtomically', () => {
  it.skipIf(!canMount)('on a full disk (needs a private mount: unshare -rm): a typed error, the old file, nothing left behind', () => {
    const mount = 'mkdir -p disk && mount -t tmpfs -o size=256k none disk && cd disk && exec "$0" -e "$1"';
    const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', mount, process.execPath, program()], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ ...kept, message: expect.stringContaining('the disk is full; free some space') });
  });

  it.skipIf(process.platform === 'win32')('past the file size limit of the process: the same', () => {
    const { stdout } = shell('mkdir -p limited && cd limited && ulimit -f 200 && exec "$1" -e "$2"', process.execPath, program());
    expect(JSON.parse(stdout)).toMatchObject(kept);
  });

  it('into a place that is no folder: names it', async () => {
    await writeAtomically(join(folder, 'file'), [Uint8Array.of(1)]);
    await expect(writeAtomically(join(folder, 'file', 'below'), [Uint8Array.of(1)])).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringMatching(/cannot write '.*below': /),
    });
  });

  it('while another save runs to the same path: one of the two, whole', async () => {
    const path = join(folder, 'race', 'file');
    await Promise.all(
      [1, 2, 3, 4].map((value) => writeAtomically(path, [new Uint8Array(5000).fill(value), new Uint8Array(5000).fill(value)])),
    );
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(10_000);
    expect(new Set(bytes).size).toBe(1);
    expect(readdirSync(join(folder, 'race'))).toEqual(['file']);
  });

  it.skipIf(process.platform === 'win32')('through a link: the file that it leads to', async () => {
    await writeAtomically(join(folder, 'real', 'file'), [Uint8Array.of(1)]);
    symlinkSync(join('real', 'file'), join(folder, 'link'));
    await writeAtomically(join(folder, 'link'), [Uint8Array.of(2)]);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect([...readFileSync(join(folder, 'real', 'file'))]).toEqual([2]);
    expect(readdirSync(join(folder, 'real'))).toEqual(['file']);
  });

  it.skipIf(process.platform === 'win32')('over a file: its permissions stay', async () => {
    const path = join(folder, 'private');
    writeFileSync(path, 'old', { mode: 0o600 });
    await writeAtomically(path, [Uint8Array.of(1)]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o666);
    await writeAtomically(path, [Uint8Array.of(1)]);
    expect(statSync(path).mode & 0o777).toBe(0o666);
  });

  it.skipIf(process.platform === 'win32')('into a pipe: its reader gets the bytes', async () => {
    const path = join(folder, 'pipe');
    spawnSync('mkfifo', [path]);
    const reader = spawn('timeout', ['600', 'cat', path]);
    const closed = once(reader, 'close');
    const read = reader.stdout.setEncoding('latin1').toArray();
    await writeAtomically(path, [Buffer.from('one '), Buffer.from('two')]);
    await closed;
    expect((await read).join('')).toBe('one two');
    expect(statSync(path).isFIFO()).toBe(true);
  });

  it('keeps the words of a system error it does not know', () => {
    expect(fileReason(Object.assign(new Error('odd thing'), { code: 'EODD' }))).toBe('odd thing');
  });
});
