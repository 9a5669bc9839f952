// test/native/csv.cpp: random CSV files say the same in one block and in many.
import { expect, it } from 'vitest';
import { runNative } from './program';

it('the CSV reader does not depend on where its blocks meet', { timeout: 3_600_000 }, () => {
  expect(runNative('test_csv', ['2000'])).toBe('ok\n');
});
