// Cures at the door where they are named: every message of the library that names an option names one that exists, and the command line either turns it
// into a flag of the command that runs, or leaves the cure out. Every flag that a message names exists.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findModel, modelNames } from '../../lib';
import type { Command, Flag } from '../../lib/cli/command';
import { globalFlags } from '../../lib/cli/command';
import { command as inspect } from '../../lib/cli/commands/inspect';
import { command as predict } from '../../lib/cli/commands/predict';
import { command as train } from '../../lib/cli/commands/train';
import { spoken } from '../../lib/cli/spoken';
import { csvSchema } from '../../lib/data/csv';
import { trainSchema } from '../../lib/train/loop';
import { datasetSchema, treeSchema } from '../../lib/trees/params';

const root = join(__dirname, '..', '..');
const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', 'lib', 'native/data', 'native/trees', 'native/napi'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => /\.(ts|cpp|h)$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '') }));
const ofLibrary = sources.filter(({ file }) => !file.startsWith('lib/cli/'));
const ofCommandLine = sources.filter(({ file }) => file.startsWith('lib/cli/'));

/** Text in quotes of any kind, on one line. */
const literals = (text: string): string[] =>
  text.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`/g)?.map((l) => l.slice(1, -1)) ?? [];

const mark = /\{ (\w+)(?:: [^{},]+)? \}/g;

/** Cures: the sentences after semicolons, in messages of the library. */
const cures = ofLibrary.flatMap(({ file, text }) =>
  literals(text)
    .filter((literal) => literal.includes('; ') && /^\S*: |\bexpected\b/.test(literal)) // no documentation
    .flatMap((literal) => literal.split('; ').slice(1))
    .map((cure) => ({ file, cure })),
);
const marked = cures.filter(({ cure }) => cure.match(mark) !== null);

/** Names of options: of the schemas, and of the interfaces that are called so. */
const options = new Set(['text', 'evaluation']); // a kind of source; options of a type that is no interface
const flags = new Map<string, Readonly<Record<string, Flag>>>();

beforeAll(async () => {
  const models = await Promise.all(modelNames().map((name) => findModel(name)));
  for (const schema of [csvSchema, trainSchema, treeSchema, datasetSchema, ...models.map((m) => m.schema)])
    for (const name of Object.keys(schema)) options.add(name);
  for (const { text } of ofLibrary)
    for (const [, body] of text.matchAll(/interface \w*Options\b[^{]*\{([^}]*)\}/g))
      for (const [, name] of body!.matchAll(/readonly (\w+)\??:/g)) options.add(name!);
  const doors: [string, Command, string | undefined][] = [
    ['inspect', inspect, undefined],
    ['predict', predict, undefined],
    ['train trees', train, 'trees'],
    ...modelNames().map((name): [string, Command, string] => [`train ${name}`, train, name]),
  ];
  for (const [door, command, subject] of doors)
    flags.set(door, Object.assign({}, globalFlags, ...(await command.sections(subject)).map((s) => s.flags)));
});

const says = (message: string, ...known: string[]): string => spoken(message, (flag) => known.includes(flag));

describe('spoken', () => {
  it('turns the options of a cure into flags, and leaves out what no flag gives', () => {
    const message = "readCsv: 'a.csv' names the column 'a' twice; pass { names } to read it";
    expect(says(message, 'names')).toBe("readCsv: 'a.csv' names the column 'a' twice; pass --names to read it");
    expect(says(message)).toBe("readCsv: 'a.csv' names the column 'a' twice");
    expect(says("x: bad; leave it out with { badLines: 'skip' }", 'bad-lines')).toBe("x: bad; leave it out with --bad-lines 'skip'");
    expect(says('x: bad; leave { resume: true } out', 'resume')).toBe('x: bad; leave --resume out');
    expect(says('x: bad; lower { batchSize } or { accumulate }', 'batch-size', 'accumulate')).toBe(
      'x: bad; lower --batch-size or --accumulate',
    );
    expect(says('x: bad; lower { batchSize } or { accumulate }', 'batch-size')).toBe('x: bad');
    expect(says('x: bad; use loadWeights; the file is damaged')).toBe('x: bad; the file is damaged');
    expect(says('x: bad; read it with { numbers }; pass null where there is none', 'numbers')).toBe('x: bad; read it with --numbers');
    expect(says('x: bad; pass strings or { codes, categories }', 'categories')).toBe('x: bad');
  });

  it('names the flag whose value is refused', () => {
    const message = 'trainTrees: expected learningRate to be a number in (0, 1], got 3';
    expect(says(message, 'learning-rate')).toBe('trainTrees: expected --learning-rate to be a number in (0, 1], got 3');
    expect(says(message)).toBe(message);
  });

  it('leaves what stands in quotes as it is', () => {
    const message = "inspect: '{ names }; use loadWeights' is 'expected names to be; x'";
    expect(says(message, 'names')).toBe(message);
    expect(says("predict: expected 'aB' in the model's note; it's 'myName'", 'a-b')).toBe(
      "predict: expected 'aB' in the model's note; it's 'myName'",
    );
  });
});

describe('messages', () => {
  it('name options that exist, each in braces', () => {
    expect(marked.length).toBeGreaterThan(5);
    const absent = marked.flatMap(({ file, cure }) =>
      [...cure.matchAll(mark)].filter(([, name]) => !options.has(name!)).map(([m]) => `${file}: ${m}`),
    );
    expect(absent).toEqual([]);
  });

  it('name no option without braces in a cure', () => {
    const unmarked = cures.flatMap(({ file, cure }) => {
      const words = cure
        .replaceAll(mark, '')
        .matchAll(/\b(?:(?:pass|give|set|lower|raise|without|with|by) )?([a-z]+(?:[A-Z]\w*)?)\b(?!\()/g);
      return [...words]
        .filter(([all, word]) => options.has(word!) && (all !== word || /[A-Z]/.test(word!)))
        .map(([all]) => `${file}: '${all}' in '${cure}'`);
    });
    expect(unmarked).toEqual([]);
  });

  it('say nothing on the command line that it does not have', () => {
    for (const [door, known] of flags)
      for (const { cure } of marked) {
        const said = spoken(`x; ${cure}`, (flag) => Object.hasOwn(known, flag));
        expect(said.replaceAll(/\$\{[^}]*\}/g, '')).not.toMatch(/[{}]/);
        for (const [, flag] of said.matchAll(/--([a-z-]+)/g)) expect([door, flag, Object.hasOwn(known, flag!)]).toEqual([door, flag, true]);
      }
  });

  it('of the command line name flags that exist', () => {
    const known = new Set([...flags.values()].flatMap((all) => Object.keys(all)));
    for (const name of ['cuda', 'json', 'peers', 'version']) known.add(name); // of build, devices and bench; asked without a command
    const named = ofCommandLine.flatMap(({ file, text }) =>
      literals(text).flatMap((literal) =>
        [...literal.matchAll(/(?<![\w-])--(?:no-)?([a-z][a-z-]+)/g)].map(([, flag]) => ({ file, flag: flag! })),
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ flag }) => !known.has(flag))).toEqual([]);
  });
});
