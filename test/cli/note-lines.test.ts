// Notes on the command line: their options as flags that a shell takes apart into the same words.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { listFlag } from '../../lib/cli/command';
import { noteLines } from '../../lib/cli/note-lines';
import { literal } from '../../lib/data/notes';

const note = (option: string) => ({ column: 'x', message: 'read so', cure: { option } });
const lines = (option: string, knows = (_: string) => true): string[] => noteLines([note(option)], knows);

describe('the cure of a note', () => {
  it.each(['plain', 'a, b', "it's", 'a "b"', ' edge ', 'back\\slash', '$HOME', '-', 'Größe', 'two\nlines'])(
    'names the column %j',
    (name) => {
      const [line] = lines(`categories: [${literal(name)}]`);
      const [, words] = /^'x': read so \(to change it: --categories (.*)\)$/s.exec(line!)!;
      const word = execFileSync('sh', ['-c', `printf %s ${words}`], { encoding: 'utf8' });
      expect(listFlag({ categories: [word] }, 'categories')).toEqual([name]);
    },
  );

  it.each([
    ["dateOrder: 'dmy' or dateOrder: 'mdy'", '--date-order dmy or --date-order mdy'],
    ["delimiter: ' '", "--delimiter ' '"],
    ["numbers: ['a'], badValues: 'missing', or missing: ['b'] in place", '--numbers a --bad-values missing, or --missing b in place'],
  ])('%s', (option, flags) => {
    expect(lines(option)).toEqual([`'x': read so (to change it: ${flags})`]);
  });

  it('is left out where the command has no such flag', () => {
    expect(lines("decimal: ','", () => false)).toEqual(["'x': read so"]);
  });
});
