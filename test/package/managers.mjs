// Package managers, and what is asked of each: to install the package with and without a lock file and with and without scripts, never building it.
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, nodeOf, run, write } from './commands.mjs';
import { checkTypes, runProgram, writePrograms } from './consumers.mjs';

const npm = [
  ['install', ['install', 'tensorwood']],
  ['install by the lock file', ['install']],
  ['ci', ['ci']],
  ['rebuild', ['rebuild'], { keep: true }],
  ['install without scripts', ['install', '--ignore-scripts']],
  ['ci without scripts', ['ci', '--ignore-scripts']],
];
const pnpm = [
  ['add', ['add', 'tensorwood']],
  ['install by the lock file', ['install', '--frozen-lockfile']],
  ['rebuild', ['rebuild'], { keep: true }],
  ['install without scripts', ['install', '--frozen-lockfile', '--ignore-scripts']],
];
const yarnClassic = [
  ['add', ['add', 'tensorwood']],
  ['install by the lock file', ['install', '--frozen-lockfile']],
  ['install without scripts', ['install', '--frozen-lockfile', '--ignore-scripts']],
];
const yarnModern = [
  ['add', ['add', 'tensorwood', 'mnist', 'hyparquet']],
  ['install by the lock file', ['install', '--immutable']],
  ['rebuild', ['rebuild'], { keep: true }],
  ['install without scripts', ['install', '--immutable'], { env: { YARN_ENABLE_SCRIPTS: 'false' } }],
];

/** `node`: the version that this manager needs; Yarn's Plug'n'Play runs programs itself, and TypeScript 7 does not read it. */
export const managers = [
  { name: 'npm 10', install: 'npm@10', bin: 'npm/bin/npm-cli.js', steps: npm },
  { name: 'npm 11', install: 'npm@11', bin: 'npm/bin/npm-cli.js', steps: npm },
  { name: 'npm 12', install: 'npm@12', bin: 'npm/bin/npm-cli.js', steps: npm, node: '22' },
  { name: 'pnpm 9', install: 'pnpm@9', bin: 'pnpm/bin/pnpm.cjs', steps: pnpm },
  { name: 'pnpm 10', install: 'pnpm@10', bin: 'pnpm/bin/pnpm.cjs', steps: pnpm },
  { name: 'pnpm 11', install: 'pnpm@11', bin: 'pnpm/bin/pnpm.mjs', steps: pnpm, node: '22' },
  { name: 'pnpm 12', install: 'pnpm@12', bin: 'pnpm/bin/pnpm.mjs', steps: pnpm },
  { name: 'yarn 1', install: 'yarn@1', bin: 'yarn/bin/yarn.js', steps: yarnClassic },
  {
    name: 'yarn 4, node_modules',
    install: '@yarnpkg/cli-dist@4',
    bin: '@yarnpkg/cli-dist/bin/yarn.js',
    steps: yarnModern,
    linker: 'node-modules',
  },
  { name: 'yarn 4, PnP', install: '@yarnpkg/cli-dist@4', bin: '@yarnpkg/cli-dist/bin/yarn.js', steps: yarnModern, linker: 'pnp' },
];

/** A project of its own, with the settings that send its manager to the registry. */
function createProject(work, manager, url) {
  const folder = join(work, manager.name.replaceAll(/\W+/g, '-'));
  write(folder, 'package.json', { name: 'consumer', version: '1.0.0', private: true });
  write(folder, '.npmrc', `registry=${url}/\naudit=false\nfund=false\nupdate-notifier=false\nstore-dir=${folder}/store\n`);
  write(folder, '.yarnrc', `registry "${url}/"\n`);
  if (manager.linker !== undefined) {
    write(
      folder,
      '.yarnrc.yml',
      `npmRegistryServer: "${url}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nnodeLinker: ${manager.linker}\nenableTelemetry: false\nnpmMinimalAgeGate: 0\npnpEnableEsmLoader: true\nenableGlobalCache: false\n`,
    );
    write(folder, 'yarn.lock', '');
  }
  writePrograms(folder);
  const home = join(folder, 'home');
  return {
    folder,
    env: {
      HOME: home,
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_DATA_HOME: join(home, 'data'),
      XDG_STATE_HOME: join(home, 'state'),
      npm_config_cache: join(home, 'npm'),
    },
  };
}

/** Installs as one step says; the package must come as it was packed, with nothing run in it. */
async function install({ folder, env }, launch, [name, args, { keep = false, env: more = {} } = {}]) {
  if (!keep)
    for (const rest of ['node_modules', '.pnp.cjs', '.yarn/unplugged', '.yarn/install-state.gz'])
      rmSync(join(folder, rest), { recursive: true, force: true });
  const output = await run(folder, launch[0], [...launch.slice(1), ...args], { ...env, ...more });
  assert.doesNotMatch(output, /gyp|Ignored build scripts|must be built/i, `${name}: nothing is built`);
  const installed = join(folder, 'node_modules', 'tensorwood');
  if (existsSync(installed)) {
    assert.ok(!existsSync(join(installed, 'build')), `${name}: nothing was built`);
    assert.ok(!existsSync(join(installed, 'binding.gyp')), `${name}: no binding.gyp came along`);
  }
}

/** Puts a manager through its steps. Returns a line for each of what was shown. */
export async function testManager(work, url, manager) {
  const node = manager.node === undefined ? process.execPath : await nodeOf(manager.node);
  const home = await cached(join('managers', manager.install.replaceAll('/', '+')), [manager.install]);
  const launch = [node, join(home, 'node_modules', manager.bin)];
  const project = createProject(work, manager, url);
  const version = (await run(project.folder, launch[0], [...launch.slice(1), '--version'], project.env)).trim();
  const programs = { node, env: project.env, ...(manager.linker === 'pnp' ? { launch: [...launch, 'node'] } : {}) };
  const lines = [];
  for (const step of manager.steps) {
    await install(project, launch, step);
    await runProgram(project.folder, 'use.cjs', programs);
    lines.push([manager.name, version, step[0], 'runs (CJS)']);
  }
  await runProgram(project.folder, 'use.mjs', programs);
  const shown = ['ESM'];
  if (manager.linker !== undefined) {
    await runProgram(project.folder, 'peers.mjs', programs);
    shown.push('optional packages');
  }
  if (manager.linker !== 'pnp') shown.push(`types: ${(await checkTypes(project.folder)).join(', ')}`);
  lines.push([manager.name, version, 'then', shown.join(', ')]);
  return lines;
}
