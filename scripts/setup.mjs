// Makes a fresh clone ready: packages, native addon, compiled TypeScript. Each step leaves a stamp of what it was made from, so that a second call does
// nothing. Used by `npm start` and `npm test`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);

/** A failure that one sentence explains; its stack would not help. */
export class SetupError extends Error {}

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  return names.flatMap((name) => filesBelow(join(path, name)));
}

/** The platform and processor of this machine, as Node names them. */
export const here = `${process.platform}-${process.arch}`;

/** Of the files that something for `target` is made from. */
export function fingerprint(target, ...parts) {
  const hash = createHash('sha256').update(`${target}\n`);
  for (const file of parts.flatMap((part) => filesBelow(at(part)))) {
    const content = readFileSync(file);
    hash.update(`${file.slice(root.length)} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

/** Of the native library: `package-lock.json` says which headers of Node-API it is compiled with. */
export const fingerprintOfAddon = (target) => fingerprint(target, 'native', 'CMakeLists.txt', 'package-lock.json');

export const isStamped = (stamp, print) => existsSync(stamp) && readFileSync(stamp, 'utf8') === print;

export function writeStamp(stamp, print) {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, print);
}

/** Runs a tool: on a terminal its progress is seen, elsewhere only what it said when it failed. */
function run(what, command, args, cure) {
  const stdio = process.stdout.isTTY ? 'inherit' : 'pipe';
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28, stdio });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  throw new SetupError(`${what} failed${error ? ` (${error.message})` : ` with exit code ${status}`}. ${cure}`);
}

function timed(label, work) {
  console.log(`${label} …`);
  const start = performance.now();
  work();
  console.log(`${label}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

// npm's own mark of a finished install, for clones that were installed by hand.
function isInstalled(stamp, print) {
  if (isStamped(stamp, print)) return true;
  const mark = at('node_modules', '.package-lock.json');
  const byHand = existsSync(mark) && !existsSync(stamp) && statSync(mark).mtimeMs >= statSync(at('package-lock.json')).mtimeMs;
  if (byHand) writeStamp(stamp, print);
  return byHand;
}

function installPackages() {
  const print = fingerprint(here, 'package-lock.json');
  const stamp = at('node_modules', '.tensorwood-install');
  if (isInstalled(stamp, print)) return;
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const cure = 'Check that the npm registry can be reached (npm ping), then try again.';
  timed('Installing packages', () => run('npm ci', npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund'], cure));
  writeStamp(stamp, print);
}

async function buildAddon() {
  const print = fingerprintOfAddon(here);
  const stamp = at('build', '.tensorwood-native');
  if (isStamped(stamp, print) && existsSync(at('build', 'Release', 'tensorwood.node'))) return;
  const { missingTools } = await import(pathToFileURL(at('scripts', 'build.mjs')).href);
  const missing = missingTools();
  if (missing.length > 0) throw new SetupError(missing.join('\n'));
  discardForeignBuild();
  timed('Building the native library', () =>
    run('The native build', process.execPath, [at('scripts', 'build.mjs')], 'The compiler says why above.'),
  );
  writeStamp(stamp, print);
}

// CMake refuses a build folder that was made in another place, as a copied clone has it.
function discardForeignBuild() {
  const cache = at('build', 'CMakeCache.txt');
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`))
    rmSync(at('build'), { recursive: true });
}

function compileLibrary() {
  const print = fingerprint(here, 'lib', 'tsconfig.json', 'tsconfig.build.json', 'scripts/wrap-esm.mjs', 'package-lock.json');
  const stamp = at('dist', '.tensorwood-lib');
  if (isStamped(stamp, print)) return;
  timed('Compiling TypeScript', () => {
    rmSync(at('dist'), { recursive: true, force: true });
    run(
      'tsc',
      process.execPath,
      [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
      'The compiler says why above.',
    );
    run('The ESM wrapper', process.execPath, [at('scripts', 'wrap-esm.mjs')], 'The message above says why.');
  });
  writeStamp(stamp, print);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `tensorwood needs Node.js 20.19 or newer, this is ${process.version}: install one from https://nodejs.org or by your package manager.`,
  );
}

/** Everything that has to be there before the library can be used; a second call is a few hundredths of a second. */
export async function setUp() {
  checkNode();
  installPackages();
  await buildAddon();
  compileLibrary();
}

/** Runs a script's main function: one sentence for an error that setup explains, exit code 1. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    const explained = error instanceof SetupError || error?.name === 'TensorwoodError';
    console.error(explained && !process.argv.includes('--verbose') ? error.message : error);
    process.exitCode = 1;
  }
}
