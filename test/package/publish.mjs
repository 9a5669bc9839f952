// Publishing: what the tarball and the registry's document hold, and that a clone without a prebuilt library is refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, write } from './commands.mjs';

const needed = [
  'dist/index.js',
  'dist/index.mjs',
  'dist/cli/main.js',
  `prebuilds/${process.platform}-${process.arch}/tensorwood.node`,
  'scripts/build.mjs',
  'CMakeLists.txt',
  'native/core/kernel.h',
];

/** `npm pack` of a built clone. Returns the path of the tarball. */
export async function pack(work) {
  await run(root, 'npm', ['pack', '--pack-destination', work]);
  const tarball = join(
    work,
    readdirSync(work).find((file) => file.endsWith('.tgz')),
  );
  const files = (await run(work, 'tar', ['-tzf', tarball]))
    .trim()
    .split('\n')
    .map((path) => path.replace('package/', ''));
  const stray = files.filter((path) => /^(test|bench|lib|node_modules|build|runs)\/|\.gypi?$|\/\./.test(path));
  assert.deepEqual(stray, [], 'the tarball carries only what its users need, and nothing that an installer would run');
  for (const path of needed) assert.ok(files.includes(path), `${path} is packed`);
  console.log(
    `ok npm pack: ${files.length} files, ${(statSync(tarball).size / 1e6).toFixed(2)} MB, with the prebuilt library, without binding.gyp`,
  );
  return tarball;
}

const tokenFor = (url) => [`--registry=${url}/`, `--${url.replace('http:', '')}/:_authToken=loopback`];

/** `npm publish`, as one would. */
export async function publish({ url, published }) {
  await run(root, 'npm', ['publish', ...tokenFor(url)]);
  const [manifest] = Object.values(published.get('tensorwood').versions);
  const atInstall = ['preinstall', 'install', 'postinstall'].filter((name) => name in manifest.scripts);
  assert.deepEqual(atInstall, [], 'nothing is run at install');
  assert.notEqual(manifest.gypfile, true);
  assert.equal(manifest.dependencies, undefined, 'no run-time dependencies');
  const [{ data }] = Object.values(published.get('tensorwood')._attachments);
  const sum = createHash('sha512').update(Buffer.from(data, 'base64')).digest('base64');
  assert.equal(manifest.dist.integrity, `sha512-${sum}`);
  console.log(`ok npm publish to ${url}`);
}

/** A clone in which \`npm run prebuild\` has not run, or ran before the sources changed, is refused in one sentence. */
export async function refuseWithout(work, { url, published }) {
  const clone = join(work, 'clone');
  for (const part of ['package.json', 'CMakeLists.txt', 'scripts', 'native', 'prebuilds'])
    cpSync(join(root, part), join(clone, part), { recursive: true });
  write(clone, 'native/core/another.h', '// a source that the prebuilt library is not of\n');
  const attempt = () => run(clone, 'npm', ['publish', ...tokenFor(url)]);
  await assert.rejects(
    attempt(),
    /publish: expected prebuilds\/linux-x64\/tensorwood\.node to be of the sources as they are, got one of others\. Run: npm run prebuild/,
  );
  rmSync(join(clone, 'prebuilds'), { recursive: true });
  await assert.rejects(attempt(), /publish: expected prebuilds\/linux-x64\/tensorwood\.node, got no such file\. Run: npm run prebuild/);
  assert.equal(published.size, 0);
  rmSync(clone, { recursive: true });
  console.log('ok npm publish without the prebuilt library is refused');
}
