// Optional packages: loaded when first used, from where the caller's project has them, with the install command in the error.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
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

/** An optional package that is an ES module; `load` is `() => import(name)`. @throws ERR_TENSORWOOD_PEER naming the install command */
export async function loadPeer<T>(subject: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return failPeer(subject, name, error);
  }
}

function failPeer(subject: string, name: string, cause?: unknown): never {
  fail('ERR_TENSORWOOD_PEER', `${subject}: needs the package ${name}, which is not installed: npm install ${name}`, cause);
}
