// test/native/{trees,mirror}.cpp: the tree engine and its kernels against slow definitions, on every instruction set of this machine, and growth on two
// devices.
import { expect, it } from 'vitest';
import { runNative } from './program';

it.each([
  ['the tree engine agrees with its definitions', 'test_trees'],
  ['another device sums histograms to the same forests', 'test_mirror'],
])('%s', { timeout: 3_600_000 }, (_, program) => {
  expect(runNative(program)).toBe('ok\n');
});
