// Optional packages: loaded when first used, from where the caller's project has them, with the install command in the error.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail } from '../errors';

/**
 * The path of a file inside an optional package, whatever the package exports.
 * @param subject the beginning of the error sentence
 * @throws ERR_TENSORWOOD_PEER naming the install command
 */
export function resolvePeer(subject: string, name: string, file = 'package.json'): string {
  for (const from of [join(__dirname, 'peer.js'), join(process.cwd(), 'package.json')]) {
    const folders = createRequire(from).resolve.paths(name) ?? [];
    const found = folders.map((folder) => join(folder, name, file)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return failPeer(subject, name);
}

/**
 * An optional package that is an ES module; `load` is `() => import(name)`, which looks where this package lies.
 * @throws ERR_TENSORWOOD_PEER naming the install command
 */
export async function loadPeer<T>(subject: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.startsWith(`Cannot find package '${name}'`)) throw error;
    const manifest = resolvePeer(subject, name);
    return (await import(pathToFileURL(join(dirname(manifest), entryOf(manifest))).href)) as T;
  }
}

type Exports = string | { readonly [condition: string]: Exports };

/** The file that an import of the package gets: the first of its conditions that Node.js knows. */
function entryOf(manifest: string): string {
  const { exports, main = 'index.js' } = JSON.parse(readFileSync(manifest, 'utf8')) as { exports?: Exports; main?: string };
  let found: Exports = exports ?? main;
  while (typeof found !== 'string') {
    const condition = Object.keys(found).find((key) => ['.', 'node', 'import', 'default'].includes(key));
    found = condition === undefined ? main : found[condition]!;
  }
  return found;
}

function failPeer(subject: string, name: string): never {
  fail('ERR_TENSORWOOD_PEER', `${subject}: needs the package ${name}, which is not installed: npm install ${name}`);
}
