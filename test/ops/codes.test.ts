// The numbers that programs carry, in the list of each side: lib's tables and native/core/codes.h.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { instructions } from '../../lib/ops/elementwise';
import { activations } from '../../lib/ops/matmul';

const root = join(__dirname, '../..');
const text = readFileSync(join(root, 'native/core/codes.h'), 'utf8');

/** The names of an enumeration by their numbers. */
function namesOf(enumeration: string): string[] {
  const body = new RegExp(`enum (?:class )?${enumeration} : \\w+ \\{([^}]*)\\}`).exec(text)?.[1] ?? '';
  return body.split(',').map((name) => name.trim());
}
const byNumber = (codes: Record<string, number>): string[] => Object.keys(codes).sort((a, b) => codes[a]! - codes[b]!);
/** gelu_tanh -> kGeluTanh */
const constantOf = (name: string): string => `k_${name}`.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

it('instructions of the elementwise machine', () => {
  const codes = Object.fromEntries(Object.entries(instructions).map(([name, { code }]) => [name, code]));
  expect(Object.values(codes).sort((a, b) => a - b)).toEqual(Object.keys(codes).map((_, i) => i));
  expect(namesOf('InstructionCode')).toEqual([...byNumber(codes).map(constantOf), 'kCodes']);
});

it('activations of linear', () => {
  expect(Object.values(activations)).toEqual([0, 1, 2, 3]);
  expect(namesOf('Activation')).toEqual(byNumber(activations));
});

it('no back-end has a list of its own', () => {
  const found = execFileSync('git', ['grep', '--untracked', '-lE', '\\bkGeluTanhDerivative,|enum class Activation', '--', 'native'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(found.trim().split('\n')).toEqual(['native/core/codes.h']);
});
