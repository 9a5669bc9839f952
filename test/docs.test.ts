// The README's code runs as it stands, in a project of its own beside which the package is linked.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^## (.*)\n(?:(?!^## )[\s\S])*?^```js\n([\s\S]*?)^```$/gm)].map(([, title, code]) => ({
  title: title!,
  code: code!,
}));
const houses = [
  'size,town,price',
  ...Array.from({ length: 1000 }, (_, i) => `${i % 97},${i % 3 ? 'Oslo' : 'Rome'},${(i % 97) * (1 + (i % 3))}`),
].join('\n');
const project = mkdtempSync(join(tmpdir(), 'tensorwood docs '));

beforeAll(() => {
  expect(existsSync(join(root, 'dist', 'index.mjs')), 'dist is compiled by npm test').toBe(true);
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules', 'tensorwood'));
  writeFileSync(join(project, 'houses.csv'), houses);
  symlinkSync(join(root, 'node_modules', 'vega-datasets'), join(project, 'node_modules', 'vega-datasets'));
});
afterAll(() => rmSync(project, { recursive: true }));

describe('README', () => {
  const answers: Record<string, RegExp> = {
    'Trees in 15 lines': /tree 10\n\[[^\]]*'destination'[^\]]*\]\n0\.\d+/,
    'A table of your own': /^\d+ Float32Array\(200\) \[/m,
    'A vision transformer in 15 lines': /^0\.[6-9]\d*$/m,
    'A model of your own': /Float32Array\(2\) \[ -?0\.0\d*(e-\d+)?, (0\.9|1\.0)\d* \]/,
    'Tensors and gradients': /\[ 2, 4, 6 \]\n[\s\S]*\[ 4 \]/,
  };

  it('has code for each family', () => {
    expect(blocks.map((b) => b.title)).toEqual(Object.keys(answers));
    for (const { code } of blocks)
      expect(
        code
          .trim()
          .split('\n')
          .filter((line) => line.trim() !== '').length,
      ).toBeLessThanOrEqual(15);
  });

  it('has code that is TypeScript as it stands', () => {
    const files = blocks.map(({ title, code }) => {
      const file = `${title.replace(/\W+/g, '-')}.mts`;
      writeFileSync(join(project, file), code);
      return file;
    });
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const strictest = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
    const { stdout } = spawnSync(process.execPath, [compiler, ...strictest, '--module', 'nodenext', '--noEmit', ...files], {
      cwd: project,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  }, 60_000);

  it.each(blocks.map((b) => [b.title, b.code] as const))(
    '%s',
    (title, code) => {
      const file = join(project, `${title.replace(/\W+/g, '-')}.mjs`);
      writeFileSync(file, code);
      const out = execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      expect(out).toMatch(answers[title]!);
    },
    300_000,
  );

  it('mentions only commands that exist', async () => {
    const commands = [...readme.matchAll(/^npx tensorwood (\w+)/gm)].map((m) => m[1]!);
    expect(commands.length).toBeGreaterThan(4);
    for (const name of new Set(commands)) expect(existsSync(join(root, 'lib', 'cli', 'commands', `${name}.ts`)), name).toBe(true);
  });
});
