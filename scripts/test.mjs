// `npm test`: sets up, then runs the tests; arguments go to vitest (npm test -- test/data).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, runMain, setUp } from './setup.mjs';

await runMain(async () => {
  await setUp();
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
});
