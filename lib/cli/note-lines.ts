// What a reader guessed, as lines of the command line: the options that decide otherwise become flags that can be pasted into a shell.
import type { Note } from '../data/notes';
import { flagName } from '../schema';
import { listWord } from './command';
import { shellWord } from './runs';

const quoted = (columns: readonly string[]): string => {
  const shown = columns.slice(0, 3).map((c) => `'${c}'`);
  return columns.length > shown.length ? `${shown.join(', ')} and ${columns.length - shown.length} more` : shown.join(', ');
};

/** An option with its value, a text or a list of one. */
const written = /(\w+): (\[?)'((?:[^'\\]|\\.)*)'\]?/gs;

/** `numbers: ['a b'], badValues: 'missing'` -> `--numbers 'a b' --bad-values missing`; undefined where one of them is no flag. */
function flagsOf(options: string, knows: (flag: string) => boolean): string | undefined {
  if (![...options.matchAll(written)].every(([, name]) => knows(flagName(name!)))) return undefined;
  return options.replace(/('\]?), (?=\w+: )/g, '$1 ').replace(written, (_, name: string, list: string, value: string) => {
    const text = value.replace(/\\(.)/gs, '$1');
    return `--${flagName(name)} ${shellWord(list === '' ? text : listWord(text))}`;
  });
}

/** A line for each note, with the flags that decide otherwise; columns of which the same is to be said share one. */
export function noteLines(notes: readonly Note[], knows: (flag: string) => boolean): string[] {
  const columns = new Map<string, string[]>();
  for (const { column, message, cure } of notes) {
    const flags = cure === undefined ? undefined : flagsOf(cure.option, knows);
    const spoken = message.replace(/\{ (\w+) \}/g, (all, option: string) => (knows(flagName(option)) ? `--${flagName(option)}` : all));
    const told = `${spoken}${flags === undefined ? '' : ` (to change it: ${flags})`}`;
    columns.set(told, [...(columns.get(told) ?? []), ...(column === undefined ? [] : [column])]);
  }
  return Array.from(columns, ([told, named]) => (named.length === 0 ? told : `${quoted(named)}: ${told}`));
}
