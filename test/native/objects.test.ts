// The traps of compiling one source for several instruction sets, looked for in the objects themselves: a symbol that the linker may merge with
// that of another set, code that runs before a set is chosen, and instructions that the set does not have.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(__dirname, '..', '..');
const families = readdirSync(join(root, 'native', 'cpu', 'kernels')).map((file) => file.replace(/\.h$/, ''));
const isas = process.arch === 'x64' ? ['scalar', 'avx2', 'avx512'] : ['scalar'];
const objectOf = (family: string, isa: string): string =>
  join(root, 'build', 'CMakeFiles', `kernel_${family}_${isa}.dir`, 'native', 'cpu', 'kernel.cpp.o');

const objects = families.flatMap((family) => isas.map((isa) => ({ family, isa, object: objectOf(family, isa) })));
const run = (command: string, ...args: string[]): string[] =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 30 }).split('\n');

/** Registers that only later sets have. On x86-64 every set has xmm. */
const foreign: Record<string, RegExp> = { scalar: /%[yz]mm|%k[0-7]|\sv[a-z]+\s/, avx2: /%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])/ };

const unbuilt = !existsSync(join(root, 'build', 'CMakeFiles'));

it.skipIf(unbuilt)('every object is there (skipped where the addon was not built here)', () => {
  expect(objects.filter(({ object }) => !existsSync(object))).toEqual([]);
});

describe.each(objects)('$family, $isa', ({ family, isa, object }) => {
  it('has no weak symbol outside its own namespace', ({ skip }) => {
    skip(unbuilt, 'not built here');
    const own = `tensorwood::kernels_${family}_${isa}::`;
    const weak = run('nm', '-C', '--defined-only', object).filter((line) => /^[0-9a-f]* [WVu] /.test(line));
    expect(weak.filter((line) => !line.includes(own))).toEqual([]);
  });

  it('runs nothing when it is loaded', ({ skip }) => {
    skip(unbuilt, 'not built here');
    expect(run('readelf', '-SW', object).filter((line) => /\.(init_array|ctors|preinit_array)\b/.test(line))).toEqual([]);
  });

  it('holds only instructions of its set', ({ skip }) => {
    skip(unbuilt, 'not built here');
    skip(foreign[isa] === undefined, 'the last set of this architecture');
    const code = run('objdump', '-d', '--no-show-raw-insn', object);
    expect(code.length).toBeGreaterThan(20);
    expect(code.filter((line) => line.includes('\t') && foreign[isa]!.test(line)).slice(0, 5)).toEqual([]);
  });
});
