// `npm run test:arm64`: the addon builds for Linux on arm64, scalar kernels alone, without a warning. Needs Debian's cross compiler.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const folder = join(root, 'build-arm64');
const compiler = 'aarch64-linux-gnu-g++';

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { ok: status === 0, text: `${stdout ?? ''}${stderr ?? ''}` };
}

function build() {
  const generator = run('ninja', '--version').ok ? ['-G', 'Ninja'] : [];
  const target = ['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${compiler}`];
  const configured = run('cmake', '-S', '.', '-B', folder, ...generator, ...target);
  return configured.ok ? run('cmake', '--build', folder, '--parallel', '--target', 'tensorwood') : configured;
}

if (!run(compiler, '--version').ok) {
  console.log(`skipped: ${compiler} is not installed: run apt-get install g++-aarch64-linux-gnu`);
  if (process.env.CI) process.exitCode = 1; // .ci/run installs it
} else {
  const { ok, text } = build();
  const clean = ok && !/warning:/.test(text);
  console.log(clean ? 'ok tensorwood.node for arm64 builds without warnings' : text);
  if (!clean) process.exitCode = 1;
}
