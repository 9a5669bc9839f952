// `npm run test:native`: the native programs of this folder under sanitizers, and the addon itself under AddressSanitizer in Node.
//   1. thread pool, limits, trees and CSV under TSan    2. programs of the tests, captured as seeds    3. those seeds on three threads under TSan
//   4. 100,000 mutations of them under ASan and UBSan, the tree engine and the CSV reader    5. the scenarios of test/border with a sanitized addon
// Step 4 is the same in every run, so that what fails is the change's doing; TENSORWOOD_FUZZ_RUNS and TENSORWOOD_FUZZ_SEED look further.
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const seeds = join(root, 'build-seeds');
const hasNinja = spawnSync('ninja', ['--version'], { stdio: 'ignore' }).status === 0;

function run(title, command, args, env = {}) {
  const start = Date.now();
  console.log(`-- ${title}`);
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${title}: ${command} ${args.join(' ')} ended with ${signal ?? `exit code ${status}`}`);
  console.log(`-- ${title}: ${((Date.now() - start) / 1000).toFixed(0)} s`);
}

function build(folder, sanitizers, targets, defines = []) {
  const generator = hasNinja ? ['-G', 'Ninja'] : [];
  run(`configure ${folder}`, 'cmake', ['-S', '.', '-B', folder, ...generator, `-DTENSORWOOD_SANITIZE=${sanitizers}`, ...defines]);
  run(`build ${folder}`, 'cmake', ['--build', folder, '--parallel', '--target', ...targets]);
}

const vitest = (...args) => [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args];

try {
  rmSync(seeds, { recursive: true, force: true });
  run('capture seeds', process.execPath, vitest('--config', 'test/native/capture.config.mjs'), { TENSORWOOD_SEEDS: seeds });

  build(
    'build-tsan',
    'thread',
    ['test_threads', 'test_limits', 'fuzz_program', 'test_trees', 'test_mirror', 'test_csv', 'bench_trees'],
    ['-DTENSORWOOD_ISAS=scalar'],
  );
  for (const test of ['test_threads', 'test_limits', 'test_trees', 'test_mirror', 'test_csv'])
    run(test, join(root, 'build-tsan', test), []);
  run('seeds on three threads', join(root, 'build-tsan', 'fuzz_program'), [seeds]);

  build('build-asan', 'address,undefined', ['fuzz_program', 'tensorwood', 'test_trees', 'test_mirror', 'test_csv']);
  const { TENSORWOOD_FUZZ_RUNS = '100000', TENSORWOOD_FUZZ_SEED = '1' } = process.env;
  const fuzzer = join(root, 'build-asan', 'fuzz_program');
  run(`fuzz, seed ${TENSORWOOD_FUZZ_SEED}`, fuzzer, [seeds, TENSORWOOD_FUZZ_RUNS, TENSORWOOD_FUZZ_SEED]);

  run('test_mirror', join(root, 'build-asan', 'test_mirror'), []);
  run('trees and 5,000 damaged models', join(root, 'build-asan', 'test_trees'), ['5000', TENSORWOOD_FUZZ_SEED]);

  run('10,000 random CSV files', join(root, 'build-asan', 'test_csv'), ['10000', TENSORWOOD_FUZZ_SEED]);

  const sanitizer = execFileSync(process.env.CXX ?? 'c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  run('scenarios with a sanitized addon', process.execPath, vitest('test/border/lifecycle.test.ts'), {
    TENSORWOOD_TEST_ADDON: join(root, 'build-asan', 'Release', 'tensorwood.node'),
    TENSORWOOD_TEST_PRELOAD: sanitizer,
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
