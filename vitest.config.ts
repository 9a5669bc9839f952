import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    include: ['test/**/*.test.ts'],
    // The arena is filled with NaN before each run: a kernel that reads what it was not given shows.
    env: { TENSORWOOD_POISON: '1' },
  },
});
