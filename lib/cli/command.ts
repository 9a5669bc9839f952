// What a command is, how its arguments are read and how its help is laid out. Each file of lib/cli/commands exports one `command`; the file's name is the
// command's.
import { parseArgs } from 'node:util';
import { fail } from '../errors';
import { flagName, rowsOf, type Schema, suggestion } from '../schema';

export interface Flag {
  /** What stands for the value in the help; absent = a switch. */
  readonly value?: string;
  /** Whether the value is a list: read it by listFlag(). */
  readonly list?: true;
  readonly doc: string;
}

export interface Section {
  readonly title: string;
  readonly flags: Readonly<Record<string, Flag>>;
}

/** Values by the names of flags; of a list, each that was given. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[]>>;

/** What a command is given: `subject` and the other words, flags by name without dashes, and a signal that Ctrl-C aborts. */
export interface Input {
  readonly words: readonly string[];
  readonly flags: Flags;
  readonly signal: AbortSignal;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** After `tensorwood`: `inspect FILE [flags]`. */
  readonly usage: string;
  readonly description?: string;
  readonly examples?: readonly string[];
  /** How many words may follow the command: least and most. */
  readonly words: readonly [number, number];
  /** The first words that flags depend on, where they do. */
  readonly subjects?: readonly string[];
  /** Flags; they may depend on the first word, such as the model to train. Without a word: what is worth saying in the general help. */
  sections(subject: string | undefined): readonly Section[] | Promise<readonly Section[]>;
  run(input: Input): Promise<void>;
}

export const globalFlags: Readonly<Record<string, Flag>> = {
  help: { doc: 'show this help' },
  verbose: { doc: 'show the stack of an error' },
};

/** The flags of a schema, for a section. */
export function flagsOfSchema(schema: Schema): Record<string, Flag> {
  const rows = rowsOf(schema).map(({ name, accepts, default: value, doc: text }) => {
    const { kind } = schema[name]!;
    const doc = text.replace(/\b[a-z]+[A-Z]\w*/g, (word) => (Object.hasOwn(schema, word) ? `--${flagName(word)}` : word));
    const flag: Flag =
      kind === 'boolean'
        ? { doc: `${doc}${value === 'true' ? ` (on; --no-${flagName(name)} turns it off)` : ''}` }
        : {
            value: valueName(kind),
            ...(kind === 'integers' ? { list: true } : {}),
            doc: `${doc} (${kind === 'text' ? '' : `${accepts}; `}default ${value})`,
          };
    return [flagName(name), flag] as const;
  });
  return Object.fromEntries(rows);
}

const valueName = (kind: string): string => ({ number: 'X', integer: 'N', integers: 'N,N', choice: 'NAME' })[kind] ?? 'TEXT';

interface Arguments extends Pick<Input, 'words' | 'flags'> {
  /** All flags that the command has. */
  readonly known: Readonly<Record<string, Flag>>;
}

/** Words and flags of a command line. @throws ERR_TENSORWOOD_ARGUMENT for an unknown flag, a missing value or a wrong number of words */
export async function readArguments(name: string, command: Command, args: readonly string[]): Promise<Arguments> {
  const subject = subjectOf(name, command, args);
  const known: Record<string, Flag> = Object.assign({}, globalFlags, ...(await command.sections(subject)).map((s) => s.flags));
  const options = Object.fromEntries(
    Object.entries(known).map(([flag, { value }]) => [flag, { type: value === undefined ? ('boolean' as const) : ('string' as const) }]),
  );
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
    allowNegative: true,
  });
  const flags: Record<string, string | boolean | string[]> = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const flag = flagOf(token.name, known);
    const value = flagValue(name, token, known);
    flags[flag] = known[flag]?.list === true ? [...((flags[flag] as string[] | undefined) ?? []), String(value)] : value;
  }
  if (flags.help !== true) checkWords(name, command, positionals);
  return { words: positionals, flags, known };
}

/** The first word. After a flag, whose value may be a word too, only one that the command knows. */
function subjectOf(name: string, { subjects, usage }: Command, args: readonly string[]): string | undefined {
  if (!args[0]?.startsWith('-')) return args[0];
  const found = args.find((word) => subjects?.includes(word));
  if (found === undefined && subjects !== undefined && !args.includes('--help'))
    fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected one of ${subjects.join(', ')} before the flags; usage: tensorwood ${usage}`);
  return found;
}

const flagOf = (written: string, known: Readonly<Record<string, Flag>>): string =>
  known[written] === undefined && written.startsWith('no-') ? written.slice(3) : written;

function flagValue(
  name: string,
  token: { readonly name: string; readonly rawName: string; readonly value?: string | undefined },
  known: Readonly<Record<string, Flag>>,
): string | boolean {
  const flag = known[flagOf(token.name, known)];
  if (flag === undefined) {
    const near = suggestion(
      `--${token.name}`,
      Object.keys(known).map((k) => `--${k}`),
    );
    return fail('ERR_TENSORWOOD_ARGUMENT', `${name}: unknown flag ${token.rawName}${near}; see tensorwood ${name} --help`);
  }
  if (flag.value === undefined) {
    if (token.value !== undefined && !['true', 'false'].includes(token.value))
      fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected ${token.rawName} without a value, got '${token.value}'`);
    return (token.value ?? 'true') === 'true' && flagOf(token.name, known) === token.name;
  }
  if (token.value === undefined) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a value after ${token.rawName} (${flag.value})`);
  return token.value;
}

function checkWords(name: string, command: Command, words: readonly string[]): void {
  const [least, most] = command.words;
  if (words.length >= least && words.length <= most) return;
  const problem = words.length < least ? 'something is missing' : `'${words[most]}' is too much`;
  fail('ERR_TENSORWOOD_ARGUMENT', `${name}: ${problem}; usage: tensorwood ${command.usage}`);
}

/** The given flag as text, or undefined. */
export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * All that a flag lists, each time that it is given; empty when it is absent. `a,b , c` -> a, b, c; quotes as in CSV hold commas and spaces:
 * `"a, b",c` -> `a, b` and c. A value that is one of the `names` as a whole is that name.
 */
export const listFlag = (flags: Flags, name: string, names: readonly string[] = []): string[] =>
  ((flags[name] ?? []) as readonly string[]).flatMap((value) => (names.includes(value) ? [value] : splitList(value)));

/** A name as an item of such a list. */
export const listWord = (item: string): string => (/[,"]|^\s|\s$/.test(item) ? `"${item.replaceAll('"', '""')}"` : item);

const splitList = (value: string): string[] =>
  Array.from(value.matchAll(/\s*(?:"((?:[^"]|"")*)"\s*(?=,|$)|([^,]*))(?:,|$)/g), ([, quoted, plain]) =>
    quoted === undefined ? plain!.trim() : quoted.replaceAll('""', '"'),
  ).filter((item) => item !== '');

/** @throws ERR_TENSORWOOD_ARGUMENT when the flag is absent */
export const requiredFlag = (name: string, flags: Flags, flag: string): string =>
  textFlag(flags, flag) ?? fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected --${flag}; see tensorwood ${name} --help`);
