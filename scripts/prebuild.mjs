// `npm run prebuild`: puts the native library that the package carries into prebuilds/<platform>-<arch>: CMake's own result, so that its kernels are those
// that the tests ran, without its symbols. `npm pack` does the same first; `npm publish` begins with `--check`, which refuses without it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOfAddon, here, isStamped, root, runMain, SetupError, setUp, writeStamp } from './setup.mjs';

/** Every platform that a published version serves without a compiler. */
const published = ['linux-x64'];
const addonOf = (target) => join(root, 'prebuilds', target, 'tensorwood.node');
const stampOf = (target) => join(root, 'prebuilds', target, '.sources');

function strip(file) {
  const { status, error } = spawnSync('strip', ['--strip-unneeded', file], { stdio: 'inherit' });
  if (status !== 0) throw new SetupError(`strip failed${error ? ` (${error.message})` : ''}: run \`apt-get install binutils\`.`);
}

async function prebuild() {
  await setUp();
  const print = fingerprintOfAddon(here);
  if (existsSync(addonOf(here)) && isStamped(stampOf(here), print)) return;
  const draft = `${addonOf(here)}.${process.pid}`;
  mkdirSync(join(root, 'prebuilds', here), { recursive: true });
  try {
    copyFileSync(join(root, 'build', 'Release', 'tensorwood.node'), draft);
    if (process.platform === 'linux') strip(draft);
    renameSync(draft, addonOf(here));
  } finally {
    rmSync(draft, { force: true });
  }
  writeStamp(stampOf(here), print);
  console.error(`prebuilt ${addonOf(here)}`);
}

function check() {
  for (const target of published) {
    const cure = `Run: npm run prebuild (on ${target})`;
    if (!existsSync(addonOf(target)))
      throw new SetupError(`publish: expected prebuilds/${target}/tensorwood.node, got no such file. ${cure}`);
    if (!isStamped(stampOf(target), fingerprintOfAddon(target)))
      throw new SetupError(
        `publish: expected prebuilds/${target}/tensorwood.node to be of the sources as they are, got one of others. ${cure}`,
      );
  }
}

await runMain(process.argv.includes('--check') ? check : prebuild);
