// Commands that get a signal while native code provably works for them: they stop there and end as shells expect.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idxBytes } from '../../lib/data/images';
import { arrival, holdPipe, latchAddon } from '../border/latch';
import { compileLib } from '../compiled';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood stop '));
let compiled: ReturnType<typeof compileLib>;

const images = ['--data', 'images.idx', '--labels', 'labels.idx'];
const table = ['--data', 'table.csv'];
const grow = ['train', 'trees', ...table, '--label', 'late'];
const learn = ['train', 'mlp', ...images, '--hidden', '8', '--held-out', '100', '--batch-size', '100']; // 100 KiB a step: read in place

beforeAll(() => {
  compiled = compileLib();
  writeFileSync(join(folder, 'package.json'), '{}');
  // 6,000 held-out rows of 32 bits: whole pages, however an array is aligned.
  const lines = Array.from(
    { length: 60_000 },
    (_, i) => `${(i * 37) % 1000},${Math.sin(i).toFixed(4)},${(i * 37) % 1000 > 500 ? 'yes' : 'no'}`,
  );
  writeFileSync(join(folder, 'table.csv'), `size,noise,late\n${lines.join('\n')}\n`);
  const pixels = Uint8Array.from({ length: 400 * 256 }, (_, i) => (i % 256) + (Math.floor(i / 256) % 2));
  writeFileSync(join(folder, 'images.idx'), idxBytes({ shape: [400, 16, 16], data: pixels }));
  writeFileSync(join(folder, 'labels.idx'), idxBytes({ shape: [400], data: Uint8Array.from({ length: 400 }, (_, i) => i % 2) }));
  for (const args of [
    [...grow, '--trees', '3', '--output', 'trees'],
    [...learn, '--epochs', '1', '--output', 'network'],
  ])
    expect(run(args)).toMatchObject({ status: 0 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

function run(args: readonly string[], { flags = [], env = {} }: { flags?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  const command = [...flags, join(compiled.folder, 'cli', 'main.js'), ...args];
  return spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env } });
}

/** Runs a command that gets the signal while the native function works. */
function stop(args: readonly string[], at: string, signal: NodeJS.Signals) {
  const env = { TEST_LATCH: latchAddon(), TEST_LIBRARY: compiled.folder, TEST_FUNCTION: at, TEST_SIGNAL: signal };
  return run(args, { flags: ['--require', join(__dirname, 'hold.cjs')], env });
}

const held: [string, string[], string][] = [
  ['bench, in a product', ['bench'], 'runProgram'],
  ['inspect, where it reads a table', ['inspect', 'table.csv'], 'readCsv'],
  ['train trees, where it reads the table', [...grow, '--output', 'a'], 'readCsv'],
  ['train trees, in the data set', [...grow, '--output', 'b'], 'createTable'],
  ['train trees, while they grow', [...grow, '--output', 'c'], 'growForest'],
  ['train MODEL, in a step', [...learn, '--output', 'd'], 'runProgram'],
  ['predict with trees, where it reads the table', ['predict', 'trees', ...table], 'readCsv'],
  ['predict with trees', ['predict', 'trees', ...table], 'predictForest'],
  ['predict with a model', ['predict', 'network', '--data', 'images.idx'], 'runProgram'],
];

/** Runs a command that reads the pipe `waiting`, and gets the signal while it waits there. */
async function stopAtPipe(args: readonly string[], signal: NodeJS.Signals) {
  const pipe = join(folder, 'waiting');
  using latch = holdPipe(pipe);
  const child = spawn(process.execPath, [join(compiled.folder, 'cli', 'main.js'), ...args], { cwd: folder });
  const text = child.stderr.setEncoding('utf8').toArray();
  const ended = once(child, 'close');
  await arrival(latch, ended);
  child.kill(signal);
  const [status] = await ended;
  rmSync(pipe);
  return { status, stderr: (await text).join('') };
}

const waiting: string[][] = [
  ['train', 'trees', '--data', 'waiting', '--label', 'late', '--output', 'e'],
  ['train', 'mlp', '--data', 'waiting', '--labels', 'labels.idx', '--output', 'f'],
  ['predict', 'trees', '--data', 'waiting'],
  ['predict', 'network', '--data', 'waiting'],
  ['inspect', 'waiting'],
];

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s stops', (signal, code) => {
  it.each(held)('%s', (_, args, at) => {
    const { status, stderr } = stop(args, at, signal);
    expect(stderr).toContain('Stopping; press Ctrl-C again to quit at once.');
    expect(stderr.trim().split('\n').at(-1)).toBe('tensorwood: interrupted');
    expect(status).toBe(code);
  });

  it.each(waiting)('%s %s at a pipe that nobody writes', async (...args) => {
    const { status, stderr } = await stopAtPipe(args, signal);
    expect(stderr.trim().split('\n').at(-1)).toBe('tensorwood: interrupted');
    expect(status).toBe(code);
  });
});
