// The house rules that a machine can check: layers, names, sizes, and a head comment in every file.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(__dirname, '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'lib', 'native', 'test', 'bench', 'scripts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((f) => f !== '' && existsSync(join(root, f)));
const sources = files.filter((f) => /\.(ts|mts|mjs|h|cpp|cu|cuh)$/.test(f));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const libLayers =
  'errors realm schema dtype shape turns floats files native tensor ops compile executor nn models optim data formats train trees dist dashboard cli'
    .split(' ')
    .map((room) => [room]);
const nativeLayers = [['core'], ['trees', 'data'], ['cpu', 'cuda', 'dist'], ['napi']];

/** `lib/ops/reduce.ts` -> ops, `lib/shape.ts` -> shape. */
const roomOf = (file: string): string => file.split('/')[1]!.replace(/\.\w+$/, '');
const levelOf = (layers: string[][], room: string): number => layers.findIndex((l) => l.includes(room));

function importsOf(file: string): string[] {
  const text = read(file);
  if (file.startsWith('native/')) {
    return [...text.matchAll(/#include "((?:core|trees|data|cpu|cuda|dist|napi)\/[^"]+)"/g)].map((m) => `native/${m[1]}`);
  }
  return [...text.matchAll(/(?:from|import|require\()\s*['"](\.[^'"]*)['"]/g)].map((m) => relative(root, join(root, dirname(file), m[1]!)));
}

function crossings(prefix: string, layers: string[][]): string[] {
  const wrong: string[] = [];
  for (const file of sources.filter((f) => f.startsWith(`${prefix}/`) && f !== 'lib/index.ts')) {
    const room = roomOf(file);
    if (levelOf(layers, room) < 0) wrong.push(`${file}: the room '${room}' is not in the list of layers`);
    for (const target of importsOf(file)) {
      const other = roomOf(target);
      if (other !== room && levelOf(layers, other) >= levelOf(layers, room)) wrong.push(`${file} imports ${target}`);
    }
  }
  return wrong;
}

interface Written {
  readonly place: string;
  readonly lines: number;
  readonly parameters: number;
}

/** How many parameters the list that opens at `text[at]` has. */
function countParameters(text: string, at: number): number {
  let [depth, count, seen] = [0, 0, false];
  for (const c of text.slice(at).replaceAll('=>', '')) {
    if ('([{<'.includes(c)) depth++;
    else if (')]}>'.includes(c) && --depth === 0) break;
    else if (depth === 1 && c === ',') [count, seen] = [count + 1, false];
    else if (c.trim() !== '') seen = true;
  }
  return count + Number(seen);
}

const declared = '(?:export )?(?:async )?function\\*? \\w+';
const arrow = '(?:export )?const \\w+ = (?:async )?(?=[(<])';
const method = '(?:async |private |static |get |\\*)*#?(?!(?:if|for|while|switch|catch|return|super)\\b)\\w+';
const heads = new RegExp(`^( *)(?:${declared}|${arrow}|${method})(?:<.*?>)?\\(`, 'gm');

/** Functions with a body in braces. Relies on the formatter: a body ends at the first brace that closes as far in as its head begins. */
function functionsOf(file: string): Written[] {
  const text = read(file);
  const found: Written[] = [];
  for (const match of text.matchAll(heads)) {
    const rest = text.slice(match.index);
    const end = rest.search(new RegExp(`\\n${match[1]}\\}[;,)]*\\n`));
    const isCall = /;\n/.test(rest.slice(0, rest.search(/\{\n/))) || end < 0;
    if (isCall) continue;
    const lines = rest.slice(0, end).split('\n').length + 1;
    found.push({ place: `${file}: ${match[0].trim()}…`, lines, parameters: countParameters(rest, match[0].length - 1) });
  }
  return found;
}

describe('structure', () => {
  it('lib: a file imports only from its own folder or from a layer to its left', () => {
    expect(crossings('lib', libLayers)).toEqual([]);
  });

  it('native: a file includes only from its own folder or from a layer to its left', () => {
    expect(crossings('native', nativeLayers)).toEqual([]);
  });

  it('only lib/native.ts touches the addon', () => {
    expect(sources.filter((f) => f.startsWith('lib/') && f !== 'lib/native.ts' && /\.node['"`]/.test(read(f)))).toEqual([]);
  });

  it('lib asks no value of the caller for a class that its realm may have twice', () => {
    const ours =
      /instanceof (?!Tensor\b|TensorwoodError\b|Executor\b|Variable\b|Dataset\b|Forest\b|OpenedSource\b|Markup\b|Interrupted\b|RepeatedKey\b)[\w.[\]]+/;
    const asked = (f: string): string[] => read(f).match(ours) ?? [];
    const found = sources.filter((f) => /^lib\/(?!cli\/)/.test(f)).flatMap((f) => asked(f).map((what) => `${f}: ${what}`));
    expect(found, 'a value of another realm is none: use types of node:util, lib/realm.ts, Array.isArray or ArrayBuffer.isView').toEqual(
      [],
    );
  });

  it('what is shipped needs no Symbol.dispose and no import() of its realm', () => {
    const needing = /^\s*(await )?using \w+ =|\[Symbol\.(asyncD|d)ispose\]|\bimport\((?!')/m;
    expect(sources.filter((f) => /^lib\/(?!cli\/|realm)/.test(f) && needing.test(read(f).replace(/^\s*(\/\/|\/?\*).*$/gm, '')))).toEqual(
      [],
    );
  });

  it('no name says nothing', () => {
    const empty = /(^|[/_.-])(utils?|helpers?|common|misc|manager|base|new)([/_.-]|$)/;
    expect(files.filter((f) => empty.test(f))).toEqual([]);
  });

  it('constants of lib are camelCase; a paper may name one by a letter and a number', () => {
    const shouted = /^(?:export )?const [A-Z][A-Z\d_]{2,}\b/m;
    expect(sources.filter((f) => f.startsWith('lib/') && shouted.test(read(f)))).toEqual([]);
  });

  it('TypeScript files are kebab-case, C++ files snake_case', () => {
    const named = (f: string): boolean => (/\.(ts|mts|mjs)$/.test(f) ? /^[a-z0-9.-]+$/ : /^[a-z0-9_.]+$/).test(f.split('/').at(-1)!);
    expect(sources.filter((f) => !named(f))).toEqual([]);
  });

  it('every file opens with what it is', () => {
    expect(sources.filter((f) => !/^(#!.*\n)?(\/\/ \S|\/\*\*)/.test(read(f)))).toEqual([]);
  });

  const functions = sources.filter((f) => /^lib\/.*\.ts$/.test(f)).flatMap(functionsOf);

  it('no function of lib is past 60 lines, none takes more than five parameters', () => {
    expect(functions.length).toBeGreaterThan(500);
    const place = (f: Written): string => `${f.place} ${f.lines} lines, ${f.parameters} parameters`;
    expect(functions.filter((f) => f.lines > 60 || f.parameters > 5).map(place)).toEqual([]);
  });

  it('no file is past 400 lines', () => {
    expect(sources.filter((f) => read(f).split('\n').length > 401)).toEqual([]);
  });

  it('kernels hold no standard containers, exceptions or function statics', () => {
    const forbidden = /std::(vector|string|map|unordered_map|function)\b|\bthrow\b|\bnew\b [A-Za-z]/;
    expect(sources.filter((f) => /^native\/cpu\/(kernels|isa|gemm)\//.test(f) && forbidden.test(read(f).replace(/\/\/.*$/gm, '')))).toEqual(
      [],
    );
  });
});
