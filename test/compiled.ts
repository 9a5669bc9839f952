// The library as JavaScript, for tests that need a process of their own (to kill it, to fill its disk): compiled once a test file into a temporary
// folder that also shows the native build where the loader looks for it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..');

/** Compiles lib and returns the folder with its JavaScript, and a function that removes it. */
export function compileLib(): { folder: string; remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'tensorwood-'));
  const folder = join(home, 'dist');
  execFileSync(process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    ...['-p', join(root, 'tsconfig.build.json'), '--outDir', folder, '--declaration', 'false'],
  ]);
  symlinkSync(join(root, 'build'), join(home, 'build'));
  symlinkSync(join(root, 'package.json'), join(home, 'package.json'));
  return { folder, remove: () => rmSync(home, { recursive: true }) };
}
