// Builds the native addon with CMake into build/Release/tensorwood.node. Used by `npm start`, `npm test`, `npx tensorwood build` and binding.gyp;
// `cmake-js compile` runs the same CMakeLists.txt. A first argument names another folder that gets a copy of the addon.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

const toolkit = [process.env.CUDA_HOME && join(process.env.CUDA_HOME, 'bin'), '/usr/local/cuda/bin'].filter(Boolean);

/** What is missing, as sentences that name the cure; empty when the build can start. `cuda`: for the CUDA library too. */
export function missingTools({ cuda = false } = {}) {
  const missing = [];
  if (!has('cmake'))
    missing.push(
      'CMake 3.20 or newer is not installed: run `apt-get install cmake` (Debian, Ubuntu), `dnf install cmake` (Fedora) or `pip install cmake`.',
    );
  if (!has(process.env.CXX ?? 'c++')) {
    missing.push(
      'A C++17 compiler is not installed: run `apt-get install g++ make` (Debian, Ubuntu) or `dnf install gcc-c++ make` (Fedora).',
    );
  } else if (!has('ninja') && !has('make')) {
    missing.push('Neither ninja nor make is installed: run `apt-get install ninja-build`.');
  }
  if (cuda && !has('nvcc') && !toolkit.some((folder) => has(join(folder, 'nvcc'))))
    missing.push(
      'nvcc of the CUDA toolkit, 12.8 or newer, is not installed: get it from https://developer.nvidia.com/cuda-downloads, and set CUDA_HOME when it is not in /usr/local/cuda.',
    );
  for (const headers of ['node-addon-api', 'node-api-headers']) {
    try {
      createRequire(join(root, 'package.json')).resolve(`${headers}/package.json`);
    } catch {
      missing.push(`The package ${headers} is not installed: run \`npm install --no-save node-addon-api@8 node-api-headers@1\`.`);
    }
  }
  return missing;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with exit code ${status}`);
}

/**
 * Configures and builds; throws with one sentence a missing tool. `folder` is the build tree; `cuda` builds tensorwood_cuda.so beside the addon.
 * Returns the path of the addon.
 */
export function build({ folder = join(root, 'build'), defines = [], cuda = false } = {}) {
  const missing = missingTools({ cuda });
  if (missing.length > 0) throw new Error(missing.join('\n'));
  const generator = has('ninja') ? ['-G', 'Ninja'] : ['-G', 'Unix Makefiles'];
  run('cmake', [
    '-S',
    root,
    '-B',
    folder,
    ...generator,
    '-DCMAKE_BUILD_TYPE=Release',
    ...(cuda ? ['-DTENSORWOOD_CUDA=ON'] : []),
    ...defines,
  ]);
  run('cmake', ['--build', folder, '--parallel', '--target', 'tensorwood', ...(cuda ? ['tensorwood_cuda'] : [])]);
  return join(folder, 'Release', 'tensorwood.node');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const target = process.argv[2];
    const addon = build(target ? { folder: join(root, 'build', 'cmake') } : {});
    if (target) {
      mkdirSync(target, { recursive: true });
      copyFileSync(addon, join(target, 'tensorwood.node'));
    }
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
