// test/native/trees.cpp: the tree engine and its kernels against slow definitions, on every instruction set of this machine.
import { expect, it } from 'vitest';
import { runNative } from './program';

it('the tree engine agrees with its definitions', { timeout: 3_600_000 }, () => {
  expect(runNative('test_trees')).toBe('ok\n');
});
