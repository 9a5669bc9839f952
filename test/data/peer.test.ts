// Optional packages: found in the project of the caller, however they export their ES module, and named with the install command when absent.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadPeer, resolvePeer } from '../../lib/data/peer';

let project = '';
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'tensorwood peer '));
  vi.spyOn(process, 'cwd').mockReturnValue(project);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(project, { recursive: true });
});

function writePackage(manifest: object, entry: string): void {
  const home = join(project, 'node_modules', 'a-peer');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'a-peer', type: 'module', ...manifest }));
  writeFileSync(join(home, 'entry.js'), entry);
}

describe('optional packages', () => {
  it('that are not installed are named with the install command', async () => {
    const refusal = /reader: needs the package no-such-package.*npm install no-such-package/;
    expect(() => resolvePeer('reader', 'no-such-package', 'package.json')).toThrowError(refusal);
    await expect(loadPeer('reader', 'no-such-package')).rejects.toThrow(refusal);
  });

  it('that miss a package of their own are not taken for absent', async () => {
    writePackage({ exports: './entry.js' }, "import 'another-peer';");
    await expect(loadPeer('reader', 'a-peer')).rejects.toThrow(/Cannot find (package|module) 'another-peer'/);
  });

  it.each([
    ['conditions', { exports: { '.': { browser: './no.js', default: { types: './no.d.ts', import: './entry.js' } } } }],
    ['one file', { exports: './entry.js' }],
    ['a main file', { main: 'entry.js' }],
  ])('are found in the project of the caller, by %s', async (_, manifest) => {
    writePackage(manifest, 'export const answer = 42;');
    expect(await loadPeer('reader', 'a-peer')).toMatchObject({ answer: 42 });
    expect(resolvePeer('reader', 'a-peer', 'entry.js')).toBe(join(project, 'node_modules', 'a-peer', 'entry.js'));
  });
});
