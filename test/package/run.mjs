// Publishes the package to a registry on the loopback and installs it from there with every package manager, with and without a lock file and scripts;
// then programs of each kind use it, its sources are built, and publint and attw look at it. Run after a build: npm run test:package (-- npm yarn: those only)
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, write } from './commands.mjs';
import { managers, testManager } from './managers.mjs';
import { pack, publish, refuseWithout } from './publish.mjs';
import { startRegistry } from './registry.mjs';

const work = mkdtempSync(join(tmpdir(), 'tensorwood package '));
const parts = process.argv.slice(2);
const isChosen = (name) => parts.length === 0 || parts.some((part) => name.startsWith(part));

/** Where no prebuilt library fits: `npx tensorwood build` from the tarball. */
async function testBuild(url) {
  const folder = join(work, 'build from source');
  write(folder, 'package.json', { private: true });
  write(folder, '.npmrc', `registry=${url}/\n`);
  await run(folder, 'npm', ['install', '--no-audit', '--no-fund', 'tensorwood', 'node-addon-api@8', 'node-api-headers@1']);
  const home = join(folder, 'node_modules', 'tensorwood');
  const tensorwood = (command, env) => run(folder, 'npx', ['--no-install', 'tensorwood', command], env);
  rmSync(join(home, 'prebuilds'), { recursive: true });
  await assert.rejects(tensorwood('devices'), /no such file\nRun: npx tensorwood build/);
  assert.match(await tensorwood('build', { CCACHE_BASEDIR: home, CCACHE_NOHASHDIR: '1' }), /built .*tensorwood\.node \(/);
  assert.match(await tensorwood('devices'), /cpu/);
  console.log('ok npx tensorwood build, from the tarball');
}

/** Two at a time. */
async function testManagers(url) {
  const found = managers.filter(({ name }) => isChosen(name)).map((manager) => ({ manager, lines: [] }));
  const waiting = [...found];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name } = next.manager;
      try {
        next.lines = await testManager(work, url, next.manager);
        console.log(`ok ${name}`);
      } catch (error) {
        next.lines = [[name, '', 'FAILED', error.message.split('\n')[0]]];
        console.error(error);
        process.exitCode = 1;
      }
    }
  };
  await Promise.all([lane(), lane()]);
  return found.flatMap(({ lines }) => lines);
}

function print(lines) {
  const widths = [0, 1, 2].map((i) => Math.max(...lines.map((line) => line[i].length)));
  console.log('\nINSTALL MATRIX (manager, its version, what was done, what was shown after it)');
  for (const line of lines) console.log(line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
}

const registry = await startRegistry();
try {
  const tarball = await pack(work);
  await refuseWithout(work, registry);
  await publish(registry);
  const lines = await testManagers(registry.url);
  if (isChosen('build')) await testBuild(registry.url);
  for (const [tool, ...args] of [['publint', '--strict'], ['attw']]) {
    await run(root, 'npx', ['--no-install', tool, ...args, tarball]);
    console.log(`ok ${tool}`);
  }
  if (lines.length > 0) print(lines);
} finally {
  registry.close();
  rmSync(work, { recursive: true, force: true });
}
