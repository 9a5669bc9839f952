// Executes the CUDA sources where there is no GPU: builds them for the host shim, compares every kernel with the CPU's under several seeds, under address
// and thread sanitizer, and proves by planted bugs that the detectors see; with nvcc (found, or installed from its wheels) compiles everything for real
// GPUs without warnings or spills. `--gpu` runs the same cases on the GPU of this machine instead.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const build = join(root, 'build');
const onGpu = process.argv.includes('--gpu');
let failures = 0;

function run(command, args, environment = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...environment }, maxBuffer: 1 << 28 });
  return { code: result.status ?? 1, text: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}` };
}

function must(command, args, environment) {
  const { code, text } = run(command, args, environment);
  if (code !== 0) {
    console.error(text);
    throw new Error(`${command} ended with exit code ${code}`);
  }
  return text;
}

function report(name, ok, text) {
  if (!ok) failures++;
  console.log(`${ok ? 'ok' : 'FAIL'} ${name}`);
  if (!ok) console.log(text.split('\n').slice(-40).join('\n'));
}

const lastLine = (text) => text.trim().split('\n').at(-1);
const executable = (name) => join(build, 'test', 'cuda', name);

function checkShim() {
  must('cmake', ['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release']);
  must('cmake', ['--build', build, '--parallel', '--target', 'cuda_cases', 'tensorwood_cuda_host']);
  const modes = { cuda_cases_plain: 8, cuda_cases_asan: 4, cuda_cases_tsan: 4 };
  for (const [name, seeds] of Object.entries(modes)) {
    for (let seed = 0; seed < seeds; seed++) {
      const { code, text } = run(executable(name), [], { TENSORWOOD_SEED: String(seed) });
      report(`${name} seed ${seed}: ${lastLine(text)}`, code === 0, text);
    }
  }
  const library = join(build, 'Release', 'tensorwood_cuda_host.so');
  const addon = run('npx', ['--no-install', 'vitest', 'run', 'test/cuda'], { TENSORWOOD_CUDA_LIBRARY: library });
  report('a compiled step and forests run on the shim', addon.code === 0 && /6 passed/.test(addon.text), addon.text);
  // [executable, cases, what the detector must say]
  const planted = [
    ['cuda_plant_barrier_plain', 'layer_norm', /FAIL/],
    ['cuda_plant_barrier_tsan', 'layer_norm', /data race/],
    ['cuda_plant_bounds_asan', 'layer_norm f32', /heap-buffer-overflow/],
    ['cuda_plant_zeroing_tsan', 'histogram', /data race/],
    ['cuda_plant_return_plain', 'layer_norm f32 37', /host shim: .*returned/],
  ];
  for (const [name, filter, expected] of planted) {
    const { code, text } = run(executable(name), [filter], { TENSORWOOD_SEED: '1' });
    report(`${name} is seen: ${expected}`, code !== 0 && expected.test(text), text);
  }
}

/** The folder of nvcc: on the path, under CUDA_HOME, or in the virtual environment that this function makes from NVIDIA's wheels. */
function findNvcc() {
  const named = [process.env.CUDA_HOME, '/usr/local/cuda'].filter(Boolean).map((home) => join(home, 'bin'));
  const known = named.find((folder) => existsSync(join(folder, 'nvcc')));
  if (known || run('nvcc', ['--version']).code === 0) return known ?? '';
  const home = join(homedir(), '.cache', 'tensorwood', 'nvcc');
  const inWheels = () => {
    const lib = join(home, 'lib');
    if (!existsSync(lib)) return undefined;
    const python = readdirSync(lib).find((name) => name.startsWith('python'));
    const bin = join(lib, python ?? '', 'site-packages', 'nvidia', 'cu13', 'bin');
    return existsSync(join(bin, 'nvcc')) ? bin : undefined;
  };
  if (inWheels()) return inWheels();
  console.log('installing nvcc from its wheels');
  const wheels = ['nvcc', 'crt', 'cccl', 'runtime', 'cuobjdump'].map((part) => `nvidia-cuda-${part}`).concat('nvidia-nvvm');
  const made = run('python3', ['-m', 'venv', home]).code === 0 && run(join(home, 'bin', 'pip'), ['install', '-q', ...wheels]).code === 0;
  return made ? inWheels() : undefined;
}

function buildForGpus() {
  const nvcc = findNvcc();
  if (nvcc === undefined) {
    console.log('skipped: nvcc is not installed and its wheels could not be had');
    return false;
  }
  const path = { PATH: `${nvcc}:${process.env.PATH}` };
  must('cmake', ['-S', root, '-B', build, '-DTENSORWOOD_CUDA=ON', '-DCMAKE_BUILD_TYPE=Release'], path);
  must('cmake', ['--build', build, '--parallel', '--target', 'tensorwood_cuda'], path);
  const logs = readdirSync(join(build, 'cuda')).filter((name) => name.endsWith('.log'));
  for (const name of logs) {
    const text = readFileSync(join(build, 'cuda', name), 'utf8');
    const kernels = text.match(/spill stores/g)?.length ?? 0;
    report(
      `${name.replace('.o.log', '.cu')}: sm_80, sm_90, sm_120 and PTX, ${kernels} compilations without warnings or spills`,
      !/warning|[1-9]\d* bytes spill/.test(text),
      text,
    );
  }
  const needed = run('ldd', [join(build, 'Release', 'tensorwood_cuda.so')]).text;
  report('tensorwood_cuda.so links no CUDA library', !/libcuda|libcudart|libcublas/.test(needed), needed);
  return true;
}

function checkGpu() {
  if (!buildForGpus()) throw new Error('the cases cannot be built without nvcc');
  must('cmake', ['--build', build, '--parallel', '--target', 'cuda_cases_gpu']);
  const { code, text } = run(join(build, 'cuda_cases_gpu'), []);
  console.log(text.trim());
  if (code !== 0 || /^skipped/m.test(text)) failures++;
}

try {
  if (onGpu) {
    checkGpu();
  } else {
    checkShim();
    buildForGpus();
  }
} catch (error) {
  console.error(error.message);
  failures++;
}
process.exitCode = failures === 0 ? 0 : 1;
