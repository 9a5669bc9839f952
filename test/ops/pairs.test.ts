// Products of bf16 where the instruction set multiplies pairs: which way is taken is measured once in a process, or decided by
// TENSORWOOD_PAIRS. The two ways are told apart by a number below the normal ones, which the instruction takes for 0.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addonPaths, native } from '../../lib/native';
import { compileCase } from './case';
import { definitions } from './matmul';

const addon = addonPaths().find((path) => existsSync(path))!;
const [denormal, large] = [0x0040, 0x7e80]; // 2^-127, 2^126
const data = [Uint16Array.of(denormal), Uint16Array.of(large)];
const signatures = data.map(() => ({ shape: [1, 1], dtype: 'bf16' as const }));
const sample = { name: 'denormal', inputs: signatures, attributes: {} };

/** The bits of the product in a process with this environment. */
function multiply(environment: Record<string, string>): number {
  const { bytes } = compileCase(definitions.matmul!, sample, { signatures, data, seen: signatures }, 'dense');
  const script = `
    const addon = require(${JSON.stringify(addon)});
    const program = addon.loadProgram(addon.createRuntime('cpu', 1, 'avx512'), Uint8Array.from(${JSON.stringify([...bytes])}));
    const result = new Uint16Array(1);
    addon.runProgramSync(program, [], [Uint16Array.of(${denormal}), Uint16Array.of(${large})], [result]);
    console.log(result[0]);`;
  return Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', env: { ...process.env, ...environment } }));
}

describe.skipIf(!native().describe().isas.includes('avx512'))('TENSORWOOD_PAIRS (skipped without avx512)', () => {
  it('0 widens bf16 to f32', () => expect(multiply({ TENSORWOOD_PAIRS: '0' })).toBe(0x3f00));
  it('1 multiplies pairs', () => expect(multiply({ TENSORWOOD_PAIRS: '1' })).toBe(0));
});
