// Builds a native test program in the build folder and runs it; what it prints comes back, and a failure is thrown with all it said.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

export function runNative(target: string, args: readonly string[] = []): string {
  run('cmake', ['-S', '.', '-B', 'build']);
  run('cmake', ['--build', 'build', '--target', target]);
  return run(join(root, 'build', target), args);
}
