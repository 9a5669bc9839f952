// The help texts: laid out from what the commands declare, as wide as the terminal.
import { type Command, type Flag, globalFlags, type Section } from './command';

const widest = 100; // characters; longer lines are hard to read

const widthOf = (): number => Math.min(widest, Math.max(60, process.stdout.columns ?? widest));

/** Text in lines of at most `width` characters, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line += (line === '' ? '' : ' ') + word;
  }
  return [...lines, line];
}

/** Two columns: names on the left, wrapped texts on the right. */
export function layOut(rows: readonly (readonly [string, string])[], width = widthOf()): string {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 2);
  return rows
    .flatMap(([name, text]) => {
      const lines = wrap(text, width - left - 2);
      const first = name.length < left ? [`  ${name.padEnd(left)}${lines.shift()}`] : [`  ${name}`];
      return [...first, ...lines.map((line) => ' '.repeat(left + 2) + line)];
    })
    .join('\n');
}

const flagLabel = (name: string, { value }: Flag): string => `--${name}${value === undefined ? '' : ` ${value}`}`;

function describeSection({ title, flags }: Section): string {
  const rows = Object.entries(flags).map(([name, flag]) => [flagLabel(name, flag), flag.doc] as const);
  return `${title}\n${layOut(rows)}`;
}

const paragraphs = (text: string): string =>
  text
    .split('\n\n')
    .map((p) => wrap(p, widthOf()).join('\n'))
    .join('\n\n');

/** Help of one command with the sections of its flags. */
export function describeCommand(command: Command, own: readonly Section[]): string {
  const sections = [...own, { title: 'Everywhere', flags: globalFlags }];
  return [
    `tensorwood ${command.usage}`,
    paragraphs(command.description ?? command.summary),
    ...sections.filter((s) => Object.keys(s.flags).length > 0).map(describeSection),
    ...(command.examples === undefined ? [] : [`Examples\n${command.examples.map((line) => `  ${line}`).join('\n')}`]),
  ].join('\n\n');
}

/** The general help. */
export function describeAll(commands: readonly (readonly [string, Command])[]): string {
  return [
    'tensorwood: train and run transformers and tree ensembles',
    'Usage: tensorwood COMMAND [words] [flags]',
    `Commands\n${layOut(commands.map(([name, command]) => [name, command.summary]))}`,
    'tensorwood COMMAND --help says more about a command, tensorwood train MODEL --help about the flags of a model.',
  ].join('\n\n');
}
