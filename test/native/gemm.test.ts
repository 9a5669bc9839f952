// The micro-kernels as machine code: the loop over k holds one multiply-add for each accumulator and never touches the stack. A compiler that spills
// accumulators halves the rate without failing any other test.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(__dirname, '../..');
const objdump = spawnSync('objdump', ['--version']).status === 0;

interface Loop {
  readonly name: string; // micro<rows, vectors, height, width>
  readonly accumulators: number;
  readonly body: readonly string[];
}

const addressOf = (line: string): number => Number.parseInt(line, 16);

/** The innermost loop of a function that multiplies: from the target of a backward jump to the jump. */
function findLoop(lines: readonly string[]): string[] {
  const isMultiply = (line: string) => /\b(vfn?madd|vdpbf16)/.test(line);
  for (let end = 0; end < lines.length; end++) {
    const jump = /\bj[a-z]+\s+([0-9a-f]+)/.exec(lines[end]!);
    const target = jump ? Number.parseInt(jump[1]!, 16) : Number.POSITIVE_INFINITY;
    const start = lines.findIndex((line) => addressOf(line) === target);
    if (start >= 0 && start < end && lines.slice(start, end).some(isMultiply)) return lines.slice(start, end + 1);
  }
  return [];
}

function disassemble(isa: string): Loop[] {
  const run = (command: string, args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 30 });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stderr}`);
    return stdout;
  };
  run('cmake', ['-S', '.', '-B', 'build']);
  run('cmake', ['--build', 'build', '--target', `kernel_matmul_${isa}`]);
  const object = join('build', 'CMakeFiles', `kernel_matmul_${isa}.dir`, 'native', 'cpu', 'kernel.cpp.o');
  const listing = run('objdump', ['-d', '-C', '--no-show-raw-insn', object]);
  return [...listing.matchAll(/^[0-9a-f]+ <[^\n]*\bmicro<(.*?)(\d+), (\d+), \d+, \d+>[^\n]*>:\n((?: +[^\n]+\n)+)/gm)].map(
    ([, step, rows, vectors, code]) => ({
      name: `${step!.includes('Pair') ? 'pairs, ' : ''}${rows} rows, ${vectors} vectors`,
      accumulators: Number(rows) * Number(vectors),
      body: findLoop(code!.split('\n').map((line) => line.trim())),
    }),
  );
}

describe.skipIf(process.arch !== 'x64' || !objdump)('micro-kernels (skipped without objdump, or on another architecture than x64)', () => {
  it.each([
    ['avx2', 12],
    ['avx512', 104],
  ])('keep their accumulators in registers, %s', (isa, count) => {
    const loops = disassemble(isa);
    expect(loops.length).toBe(count);
    for (const { name, accumulators, body } of loops) {
      const multiplies = body.filter((line) => /\b(vfn?madd\w+|vdpbf16)ps\b/.test(line)).length;
      expect(multiplies, name).toBeGreaterThan(0);
      expect(multiplies % accumulators, name).toBe(0);
      expect(
        body.filter((line) => /\(%r[sb]p\b/.test(line)),
        name,
      ).toEqual([]);
    }
  });
});
