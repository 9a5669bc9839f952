// Formats the C++ and CUDA sources with clang-format, or with --check says which are not formatted.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('git', ['ls-files', 'native', 'test', 'bench'], { encoding: 'utf8' });
const files = stdout.split('\n').filter((f) => /\.(h|cpp|cu|cuh)$/.test(f));
const check = process.argv.includes('--check');
const result = spawnSync('clang-format', [...(check ? ['--dry-run', '--Werror'] : ['-i']), ...files], { stdio: 'inherit' });
if (result.error) {
  console.error('clang-format is not installed: run `apt-get install clang-format`.');
  process.exitCode = 1;
} else {
  process.exitCode = result.status ?? 1;
}
