// Optional packages: loaded when first used, from where the caller's project has them, with the install command in the error. By Node's own loaders, so
// that test runners need no --experimental-vm-modules and bundlers do not stop at a package that is absent.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors';
import { nodeImport, nodeRequire } from '../realm';

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

const needsImport: readonly (string | undefined)[] = ['ERR_REQUIRE_ESM', 'ERR_PACKAGE_PATH_NOT_EXPORTED', 'ERR_REQUIRE_ASYNC_MODULE'];

/**
 * The module of an optional package. `require` finds it everywhere, under Yarn's Plug'n'Play too; where it must not load it, `import()` does.
 * @throws ERR_TENSORWOOD_PEER naming the install command
 */
export async function loadPeer<T>(subject: string, name: string): Promise<T> {
  for (const place of places()) {
    try {
      return nodeRequire(place)(name) as T;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (needsImport.includes(code)) return (await nodeImport(place, name)) as T;
      if (code !== 'MODULE_NOT_FOUND' || !message.split('\n')[0]!.includes(name)) throw error;
    }
  }
  return failPeer(subject, name);
}

function failPeer(subject: string, name: string): never {
  fail('ERR_TENSORWOOD_PEER', `${subject}: needs the package ${name}, which is not installed: npm install ${name}`);
}
