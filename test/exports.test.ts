// The public face is whole: every type that a declaration of it names has a name in it too. Reads the compiled declarations.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const dist = join(__dirname, '..', 'dist');

interface Declarations {
  /** Declared name -> text without comments and private members. */
  readonly own: ReadonlyMap<string, string>;
  /** Local name -> the file and name it has where it is declared. */
  readonly imported: ReadonlyMap<string, readonly [file: string, name: string]>;
  readonly text: string;
}

const files = new Map<string, Declarations>();

function resolveFile(from: string, target: string): string {
  const path = join(dirname(from), target);
  return existsSync(`${path}.d.ts`) ? `${path}.d.ts` : join(path, 'index.d.ts');
}

/** `a, type B as C` -> [a, a], [B, C]. */
const namesOf = (list: string): [string, string][] =>
  list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => item.split(' as ') as [string, string?])
    .map(([name, local = name]) => [name, local]);

function declarationsOf(file: string): Declarations {
  const known = files.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, 'utf8')
    .replace(/\/\*\*\s*@internal[\s\S]*?\*\/[^;]*;/g, '')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*(private|#).*$/gm, '');
  const parts = text.split(/^(?=(?:export )?(?:declare |interface |type |class |abstract ))/m);
  const own = new Map<string, string>();
  for (const part of parts) {
    const name = part.match(/^(?:export )?(?:declare )?(?:abstract )?(?:const|function|class|interface|type|let) (\w+)/)?.[1];
    if (name !== undefined) own.set(name, (own.get(name) ?? '') + part.replace(/^(import|export) .*from '.*$/gm, ''));
  }
  const imported = new Map<string, readonly [string, string]>();
  for (const [, list, target] of text.matchAll(/^import (?:type )?\{([^}]*)\} from ['"](\.[^'"]*)['"]/gm))
    for (const [name, local] of namesOf(list!)) imported.set(local, [resolveFile(file, target!), name]);
  const found = { own, imported, text };
  files.set(file, found);
  return found;
}

/** Every public name of an entry: file and name of its declaration. */
function facesOf(entry: string): Map<string, readonly [string, string]> {
  const faces = new Map<string, readonly [string, string]>();
  const { text, own } = declarationsOf(entry);
  for (const name of own.keys()) faces.set(name, [entry, name]);
  for (const [, list, target] of text.matchAll(/^export (?:type )?\{([^}]*)\} from ['"]([^'"]*)['"]/gm))
    for (const [name, local] of namesOf(list!)) faces.set(local, [resolveFile(entry, target!), name]);
  for (const [, target] of text.matchAll(/^export \* from ['"]([^'"]*)['"]/gm))
    for (const [name, at] of facesOf(resolveFile(entry, target!))) faces.set(name, at);
  return faces;
}

/** What users hold no value of: native handles, and the inside of Executor, of codecs and of operations. */
const inner = /Handle$|^(Owned|LoadedProgram|HasKernel|Code|Kind|Application|KernelCall|View|InPlace)$/;

/** Names that a public declaration uses and the entry does not have. */
function missingOf(entry: string): string[] {
  const faces = facesOf(entry);
  const known = new Set([...faces.values()].map(([file, name]) => `${file} ${name}`));
  const missing = new Set<string>();
  for (const [face, [file, name]] of faces) {
    const { own, imported } = declarationsOf(file);
    const declaration = own.get(name);
    if (declaration === undefined) throw new Error(`${face}: no declaration of ${name} in ${file}`);
    for (const word of new Set(declaration.match(/\b[A-Z]\w*\b(?!\??:)/g))) {
      const [origin, original] = imported.get(word) ?? [file, word];
      const at = facesOf(origin).get(original);
      if (inner.test(word)) continue;
      if (at !== undefined && !known.has(`${at[0]} ${at[1]}`)) missing.add(`${at[1]} of ${relative(dist, at[0])}, used by ${face}`);
    }
  }
  return [...missing];
}

describe('exports', () => {
  it.each(['index.d.ts', 'trees/index.d.ts', 'nn/index.d.ts'])('%s names every type that it uses', (entry) => {
    expect(facesOf(join(dist, entry)).size).toBeGreaterThan(10);
    expect(missingOf(join(dist, entry))).toEqual([]);
  });

  it('a declaration has one public name', () => {
    const names = new Map<string, string>();
    const twice: string[] = [];
    for (const entry of ['index.d.ts', 'trees/index.d.ts', 'nn/index.d.ts']) {
      for (const [face, [file, name]] of facesOf(join(dist, entry))) {
        const before = names.get(`${file} ${name}`);
        if (before !== undefined && before !== face) twice.push(`${before} and ${face}`);
        names.set(`${file} ${name}`, face);
      }
    }
    expect(twice).toEqual([]);
  });
});
