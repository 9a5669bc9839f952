// Runs the tests whose programs fuzz_program starts from. Used by run.mjs.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    include: [
      'test/ops/**/*.test.ts',
      'test/optim/**/*.test.ts',
      'test/executor/*.test.ts',
      'test/border/step.test.ts',
      'test/native.test.ts',
    ],
    env: { TENSORWOOD_POISON: '1' },
    setupFiles: [fileURLToPath(new URL('capture.ts', import.meta.url))],
  },
});
