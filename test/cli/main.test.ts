// The command line from outside: help, errors of one sentence, exit codes, and trees from a file to predictions.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idxBytes } from '../../lib/data/images';
import { uniform } from '../../lib/nn/philox';
import { compileLib } from '../compiled';

const root = join(__dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tensorwood cli '));
let compiled: ReturnType<typeof compileLib>;

beforeAll(() => {
  compiled = compileLib();
  writeFileSync(join(folder, 'package.json'), '{}');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], options: { interruptAfter?: RegExp; by?: 'SIGINT' | 'SIGTERM' } = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(compiled.folder, 'cli', 'main.js'), ...args], { cwd: folder });
    let [out, err] = ['', ''];
    let interrupted = false;
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
      if (!interrupted && options.interruptAfter?.test(err)) interrupted = child.kill(options.by ?? 'SIGINT');
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** Rows whose label follows from two columns. */
function table(rows: number): string {
  const draws = uniform(3 * rows, { seed: 4, stream: 0 });
  const lines = Array.from({ length: rows }, (_, i) => {
    const [a, b, c] = [draws[3 * i]!, draws[3 * i + 1]!, draws[3 * i + 2]!];
    return `${a.toFixed(4)},${b < 0.5 ? 'red' : '"blue, dark"'},${c.toFixed(3)},${a + (b < 0.5 ? 0.4 : 0) > 0.7 ? 'yes' : 'no'}`;
  });
  return `size,colour,noise,late\n${lines.join('\n')}\n`;
}

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('tensorwood', () => {
  it('lists the commands, and says more about each', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['bench', 'build', 'devices', 'inspect', 'predict', 'train']) expect(out).toContain(`  ${name} `);
    const help = await run(['train', 'trees', '--help']);
    for (const text of ['--learning-rate X', 'default 0.1', '--data FILE', '--delimiter', 'Examples', '--verbose'])
      expect(help.out).toContain(text);
    expect(help.out.split('\n').every((line) => line.length <= 100)).toBe(true);
  });

  it('says its version', async () => {
    expect((await run(['--version'])).out.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });

  it.each([
    [['trian'], 2, "tensorwood: unknown command 'trian', did you mean 'train'?"],
    [['devices', '--jsn'], 2, "tensorwood: devices: unknown flag --jsn, did you mean '--json'?"],
    [['inspect'], 2, 'tensorwood: inspect: something is missing; usage: tensorwood inspect FILE'],
    [['inspect', 'a', 'b'], 2, "tensorwood: inspect: 'b' is too much"],
    [['inspect', 'absent.csv'], 1, "tensorwood: inspect: cannot read 'absent.csv'"],
    [['train', 'trees', '--data'], 2, 'tensorwood: train: expected a value after --data (FILE)'],
    [['train', 'trees', '--label', 'x'], 2, 'tensorwood: train: expected --data'],
    [['train', 'trees', '--data', 'absent.csv', '--label', 'x', '--trees', 'abc'], 2, 'tensorwood: train: expected --trees to be'],
    [
      ['train', 'trees', '--data', 'absent.csv', '--label', 'x', '--at-least', 'abc'],
      2,
      "tensorwood: train: expected --at-least to be a number, got 'abc'",
    ],
    [
      ['train', 'trees', '--data', 'absent.csv', '--label', 'x', '--held-out', 'abc'],
      2,
      "tensorwood: train: expected --held-out to be a number of at least 0, got 'abc'",
    ],
    [
      ['train', 'mlp', '--data', 'absent', '--held-out', 'abc'],
      2,
      "tensorwood: train: expected --held-out to be a number of at least 0, got 'abc'",
    ],
    [
      ['train', '--epochs', 'abc', 'vit', '--data', 'absent'],
      2,
      "tensorwood: train: expected --epochs to be a number of more than 0, got 'abc'",
    ],
    [['train', '--epochs', '2', 'vti'], 2, 'tensorwood: train: expected one of trees, '],
    [['inspect', 'package.json'], 1, "tensorwood: inspect: 'package.json' is not a tensorwood model"],
    [['train', 'nothing'], 2, 'tensorwood: train: expected one of'],
    [['predict', 'package.json', '--data', 'x.csv'], 1, "tensorwood: predict: expected a model, got 'package.json'"],
  ])('%j: one sentence and exit code %i', async (args, code, message) => {
    const answer = await run(args);
    expect(answer).toMatchObject({ code, out: '' });
    expect(answer.err.startsWith(message)).toBe(true);
    expect(answer.err.trim().split('\n').length).toBe(1);
  });

  it('shows the stack when asked', async () => {
    const { err } = await run(['inspect', 'absent.csv', '--verbose']);
    expect(err).toMatch(/\n {4}at /);
    expect(err).toContain('code: ERR_TENSORWOOD_FILE');
  });

  it('devices: as text and as JSON', async () => {
    expect((await run(['devices'])).out).toMatch(/cpu .*threads/);
    expect(JSON.parse((await run(['devices', '--json'])).out).cores).toBeGreaterThan(0);
  });
});

describe('tensorwood bench', () => {
  it('measures the machine and the work', async () => {
    const { code, out } = await run(['bench', '--json']);
    expect(code).toBe(0);
    const found = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(found.length).toBe(5);
    for (const { name, value, unit } of found) expect([typeof name, value > 0, typeof unit]).toEqual(['string', true, 'string']);
  });
});

describe('tensorwood train MODEL', () => {
  /** Two classes of 8 x 8 images: bright above or below. */
  function images(count: number): { images: string; labels: string } {
    const draws = uniform(count * 64, { seed: 5, stream: 0 });
    const pixels = Uint8Array.from(draws, (u, i) => 120 * u + (Math.floor((i % 64) / 32) === Math.floor(i / 64) % 2 ? 120 : 0));
    const paths = { images: join(folder, 'images.idx'), labels: join(folder, 'labels.idx') };
    writeFileSync(paths.images, idxBytes({ shape: [count, 8, 8], data: pixels }));
    writeFileSync(paths.labels, idxBytes({ shape: [count], data: Uint8Array.from({ length: count }, (_, i) => i % 2) }));
    return paths;
  }

  it('goes from images to weights, a report with attention, and predictions', async () => {
    const set = images(400);
    const size = ['--patch-size', '4', '--dimension', '16', '--depth', '2', '--heads', '2'];
    const training = ['--epochs', '15', '--learning-rate', '0.003', '--batch-size', '32', '--output', 'seen'];
    const args = ['train', 'vit', '--data', set.images, '--labels', set.labels, '--held-out', '100', ...size, ...training];
    const trained = await run(args);
    expect(trained).toMatchObject({ code: 0 });
    const report = readFileSync(join(folder, 'seen', 'report.html'), 'utf8');
    for (const text of ['Confusion', 'Attention', 'block 2', 'completed']) expect(report).toContain(text);

    const next = /next\s+npx tensorwood (.*)/.exec(trained.out)![1]!.split(' ');
    const predicted = await run(next);
    expect(predicted.out.split('\n')[0]).toBe('label,prediction,confidence');
    expect(Number(/accuracy ([\d.]+) % on 100 images/.exec(predicted.err)![1])).toBeGreaterThan(95);
    expect((await run(['inspect', 'seen'])).out).toMatch(/pos_embed +F32 \(1, 5, 16\)/);

    const resumed = await run([...args, '--epochs', '16', '--resume']);
    expect(resumed.err).toContain('resumed at step');
  });

  it('stops at Ctrl-C, saves a checkpoint and a report, and goes on from there', async () => {
    const set = images(400);
    const args = ['train', 'mlp', '--data', set.images, '--labels', set.labels, '--hidden', '8', '--epochs', '1e7', '--output', 'halted'];
    const answer = await run(args, { interruptAfter: /epoch 1\.0/ });
    expect(answer.code).toBe(130);
    expect(readFileSync(join(folder, 'halted', 'report.html'), 'utf8')).toContain('class="state aborted"');
    expect(readdirSync(join(folder, 'halted', 'checkpoints')).length).toBeGreaterThan(0);
  });

  it('tests on images that neither stopped it nor chose its weights', async () => {
    const set = images(200);
    for (const flags of [
      ['--patience', '3'],
      ['--select', 'best'],
    ]) {
      const args = ['train', 'mlp', '--data', set.images, '--labels', set.labels, '--hidden', '8', '--epochs', '1', '--output', 'judged'];
      const trained = await run([...args, '--batch-size', '20', '--learning-rate', '0.001', '--held-out', '50', ...flags]);
      const accuracy = /held-out accuracy ([\d.]+ %)/.exec(trained.out)![1]!;
      const report = readFileSync(join(folder, 'judged', 'report.html'), 'utf8');
      expect(report).toContain('100 images to learn from, 50 to choose what is kept, 50 held out to test on.');
      expect(report).toContain(`<b>${accuracy}</b><span>held-out accuracy`);
      const predicted = await run(/next\s+npx tensorwood (.*)/.exec(trained.out)![1]!.split(' '));
      expect(predicted.err).toContain(`accuracy ${accuracy} on 50 images`);
    }
  });

  it('that is refused leaves the folder as it was; another moves the earlier run to previous/', async () => {
    const set = images(200);
    const train = (...flags: string[]): Promise<Answer> =>
      run(['train', 'mlp', '--data', set.images, '--labels', set.labels, '--epochs', '1', '--output', 'careful', ...flags]);
    const contents = (path: string) =>
      readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'base64')]);
    expect(await train('--hidden', '8')).toMatchObject({ code: 0 });
    const before = contents('careful');
    for (const flags of [
      ['--hidden', '9', '--resume'],
      ['--batch-size', '1000', '--held-out', '20'],
    ]) {
      expect(await train(...flags)).toMatchObject({ code: 1 });
      expect(contents('careful')).toEqual(before);
    }
    expect(await train('--hidden', '9', '--held-out', '20')).toMatchObject({ code: 0 });
    expect(contents('careful/previous')).toEqual(before);
  });

  it('says what is missing', async () => {
    expect((await run(['train', 'vit', '--data', 'images.idx'])).err).toContain('expected --labels FILE');
    expect((await run(['train', 'vit', '--data', 'digits', '--recipe', 'letters'])).err).toContain("one of digits, got 'letters'");
  });
});

describe('tensorwood train trees', () => {
  it('goes from a file to a model, a report and predictions, in folders with spaces', async () => {
    const data = written('with space.csv', table(2000));
    const trained = await run([
      'train',
      'trees',
      '--data',
      data,
      '--label',
      'late',
      '--trees',
      '30',
      '--held-out',
      '500',
      '--output',
      'my run',
    ]);
    expect(trained).toMatchObject({ code: 0 });
    expect(readdirSync(join(folder, 'my run')).sort()).toEqual(['held-out.csv', 'history.jsonl', 'model.json', 'report.html', 'run.json']);
    expect(
      readFileSync(join(folder, 'my run', 'history.jsonl'), 'utf8')
        .trim()
        .split('\n').length,
    ).toBe(30);
    expect(readFileSync(join(folder, 'my run', 'report.html'), 'utf8')).toContain('Reliability');

    const next = /next\s+npx tensorwood (.*)/.exec(trained.out)![1]!;
    expect(next).toBe("predict 'my run' --data 'my run/held-out.csv'");
    const predicted = await run(['predict', 'my run', '--data', 'my run/held-out.csv', '--keep', 'colour']);
    const [header, ...rows] = predicted.out.trim().split('\n');
    expect(header).toBe('colour,late,prediction,confidence');
    expect(rows.length).toBe(500);
    const right = rows.filter((row) => /,(\w+),\1,/.test(row)).length;
    expect(right).toBeGreaterThan(475);

    const inspected = await run(['inspect', 'my run/model.json']);
    expect(inspected.out).toMatch(/binary forest of 30 rounds, classes no, yes/);
    expect(inspected.out).toMatch(/colour +2 categories/);
  });

  it('makes a label of a threshold and calendar features of times, again when predicting', async () => {
    const rows = Array.from({ length: 800 }, (_, i) => `${Date.UTC(2001, 0, 1) + i * 7_300_000},${(i * 37) % 60}`);
    const data = written('times.csv', `when,delay\n${rows.join('\n')}\n`);
    const args = ['--label', 'delay', '--at-least', '15', '--times', 'when', '--trees', '3', '--output', 'times'];
    expect(await run(['train', 'trees', '--data', data, ...args])).toMatchObject({ code: 0 });
    expect((await run(['predict', 'times', '--data', data])).out.split('\n').length).toBe(802);
    expect((await run(['predict', 'times', '--data', 'times/held-out.csv'])).out).toMatch(/^delay,prediction\n[01],0\./);
    const kept = await run(['predict', 'times', '--data', data, '--keep', 'when', '--ignore', 'delay']);
    expect(kept.out).toMatch(/^when,prediction\n978307\d*,0\./);
    expect(await run(['predict', 'times', '--data', data, '--keep', 'wen'])).toMatchObject({ code: 2, out: '' });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops at %s and saves what it has', async (by, code) => {
    const data = written('long.csv', table(20_000));
    const args = ['train', 'trees', '--data', data, '--label', 'late', '--trees', '1000000', '--output', 'stopped'];
    const answer = await run(args, { interruptAfter: /tree \d/, by });
    expect(answer.code).toBe(code);
    expect(answer.out).toContain('aborted after');
    expect(existsSync(join(folder, 'stopped', 'model.json'))).toBe(true);
    expect((await run(['predict', 'stopped', '--data', 'stopped/held-out.csv'])).code).toBe(0);
  });

  it('ends without a complaint when nobody reads its answers any more', async () => {
    const data = written('long.csv', table(60_000));
    const args = [join(compiled.folder, 'cli', 'main.js'), 'predict', 'my run', '--data', data];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(err).toBe('');
  });

  it('does nothing when it is only loaded', () => {
    const path = JSON.stringify(join(compiled.folder, 'cli', 'main.js'));
    const script = `require(${path}); console.log(process.stdout.listenerCount('error'), process.listenerCount('SIGINT'))`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('0 0\n');
  });

  it('moves an earlier run to previous/, and keeps it where it cannot', async () => {
    const data = written('small.csv', table(300));
    const train = (trees: number): Promise<Answer> =>
      run(['train', '--trees', `${trees}`, 'trees', '--data', data, '--label', 'late', '--output', 'again']);
    const roundsIn = (path: string): number =>
      readFileSync(join(folder, path, 'history.jsonl'), 'utf8')
        .trim()
        .split('\n').length;
    const products = ['held-out.csv', 'history.jsonl', 'model.json', 'report.html', 'run.json'];
    for (const trees of [2, 3, 4]) {
      expect(await train(trees)).toMatchObject({ code: 0 });
      if (trees === 2) writeFileSync(join(folder, 'again', 'notes.txt'), 'mine');
    }
    expect(readdirSync(join(folder, 'again')).sort()).toEqual([...products, 'notes.txt', 'previous'].sort());
    expect(readdirSync(join(folder, 'again', 'previous')).sort()).toEqual(products);
    expect([roundsIn('again'), roundsIn('again/previous')]).toEqual([4, 3]);

    rmSync(join(folder, 'again', 'previous'), { recursive: true });
    writeFileSync(join(folder, 'again', 'previous'), '');
    const answer = await train(5);
    expect(answer.code).toBe(1);
    expect(answer.err.trim().split('\n').at(-1)).toMatch(
      /^tensorwood: train: cannot move the earlier run in 'again' to 'again\/previous': /,
    );
    expect(roundsIn('again')).toBe(4);
  });

  it('tells the round that an early stop keeps, and its metric', async () => {
    const data = written('small.csv', table(300));
    const flags = ['--trees', '500', '--learning-rate', '0.5', '--early-stopping', '5', '--output', 'early'];
    const { out, err } = await run(['train', 'trees', '--data', data, '--label', 'late', ...flags]);
    const lines = readFileSync(join(folder, 'early', 'history.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const losses = (set: string) => lines.map((line) => JSON.parse(line).evaluation[set].logloss as number);
    const choosing = losses('validation');
    const kept = choosing.indexOf(Math.min(...choosing)) + 1;
    expect(lines.length).toBe(kept + 5);
    const untouched = losses('held-out')[kept - 1]!.toFixed(4);
    expect(out).toContain(`: kept ${kept} of ${kept + 5} trees, logloss ${untouched}, auc `);
    expect(err).toContain('240 rows to learn from, 30 to choose where to stop, 30 held out');
    expect(readFileSync(join(folder, 'early', 'report.html'), 'utf8')).toMatch(new RegExp(`<b>${untouched}</b><span>held-out log loss`));
    expect((await run(['train', 'trees', '--data', data, '--label', 'late', ...flags, '--held-out', '150'])).err).toContain(
      '150 twice, since',
    );
  });

  it.skipIf(!canMount)('on a full disk: one sentence, and no broken model (needs a private mount: unshare -rm)', async () => {
    const data = written('many.csv', table(3000));
    mkdirSync(join(folder, 'full'));
    const train = `"${process.execPath}" "${join(compiled.folder, 'cli', 'main.js')}" train trees --data "${data}" --label late --trees 50 --output full`;
    const script = `mount -t tmpfs -o size=16k none full && ${train}; echo "code $?"; ls -A full`;
    const out = execFileSync('unshare', ['-rm', 'sh', '-c', `{ ${script}; } 2>&1`], { cwd: folder, encoding: 'utf8' });
    expect(out).toMatch(/tensorwood: write: cannot write 'full\/model.json': the disk is full; free some space.*\ncode 1\n$/);
  });

  it('refuses an output before it trains, and answers in the place of the data', async () => {
    const data = written('output.csv', table(200));
    const refused = await run(['train', 'trees', '--data', data, '--label', 'late', '--output', join(data, 'run')]);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain(`cannot make the folder '${join(data, 'run')}': a part of the path is not a folder`);
    expect(refused.err).not.toContain('tree 1/');
    const taken = await run(['train', 'trees', '--data', data, '--label', 'late', '--output', data]);
    expect(taken).toMatchObject({ code: 1, out: '' });
    expect(taken.err).toContain(`cannot make the folder '${data}': there is a file of that name; choose another folder`);
    expect(taken.err).not.toContain('tree 1/');
    expect((await run(['train', 'trees', '--data', data, '--label', 'late', '--trees', '2', '--output', 'twice'])).code).toBe(0);
    const before = readFileSync(data, 'utf8');
    expect(await run(['predict', 'twice', '--data', data, '--output', data])).toMatchObject({ code: 2, out: '' });
    expect(readFileSync(data, 'utf8')).toBe(before);
  });

  it('says in one line that standard output is full', () => {
    if (!existsSync('/dev/full')) return;
    const main = join(compiled.folder, 'cli', 'main.js');
    const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$1" predict twice --data output.csv > /dev/full', process.execPath, main], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stderr).toBe('tensorwood: cannot write to standard output: the disk is full; free some space or choose another folder\n');
    expect(status).toBe(1);
  });
});
