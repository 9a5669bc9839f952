// Optional packages: loaded when first used, from where the caller's project has them, with the install command in the error. By Node's own require, so that
// test runners need no --experimental-vm-modules and bundlers do not stop at a package that is absent.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../errors';
import { nodeRequire } from '../realm';

/** Where this package lies, and the project that is run: not the same under `npm link`, npx, and in a bundle. */
const places = (): string[] => [join(__dirname, 'peer.js'), join(process.cwd(), 'package.json')];

/**
 * The path of a file inside an optional package, whatever the package exports.
 * @param subject the beginning of the error sentence
 * @throws ERR_TENSORWOOD_PEER naming the install command
 */
export function resolvePeer(subject: string, name: string, file: string): string {
  for (const place of places()) {
    const { resolve } = nodeRequire(place);
    const found = (resolve.paths(name) ?? []).map((folder) => join(folder, name, file)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    try {
      return resolve(`${name}/${file}`); // Yarn's Plug'n'Play has no folders to look into
    } catch {}
  }
  return failPeer(subject, name);
}

/**
 * The module of an optional package.
 * @throws ERR_TENSORWOOD_PEER naming the install command
 */
export function loadPeer<T>(subject: string, name: string): T {
  for (const place of places()) {
    const require = nodeRequire(place);
    try {
      return require(name) as T;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return require(entryOf(resolvePeer(subject, name, 'package.json'))) as T;
      if (code !== 'MODULE_NOT_FOUND' || !message.split('\n')[0]!.includes(name)) throw error;
    }
  }
  return failPeer(subject, name);
}

type Exports = string | { readonly [condition: string]: Exports };

/** The file that an import of the package gets, where it exports none to require: the first of its conditions that Node.js knows. */
function entryOf(manifest: string): string {
  let found = (JSON.parse(readFileSync(manifest, 'utf8')) as { exports: Exports }).exports;
  while (typeof found !== 'string') {
    const { '.': main, node, import: esm, default: other }: { readonly [condition: string]: Exports } = found;
    found = main ?? node ?? esm ?? other!;
  }
  return join(dirname(manifest), found);
}

function failPeer(subject: string, name: string): never {
  fail('ERR_TENSORWOOD_PEER', `${subject}: needs the package ${name}, which is not installed: npm install ${name}`);
}
