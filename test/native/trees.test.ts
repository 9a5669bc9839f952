// Builds and runs test/native/trees.cpp: the tree engine and its kernels against slow definitions, on every instruction set of this machine.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(__dirname, '../..');

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

it('the tree engine agrees with its definitions', { timeout: 3_600_000 }, () => {
  run('cmake', ['-S', '.', '-B', 'build']);
  run('cmake', ['--build', 'build', '--target', 'test_trees']);
  expect(run(join(root, 'build', 'test_trees'), [])).toBe('ok\n');
});
