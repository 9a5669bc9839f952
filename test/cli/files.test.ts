// Files on the command line: standard input and output, pipes, names with commas, and columns that are never read.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idxBytes } from '../../lib/data/images';
import { compileLib } from '../compiled';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood files '));
let compiled: ReturnType<typeof compileLib>;

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script of bash, in which `tw` is the command line. */
function bash(script: string, input?: string): Answer {
  const main = join(compiled.folder, 'cli', 'main.js');
  return spawnSync('bash', ['-c', `tw() { "${process.execPath}" "${main}" "$@"; }; ${script}`], { cwd: folder, encoding: 'utf8', input });
}

const written = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const numbers = Array.from({ length: 60 }, (_, i) => i);

beforeAll(() => {
  compiled = compileLib();
  written('package.json', '{}');
  symlinkSync(join(__dirname, '..', '..', 'node_modules'), join(folder, 'node_modules')); // optional packages
  written('commas.csv', `"distance, km",b,"say ""hi""",y\n${numbers.map((i) => `${i},${i % 3},${i % 2},${i}`).join('\n')}\n`);
  copyFileSync(join(__dirname, '..', 'files', 'nested.parquet'), join(folder, 'nested.parquet'));
  expect(bash('tw train trees --data commas.csv --label y --trees 2 --output run')).toMatchObject({ status: 0 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

describe('file URLs', () => {
  const url = (name: string): string => `'${pathToFileURL(join(folder, name)).href}'`;

  it('stand for the folder of a run, whole, and for all that is read and written', () => {
    const trained = bash(`tw train trees --data ${url('commas.csv')} --label y --trees 2 --output ${url('by-url')}`);
    expect(trained).toMatchObject({ status: 0, stderr: expect.not.stringContaining('file:') });
    expect(trained.stdout).not.toContain('file:');
    expect(existsSync(join(folder, 'file:'))).toBe(false);
    expect(readdirSync(join(folder, 'by-url')).sort()).toEqual(['held-out.csv', 'history.jsonl', 'model.json', 'report.html', 'run.json']);
    expect(bash(`tw inspect ${url('by-url')}`).stdout).toContain('folder of a run (trees)');
    expect(bash(`tw predict ${url('by-url')} --data ${url('commas.csv')} --output ${url('url.csv')}`)).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, 'url.csv'))).toBe(true);
  });
});

it('predictions take the place of nothing that they rest on, however it is written', () => {
  const url = (name: string): string => `'${pathToFileURL(join(folder, name)).href}'`;
  const content = (): string[] => ['commas.csv', 'run/model.json', 'run/run.json'].map((name) => readFileSync(join(folder, name), 'utf8'));
  const before = content();
  for (const [script, name] of [
    [`run --data ${url('commas.csv')} --output commas.csv`, '--data'],
    [`run --data commas.csv --output ${url('commas.csv')}`, '--data'],
    ['run --data - --output ./commas.csv < commas.csv', '--data'],
    ['run --data commas.csv --output run/model.json', 'the model'],
    ['run/model.json --data commas.csv --output run/model.json', 'the model'],
    [`${url('run')} --data commas.csv --output ${url('run/model.json')}`, 'the model'],
    ['run --data commas.csv --output run/run.json', 'that of the run'],
    ['run --data commas.csv --labels package.json --output package.json', '--labels'],
  ] as const) {
    const { status, stderr } = bash(`tw predict ${script}`);
    expect({ script, status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`to be another file than ${name}, got`),
    });
  }
  expect(content()).toEqual(before);
});

describe('standard input and pipes', () => {
  it.each([
    ['-', 'cat commas.csv | tw inspect -'],
    ['- of a file', 'tw inspect - < commas.csv'],
    ['/dev/stdin', 'cat commas.csv | tw inspect /dev/stdin'],
    ['/dev/stdin of a file', 'tw inspect /dev/stdin < commas.csv'],
    ['the output of a command', 'tw inspect <(cat commas.csv)'],
    ['a pipe', 'mkfifo pipe && (cat commas.csv > pipe &) && tw inspect pipe'],
  ])('inspect reads a table: %s', (_, script) => {
    const { stdout, stderr } = bash(script);
    expect(stderr).toBe('');
    expect(stdout.replace(/^.*: table/, 'table')).toBe(bash('tw inspect commas.csv').stdout.replace(/^.*: table/, 'table'));
  });

  it('inspect reads what a socket brings, under either name', () => {
    for (const name of ['-', '/dev/stdin', '/dev/fd/0'])
      expect(bash(`tw inspect ${name}`, 'a,b\n1,2\n').stdout).toContain('table of 1 row\n');
  });

  it.each(['run/model.json', 'nested.parquet'])('inspect reads %s', (file) => {
    const flags = file.endsWith('parquet') ? '--ignore l' : '';
    const [plain, piped] = [bash(`tw inspect ${file} ${flags}`), bash(`cat ${file} | tw inspect - ${flags}`)];
    expect(plain).toMatchObject({ status: 0, stderr: '' });
    expect(piped.stdout).toBe(plain.stdout.replace(file, '<stdin>'));
  });

  it('predict reads the table or the model there, and writes predictions alone to standard output', () => {
    const plain = bash('tw predict run --data commas.csv');
    expect(plain).toMatchObject({ status: 0, stderr: '' });
    for (const script of [
      'cat commas.csv | tw predict run --data -',
      'tw predict run --data <(cat commas.csv)',
      'cat run/model.json | tw predict - --data commas.csv --keep y',
      'tw predict run --data commas.csv --output -',
      'tw predict run --data commas.csv --output /dev/stdout | cat',
    ])
      expect(bash(script).stdout).toBe(plain.stdout);
    expect(bash('tw predict - --data - < commas.csv')).toMatchObject({ status: 1, stdout: '' });
    for (const script of ["tw inspect ''", "tw predict run --data ''", "tw predict run --data commas.csv --output ''"])
      expect(bash(script)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/expected .*a file, or - for standard/) });
  });

  it('predict writes into a file, a pipe, and refuses the place of its own standard input', () => {
    expect(bash('tw predict run --data commas.csv --output out.csv').stderr).toContain('60 predictions in out.csv');
    expect(bash('tw predict run --data commas.csv --output >(cat > piped.csv); sleep 0; wait').status).toBe(0);
    const before = readFileSync(join(folder, 'commas.csv'), 'utf8');
    const refused = bash('tw predict run --data - --output commas.csv < commas.csv');
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(readFileSync(join(folder, 'commas.csv'), 'utf8')).toBe(before);
  });

  it('train reads trees and images there; its output is a folder', () => {
    expect(bash('cat commas.csv | tw train trees --data - --label y --trees 2 --output piped')).toMatchObject({ status: 0 });
    expect(readFileSync(join(folder, 'piped', 'model.json'), 'utf8')).toBe(readFileSync(join(folder, 'run', 'model.json'), 'utf8'));
    writeFileSync(join(folder, 'images.idx'), idxBytes({ shape: [40, 8, 8], data: new Uint8Array(40 * 64) }));
    writeFileSync(join(folder, 'labels.idx'), idxBytes({ shape: [40], data: Uint8Array.from({ length: 40 }, (_, i) => i % 2) }));
    const flags = '--epochs 1 --batch-size 8 --hidden 4 --output images';
    expect(bash(`cat images.idx | tw train mlp --data - --labels <(cat labels.idx) ${flags}`)).toMatchObject({ status: 0 });
    expect(bash('cat images.idx | tw predict images --data - --labels labels.idx').stdout.split('\n').length).toBe(42);
    const refused = bash('tw train trees --data commas.csv --label y --output -');
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('expected --output to be a folder, got - for standard output');
    expect(existsSync(join(folder, '-'))).toBe(false);
  });

  it('stops at Ctrl-C while it waits for what nobody writes', async () => {
    const pipe = join(folder, 'silent');
    spawnSync('mkfifo', [pipe]);
    const child = spawn(process.execPath, [join(compiled.folder, 'cli', 'main.js'), 'inspect', pipe], { stdio: 'ignore' });
    const writer = await openForReader(pipe);
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(130);
    closeSync(writer);
  });

  /** Opens a pipe for writing once another process has it open for reading; before, the system refuses. */
  async function openForReader(pipe: string): Promise<number> {
    for (;;) {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      } catch {
        await setImmediate();
      }
    }
  }
});

describe('lists of names', () => {
  const columnsOf = (script: string): string[] =>
    bash(script)
      .stdout.split('\n')
      .flatMap((line) => /^ {2}(\S.*?) {2,}/.exec(line)?.[1] ?? []);

  it.each([
    ['a whole value that is a name', "--ignore 'distance, km'", ['b', 'say "hi"', 'y']],
    ['quotes, as in CSV', `--ignore '"distance, km",b'`, ['say "hi"', 'y']],
    ['quotes in quotes', `--ignore '"say ""hi""" , b'`, ['distance, km', 'y']],
    ['a flag given twice', "--ignore 'distance, km' --ignore b,y", ['say "hi"']],
    ['spaces and empty items', '--ignore " b , ,y"', ['distance, km', 'say "hi"']],
  ])('%s', (_, flags, left) => {
    expect(columnsOf(`tw inspect commas.csv ${flags}`)).toEqual(left);
  });

  it('are understood by every flag', () => {
    expect(bash("tw inspect commas.csv --categories 'distance, km'").stdout).toContain('60 categories');
    expect(columnsOf("tw inspect commas.csv --times 'distance, km' --ignore b")).toContain('distance, km.month');
    expect(bash("tw predict run --data commas.csv --keep 'distance, km' --keep y").stdout).toMatch(/^"distance, km",y,prediction\n/);
    const times = "--times 'distance, km' --output timed";
    expect(bash(`tw train trees --data commas.csv --label y --trees 2 ${times}`)).toMatchObject({ status: 0 });
    expect(bash('tw predict timed --data commas.csv')).toMatchObject({ status: 0, stderr: '' });
  });

  it('leave out what cannot be read', () => {
    const args = 'trees --data nested.parquet --label y --trees 2 --output nested';
    const leftOut = bash(`tw train ${args}`);
    expect(leftOut).toMatchObject({ status: 0, stderr: expect.stringContaining("'l': is nested (LIST)") });
    const refused = bash(`tw train ${args} --columns x,l`);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/column 'l'.*nested.*--ignore/) });
    expect(bash(`tw train ${args} --ignore l`)).toMatchObject({ status: 0, stderr: expect.not.stringContaining('nested (LIST)') });
    expect(bash('tw predict nested --data nested.parquet --ignore l,y --keep y').stdout).toMatch(/^y,prediction\n/);
  });

  it('of integers add up too', () => {
    expect(
      bash('tw train mlp --hidden 4,3 --hidden 2 --data images.idx --labels labels.idx --epochs 1 --batch-size 8 --output deep').status,
    ).toBe(0);
    expect(bash('tw inspect deep').stdout).toMatch(/layers\.2\.weight +F32 \(2, 3\)/);
  });

  it('name what there is not, with the nearest', () => {
    const { status, stderr } = bash("tw inspect commas.csv --ignore 'distance, m'");
    expect(status).toBe(2);
    expect(stderr).toBe(`tensorwood: readCsv: 'commas.csv' has no column 'distance' (columns: distance, km, b, say "hi", y)\n`);
    expect(bash('tw inspect commas.csv --columns b --ignore b')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected --ignore to be some of the columns to read'),
    });
    expect(bash('tw inspect commas.csv --ignore bb').stderr).toContain("no column 'bb', did you mean 'b'?");
  });
});

describe('cures', () => {
  it('name the flags of the command that runs', () => {
    const refusal = (script: string): string => {
      const { status, stdout, stderr } = bash(script);
      expect([status === 0, stdout]).toEqual([false, '']);
      return stderr.trim().split('\n').at(-1)!;
    };
    const trees = 'tw train trees --data commas.csv --label y --output refused';
    expect(refusal(`${trees} --learning-rate 3`)).toBe('tensorwood: train: expected --learning-rate to be a number in (0, 1], got 3');
    expect(refusal(`${trees} --early-stopping 3 --held-out 0`)).toContain('expected --held-out to leave rows for --early-stopping');
    expect(refusal('tw inspect commas.csv --delimiter ab')).toContain('readCsv: expected --delimiter to be one ASCII character');
    written('odd.csv', 'a,b\n1,2\n3\n');
    expect(refusal('tw inspect odd.csv')).toMatch(/line 3: .*; leave such lines out with --bad-lines 'skip'$/);
    expect(bash("tw inspect odd.csv --bad-lines 'skip'").stdout).toContain('table of 1 row\n');
  });

  it('of a checkpoint say what to give, and a training that was aborted how to go on', async () => {
    const flags = 'mlp --data images.idx --labels labels.idx --epochs 2 --batch-size 8 --hidden 4 --output resumed';
    expect(bash(`tw train ${flags}`)).toMatchObject({ status: 0 });
    const { stderr } = bash(`tw train ${flags} --resume --learning-rate 0.5`);
    expect(stderr.trim()).toMatch(
      /train: expected --learning-rate to be 0\.001 as in the checkpoint '.*', got 0\.5; train with the same, or leave --resume out to begin anew$/,
    );
  });
});
