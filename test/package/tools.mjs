// The published package under test runners and bundlers, from a registry on the loopback; the tools are kept in ~/.cache/tensorwood. Run after a build, when
// what concerns loading changes, and in CI without Next, which takes as long as all others: npm run test:tools (-- Jest Next: those only)
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundlers } from './bundlers.mjs';
import { cached, run, write } from './commands.mjs';
import { publish } from './publish.mjs';
import { startRegistry } from './registry.mjs';
import { testRunners } from './test-runners.mjs';

const work = mkdtempSync(join(tmpdir(), 'tensorwood tools '));
const parts = process.argv.slice(2);
const chosen = [...testRunners, ...bundlers].filter(({ name }) => parts.length === 0 || parts.some((part) => name.startsWith(part)));

/** Installs the package below the folder of its tool, so that it finds the tool, and uses it. */
async function testTool(url, { name, tools, peers, use }) {
  const home = await cached(join('tools', name.replace(' ', '-')), tools);
  const folder = mkdtempSync(join(home, 'consumer-'));
  const outside = join(work, name);
  mkdirSync(outside);
  try {
    write(folder, 'package.json', { name: 'consumer', private: true });
    write(folder, '.npmrc', `registry=${url}/\n`);
    await run(folder, 'npm', ['install', '--no-audit', '--no-fund', 'tensorwood', ...peers], { npm_config_cache: join(work, 'npm') });
    return await use({ name, folder, outside, tools: join(home, 'node_modules') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const registry = await startRegistry();
try {
  await publish(registry);
  console.log('\nTOOLS (tool, how, what was shown)');
  for (const tool of chosen) {
    try {
      for (const line of await testTool(registry.url, tool)) console.log(line.join('  '));
    } catch (error) {
      console.log(`${tool.name}  FAILED`);
      console.error(error);
      process.exitCode = 1;
    }
  }
} finally {
  registry.close();
  rmSync(work, { recursive: true, force: true });
}
