// Making room in the folder of a run: what moves, what stays, and what is refused.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { setAside } from '../../lib/files/set-aside';

const root = mkdtempSync(join(tmpdir(), 'set-aside-'));
afterAll(() => rmSync(root, { recursive: true }));
const products = ['model', 'checkpoints', 'report'];

/** A folder with these files, each with its own path as text. */
function folderWith(name: string, files: readonly string[]): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), file);
  }
  return folder;
}

describe('setAside', () => {
  it('makes the folder, or says at once why it cannot', () => {
    setAside('test', join(root, 'new', 'folder'), products);
    expect(readdirSync(join(root, 'new', 'folder'))).toEqual([]);
    // Node's recursive mkdir would never end here.
    expect(() => setAside('test', '/proc/none/folder', products)).toThrow(
      "test: cannot make the folder '/proc/none/folder': there is no such file",
    );
    const file = join(folderWith('file', ['run']), 'run');
    for (const path of [file, join(file, 'inside')])
      expect(() => setAside('test', path, products)).toThrow(`cannot make the folder '${path}'`);
    expect(() => setAside('test', file, products)).toThrow('there is a file of that name; choose another folder');
    expect(readFileSync(file, 'utf8')).toBe('run');
  });

  it('moves files and folders to previous/, and leaves what is not of the run', () => {
    const folder = folderWith('moves', ['model', 'checkpoints/1', 'notes']);
    setAside('test', folder, products);
    expect(readdirSync(folder).sort()).toEqual(['notes', 'previous']);
    expect(readdirSync(join(folder, 'previous')).sort()).toEqual(['checkpoints', 'model']);
    expect(readFileSync(join(folder, 'previous', 'checkpoints', '1'), 'utf8')).toBe('checkpoints/1');
  });

  it('replaces the whole run before, and nothing else there', () => {
    const folder = folderWith('replaces', ['model', 'previous/model', 'previous/report', 'previous/checkpoints/1', 'previous/notes']);
    setAside('test', folder, products);
    expect(readdirSync(join(folder, 'previous')).sort()).toEqual(['model', 'notes']);
    expect(readFileSync(join(folder, 'previous', 'model'), 'utf8')).toBe('model');
  });

  it('keeps previous/ when there is nothing to move', () => {
    const folder = folderWith('nothing', ['notes', 'previous/model']);
    setAside('test', folder, products);
    expect(readdirSync(join(folder, 'previous'))).toEqual(['model']);
  });

  it('refuses, and moves nothing, when there is no room for previous/', () => {
    const folder = folderWith('blocked', ['model', 'previous']);
    expect(() => setAside('test', folder, products)).toThrow(
      expect.objectContaining({
        code: 'ERR_TENSORWOOD_FILE',
        message: expect.stringContaining(`test: cannot move the earlier run in '${folder}' to '${join(folder, 'previous')}': `),
      }),
    );
    expect(readdirSync(folder).sort()).toEqual(['model', 'previous']);
  });
});
