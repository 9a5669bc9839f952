import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // For what would never end: no test depends on how fast the machine is.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    include: ['test/**/*.test.ts'],
    // The arena is filled with NaN before each run: a kernel that reads what it was not given shows.
    env: { TENSORWOOD_POISON: '1' },
  },
});
