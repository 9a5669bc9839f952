// The kernels of tree ensembles one by one, on one thread and on two, each beside a floor measured in the same process: a plain loop over the same memory
// that adds one a value (histogram), sums what is read (split, partition, predict), or copies (bins). kernels.cpp measures.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { native } = createRequire(import.meta.url)('../../dist/native.js');
let built = false;

function build() {
  if (built) return;
  execFileSync('cmake', ['-S', '.', '-B', 'build'], { cwd: root, stdio: 'pipe' });
  execFileSync('cmake', ['--build', 'build', '--parallel', '--target', 'bench_trees'], { cwd: root, stdio: 'pipe' });
  built = true;
}

function prepare(kernel, threads) {
  build();
  let last;
  return {
    async measure() {
      last = JSON.parse(execFileSync(join(root, 'build', 'bench_trees'), [kernel, String(threads)], { encoding: 'utf8' }));
      return last.value;
    },
    baselines: { floor: async () => last.floor },
  };
}

const units = {
  'histogram-root': 'ns a row and feature',
  'histogram-scattered': 'ns a row and feature',
  split: 'ns a bin',
  'partition-root': 'ns a row',
  'partition-scattered': 'ns a row',
  predict: 'ns a row and tree',
  bins: 'ns a value',
};
const counts = native().describe().cores > 1 ? [1, 2] : [1];

export const cases = Object.entries(units).flatMap(([kernel, unit]) =>
  counts.map((threads) => ({
    name: `kernel ${kernel}, ${threads} thread${threads > 1 ? 's' : ''}`,
    unit,
    better: 'less',
    compare: { floor: null },
    prepare: () => prepare(kernel, threads),
  })),
);
