// How jobs end with their worker, their process or their signal: on this Node, and by `npm run test:nodes` on each that npm can install.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { addonPaths } from '../../lib/native';
import { latchAddon } from './latch';
import { encodeArgmax, encodeGates, encodeSums } from './program-bytes';

// Set by test/native/run.mjs: an addon built with AddressSanitizer, which also looks for leaks at the end, and the library that
// Node must load before it.
const { TENSORWOOD_TEST_ADDON, TENSORWOOD_TEST_PRELOAD } = process.env;
const addon = TENSORWOOD_TEST_ADDON ?? addonPaths().find((path) => existsSync(path))!;
const suppressions = `suppressions='${join(__dirname, '..', 'native', 'leaks.supp')}':print_suppressions=0`; // quoted: a path may have spaces
const sanitizer = { LD_PRELOAD: TENSORWOOD_TEST_PRELOAD, LSAN_OPTIONS: suppressions };

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-border-'));
writeFileSync(join(folder, 'sums.bin'), encodeSums(1000, 10));
writeFileSync(join(folder, 'gates.bin'), encodeGates(100, 4096));
copyFileSync(latchAddon(), join(folder, 'latch.node'));
writeFileSync(join(folder, 'argmax.bin'), encodeArgmax(64, 4096));
afterAll(() => rmSync(folder, { recursive: true }));

interface Scenario {
  readonly file: string;
  readonly argument?: string;
  readonly flags?: readonly string[];
  readonly code?: number;
  readonly kilobytes?: number; // of address space: past them the system refuses memory and threads
  readonly says: string;
  readonly title: string;
  readonly measured?: true; // a figure that a sanitizer changes
  readonly compiled?: true; // runs dist/, which loads the addon itself
}

const scenarios: Scenario[] = [
  { file: 'terminate', says: 'survived 40', title: 'a worker terminated in the middle of a step, 40 times' },
  { file: 'exit', argument: 'alone', code: 7, says: '', title: 'process.exit() in the middle of a step' },
  { file: 'exit', argument: 'callback', code: 7, says: '', title: 'process.exit() when one step ends and another runs' },
  { file: 'drain', says: 'settled', title: 'a process that ends by itself after its last step' },
  { file: 'abort', says: 'aborted', title: 'a step that is aborted' },
  { file: 'workers', says: 'agreed', title: 'eight workers at once' },
  { file: 'memory', flags: ['--expose-gc'], says: 'flat', measured: true, title: '10,000 steps in flat memory' },
  { file: 'delay', says: 'turned', title: 'an event loop that turns during a step' },
  {
    file: 'library',
    says: 'trained',
    compiled: true,
    title: 'the library: training in workers that are terminated, and training that is aborted',
  },
  { file: 'views', says: 'refused', title: 'views with offsets, shared, detached and resizable memory' },
  { file: 'shared', says: 'within', title: 'shared memory that changes during a step' },
  { file: 'pipe', says: 'terminated', compiled: true, title: 'a worker terminated while it waits for a pipe' },
  { file: 'arena', kilobytes: 4_000_000, says: 'kept', title: 'an arena that cannot be had' },
  { file: 'threads', kilobytes: 4_000_000, says: 'refused', title: 'threads that do not start' },
];

/** process.exit() leaves V8's own memory behind. */
function environmentOf({ code }: Scenario): NodeJS.ProcessEnv {
  if (!TENSORWOOD_TEST_PRELOAD) return process.env;
  return { ...process.env, ...sanitizer, ASAN_OPTIONS: `detect_leaks=${Number(code === undefined)}` };
}

function play(node: string, scenario: Scenario): { code: number | null; signal: string | null; text: string } {
  const { file, argument, flags = [], kilobytes } = scenario;
  const script = join(__dirname, 'scenarios', `${file}.mjs`);
  const command = [node, ...flags, script, addon, folder, ...(argument ? [argument] : [])];
  const limit = kilobytes === undefined ? '' : `ulimit -v ${kilobytes}; `;
  const { status, signal, stdout, stderr } = spawnSync('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    encoding: 'utf8',
    timeout: 500_000, // for what would never end
    env: environmentOf(scenario),
  });
  return { code: status, signal, text: (stdout + stderr).trim() };
}

const thisNode = { version: `${process.versions.node} (this one)`, path: process.execPath };
const others = process.env.TENSORWOOD_TEST_NODES; // set by nodes.mjs
const nodes = others === undefined ? [thisNode] : (JSON.parse(others) as (typeof thisNode)[]);

const distribution = join(__dirname, '..', '..', 'dist', 'index.js');

describe.each(nodes)('Node $version', ({ path }) => {
  for (const scenario of scenarios) {
    it(scenario.title, ({ skip }) => {
      skip(Boolean(TENSORWOOD_TEST_PRELOAD && scenario.measured), 'a sanitizer changes the figure');
      skip(Boolean(TENSORWOOD_TEST_PRELOAD && scenario.compiled), 'the library loads the addon of build/, which is not sanitized');
      skip(Boolean(TENSORWOOD_TEST_PRELOAD && scenario.kilobytes), 'a sanitizer takes the address space');
      skip(Boolean(scenario.compiled) && !existsSync(distribution), 'not compiled: npm run build:lib');
      expect(play(path, scenario)).toEqual({ code: scenario.code ?? 0, signal: null, text: scenario.says });
    });
  }
});
