// Builds and runs test/native/math.cpp for each instruction set of this machine. TENSORWOOD_MATH_STRIDE=1 tries every float (minutes).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(__dirname, '../..');
const flags: Record<string, string[]> = { scalar: [], avx2: ['avx2', 'fma'], avx512: ['avx512f', 'avx512bw', 'avx512vl', 'avx512dq'] };
const cpu = new Set(
  readFileSync('/proc/cpuinfo', 'utf8')
    .match(/^flags.*$/m)?.[0]
    .split(' ') ?? [],
);

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

describe.each(Object.keys(flags))('vector math, %s', (isa) => {
  const absent = flags[isa]!.filter((flag) => !cpu.has(flag));
  it.skipIf(absent.length > 0)('keeps its error bounds', { timeout: 3_600_000 }, () => {
    run('cmake', ['-S', '.', '-B', 'build']);
    run('cmake', ['--build', 'build', '--target', `math_${isa}`]);
    expect(run(join(root, 'build', `math_${isa}`), [process.env.TENSORWOOD_MATH_STRIDE ?? '1009'])).not.toContain('FAILED');
  });
});
