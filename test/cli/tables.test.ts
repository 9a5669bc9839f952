// Tables on the command line from outside: what inspect, train and predict say of columns that they read by guess, and the flags that decide otherwise.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileLib } from '../compiled';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood tables '));
let compiled: ReturnType<typeof compileLib>;

beforeAll(() => {
  compiled = compileLib();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(...args: string[]): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(compiled.folder, 'cli', 'main.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

const lines = (count: number, row: (i: number) => string): string => Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('');
const written = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const train = (name: string, ...flags: string[]): Answer =>
  run('train', 'trees', '--data', name, '--trees', '3', '--output', `runs/${name}`, ...flags);

describe('a label in another spelling', () => {
  it('is read where nothing else explains it, and said', () => {
    const comma = (value: number, digits: number): string => value.toFixed(digits).replace('.', ',');
    written('comma.csv', `a;y\n${lines(300, (i) => `${comma(i / 7, 3)};${comma(i / 3, 2)}`)}`);
    const trained = train('comma.csv', '--label', 'y');
    expect(trained.err).toContain("note: 'a', 'y': read as numbers with a decimal comma (to change it: --decimal .)\n");
    expect(trained.err + trained.out).toMatch(/rmse/);
    const refused = train('comma.csv', '--label', 'y', '--decimal', '.');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      "expected --label 'y' to be numbers or a few classes, got 300 classes in 300 rows ('0,00', '0,33', '0,67', …)",
    );
    expect(refused.err).toContain("numbers have a decimal comma, as '0,00' in line 2 (to change it: --decimal ,)");
  });

  it('is taken for classes where it is asked for', () => {
    written('ids.csv', `x,who\n${lines(60, (i) => `${i},user${i % 40}`)}`);
    expect(train('ids.csv', '--label', 'who').code).toBe(1);
    expect(train('ids.csv', '--label', 'who', '--categories', 'who').code).toBe(0);
  });
});

it('labels of small integers from 0 are numbers, and that is said', () => {
  written('grades.csv', `a,y\n${lines(90, (i) => `${i},${i % 3}`)}`);
  const note = "note: 'y': integers 0 to 2 are learned by regression (to change it: --objective multiclass)\n";
  expect(train('grades.csv', '--label', 'y').err).toContain(note);
  expect(train('grades.csv', '--label', 'y', '--objective', 'multiclass').err).not.toContain('note');
  expect(train('grades.csv', '--label', 'a').err).not.toContain('note');
});

describe('a label that is missing', () => {
  it('is refused, and its row left out where that is asked for', () => {
    written('gaps.csv', `a,y\n${lines(200, (i) => `${i},${i % 10 === 3 ? 'NA' : i / 7}`)}`);
    const cure = 'got none in 20 rows, the first row 3 (from 0); leave such rows out with --missing-labels drop';
    expect(train('gaps.csv', '--label', 'y').err).toContain(cure);
    const dropped = train('gaps.csv', '--label', 'y', '--missing-labels', 'drop', '--at-least', '3');
    expect(dropped.code).toBe(0);
    expect(dropped.err).toContain('left out 20 rows without a label\n162 rows to learn from, 18 held out, 1 feature\n');
    written('odd.csv', 'a,label\n1,yes\n2,yes\n3,\n');
    expect(train('odd.csv', '--label', 'label', '--held-out', '0').err).toMatch(
      /^tensorwood: train: expected a label in every row, got none in 1 row, the first row 2 \(from 0\); leave such rows out with [^\n]*\n$/,
    );
    written('none.csv', `a,y\n${lines(20, () => '1,')}`);
    expect(train('none.csv', '--label', 'y', '--missing-labels', 'drop').err).toContain("labels in column 'y', got none in 20 rows");
  });
});

describe('inspect', () => {
  it('says how doubtful columns were read, and the flags help', () => {
    written('odd.csv', `"distance, km",y\n${lines(300, (i) => `${i === 250 ? 'far' : (i * 0.37).toFixed(2)},${i % 5}`)}`);
    const asked = run('inspect', 'odd.csv').out;
    expect(asked).toContain('distance, km  300 categories');
    const cure = `--numbers '"distance, km"' --bad-values missing, or --missing far in place of the usual words`;
    expect(asked).toContain(
      `Read by guess\n  'distance, km': read as categories for 1 field that is no number: 'far' in line 252 (to change it: ${cure})\n`,
    );
    expect(run('inspect', 'odd.csv', '--missing', 'far').out).toContain('distance, km  number, 0 to 111, mean 55.2, 1 missing (0.3 %)\n');
    const cured = run('inspect', 'odd.csv', '--numbers', '"distance, km"', '--bad-values', 'missing').out;
    expect(cured).toContain("'distance, km': 1 field that is no number was taken for missing, the first 'far' in line 252\n");
    expect(run('inspect', 'odd.csv', '--numbers', 'distance, km').err).toContain(
      "line 252: expected a number in column 'distance, km', got 'far'; take such fields for missing with --bad-values 'missing'",
    );
  });

  it('shows dates as dates, and reads the columns that are asked for', () => {
    written('days.csv', `when,y\n${lines(19, (i) => `2024-01-${10 + i},${i}`)}`);
    expect(run('inspect', 'days.csv').out).toContain('when  time, 2024-01-10 to 2024-01-28\n');
    expect(run('inspect', 'days.csv', '--columns', 'y').out).not.toContain('when');
    written('order.csv', 'when,y\n31/01/2024,1\n01/02/2024,2\n');
    expect(run('inspect', 'order.csv').out).toContain('(to change it: --date-order dmy or --date-order mdy)');
    expect(run('inspect', 'order.csv', '--date-order', 'dmy').out).toContain('when  time, 2024-01-31 to 2024-02-01\n');
  });

  it('says what is no table', () => {
    writeFileSync(join(folder, 'labels'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9));
    expect(run('inspect', 'labels').out).toMatch(/^labels: IDX, Uint8Array \(2,\), 0\.0 kB; no table: readIdx/);
    mkdirSync(join(folder, 'plain'));
    expect(run('inspect', 'plain').err).toBe("tensorwood: run: 'plain' is a folder without run.json: no run was written there\n");
    written('lines.jsonl', '{"a": 1}\n{"a": 2}\n');
    expect(run('inspect', 'lines.jsonl').err).toBe(
      "tensorwood: readCsv: 'lines.jsonl' is JSON, not delimited text; write it as CSV first\n",
    );
  });

  it('names the flag that reads a table below a title', () => {
    written('title.csv', 'Report 2024\n\na,b\n1,2\n3,4\n');
    const refused = run('inspect', 'title.csv').err;
    expect(refused).toContain('; leave out the lines above the header with --skip-lines 2\n');
    expect(run('inspect', 'title.csv', '--skip-lines', '2', '--delimiter', ',').out).toContain('table of 2 rows');
  });

  it('counts one of a kind as one', () => {
    written('single.csv', 'town,y\nOslo,1\n');
    expect(run('inspect', 'single.csv').out).toMatch(/table of 1 row\n[\s\S]*town {2}1 category \(Oslo\)\n/);
  });

  it('names columns in place of a header that names one twice', () => {
    written('twice.csv', 'a,a,y\n1,2,3\n4,5,6\n');
    expect(run('inspect', 'twice.csv').err).toContain("names the column 'a' twice; pass --names to read it");
    expect(run('inspect', 'twice.csv', '--names', 'a,b,y').out).toMatch(/ {2}a .*\n {2}b .*\n {2}y /);
  });
});

it('what is to be trained is named by its nearest name, and answers are CSV', () => {
  expect(run('train', 'tree', '--data', 'x.csv')).toMatchObject({
    code: 2,
    err: "tensorwood: train: expected one of trees, embedding-classifier, gru-classifier, mlp, resnet, vit, got 'tree', did you mean 'trees'?\n",
  });
  expect(run('predict', 'none', '--data', 'x.csv', '--output', 'y.parquet')).toMatchObject({
    code: 2,
    err: "tensorwood: predict: expected --output to be a file of CSV, the format that is written, got 'y.parquet'; name it .csv\n",
  });
});

describe('predict', () => {
  it('reads columns as the model knows them, and names the field that is none', () => {
    written('hours.csv', `hour,y\n${lines(200, (i) => `${10 + (i % 14)},${i % 14}`)}`);
    expect(train('hours.csv', '--label', 'y').code).toBe(0);
    const predict = (text: string, ...flags: string[]): Answer => {
      written('new.csv', text);
      return run('predict', 'runs/hours.csv', '--data', 'new.csv', ...flags);
    };
    expect(predict('hour,y\n09,0\n10,0\n').out).toMatch(/^y,prediction\n0,(\S+)\n0,\1\n$/);
    expect(predict('hour,y\n#N/A,0\n10,0\n').code).toBe(0);
    expect(predict('hour,y\nlate,0\n10,0\n').err).toBe(
      "tensorwood: readCsv: 'new.csv' line 2: expected a number in column 'hour', got 'late'; take such fields for missing with --bad-values 'missing'\n",
    );
    const missing = predict('hour,y\nlate,0\n10,0\n', '--bad-values', 'missing');
    expect(missing.err).toBe("note: 'hour': 1 field that is no number was taken for missing, the first 'late' in line 2\n");
    expect(missing.out.split('\n')).toHaveLength(4);
  });

  it('reads a table as the run read its own, unless flags say otherwise', () => {
    const german = (value: number): string => value.toLocaleString('de-DE', { minimumFractionDigits: 2 });
    const answers = (folder: string, text: string, ...flags: string[]): string => {
      written('new.csv', text);
      const { err, out } = run('predict', folder, '--data', 'new.csv', ...flags);
      return err || out;
    };
    written('german.csv', `preis;y\n${lines(200, (i) => `${german(900 + 1.25 * i)};${i}`)}`);
    expect(train('german.csv', '--label', 'y').code).toBe(0);
    expect(answers('runs/german.csv', 'preis\n1.150\n')).toBe(answers('runs/german.csv', 'preis\n1150\n'));
    expect(answers('runs/german.csv', 'preis\n1.150\n')).not.toBe(answers('runs/german.csv', 'preis\n1.150\n', '--decimal', '.'));
    const held = readFileSync(join(folder, 'runs/german.csv/held-out.csv'), 'utf8');
    expect(held).toMatch(/^preis;y\n(\d+(,\d+)?;\d+\n){20}$/);
    expect(run('predict', 'runs/german.csv', '--data', 'runs/german.csv/held-out.csv')).toMatchObject({ code: 0, err: '' });

    written(
      'given.csv',
      `when,size,y\n${lines(120, (i) => `${String(1 + (i % 28)).padStart(2, '0')}/02/2024,${i % 9 ? i : 'far'},${i % 28}`)}`,
    );
    const flags = ['--date-order', 'dmy', '--dates', 'when', '--missing', 'far', '--numbers', 'y', '--categories', 'size'];
    expect(train('given.csv', '--label', 'y', ...flags).code).toBe(0);
    for (const data of ['given.csv', 'runs/given.csv/held-out.csv']) expect(run('predict', 'runs/given.csv', '--data', data).code).toBe(0);
    expect(answers('runs/given.csv', 'when,size\n03/02/2024,far\n')).toBe(answers('runs/given.csv', 'when,size\n2024-02-03,\n'));
  });

  it('makes calendar features of dates in text', () => {
    written('dates.csv', `when,y\n${lines(80, (i) => `2024-0${1 + (i % 9)}-1${i % 7},${i % 9}`)}`);
    expect(train('dates.csv', '--label', 'y', '--times', 'when').code).toBe(0);
    for (const data of ['dates.csv', 'runs/dates.csv/held-out.csv'])
      expect(run('predict', 'runs/dates.csv', '--data', data).out).toMatch(/^y,prediction\n(\d+,[\d.e-]+\n)+$/);
    written('odd-date.csv', `when,y\n${lines(30, (i) => `${i === 20 ? 'soon' : '2024-01-10'},1`)}`);
    const odd = run('predict', 'runs/dates.csv', '--data', 'odd-date.csv');
    expect(odd.err).toContain(
      "'when': read as categories for 1 field that is no date: 'soon' in line 22 (to change it: --dates when --bad-values",
    );
    expect(run('predict', 'runs/dates.csv', '--data', 'odd-date.csv', '--dates', 'when', '--bad-values', 'missing').code).toBe(0);
  });

  it('reads what libsvm left out of the file', () => {
    written(
      'train.svm',
      lines(100, (i) => `${i % 2} 1:${i % 2} 4:${i}`),
    );
    written('test.svm', '1 1:1\n0 2:3\n');
    expect(train('train.svm', '--label', 'label').err).toContain('note: libsvm was read: label, and f1, f2');
    expect(run('predict', 'runs/train.svm', '--data', 'test.svm').out).toMatch(/^label,prediction\n1,.*\n0,.*\n$/);
    written('long.svm', `${lines(2000, () => `1 1:1${' '.repeat(600)}`)}0 9:1\n`); // a column that the first MiB does not show
    expect(run('inspect', 'long.svm', '--ignore', 'f1').out).toMatch(/ {2}label .*\n {2}f2 [\s\S]* {2}f9 {5}number, 0 to 1/);
  });
});
