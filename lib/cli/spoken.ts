// Errors of the API in the voice of the command line. A message names options as the API calls them: `expected learningRate to be …`, and, in the cures
// that follow a semicolon, `pass { names } to read it`. Here they become the flags of the command that runs; a cure that no flag gives is left out.
import { flagName } from '../schema';

/** Whether the command has a flag. */
type Knows = (flag: string) => boolean;

const quoted = /'(?:[^']|'(?=\w))*'/g;
/** What only a program can do: a call, an option that is no flag, a name in camel case. */
const isCode = (clause: string): boolean => /\w\(|\{|\bawait\b|\b[a-z]+[A-Z]/.test(clause.replaceAll(quoted, ''));

const spokenCure = (cure: string, knows: Knows): string =>
  cure.replace(/\{ (\w+)(?:: ([^{}]+))? \}/g, (written, option: string, value?: string) => {
    if (!knows(flagName(option))) return written;
    return value === undefined || value === 'true' ? `--${flagName(option)}` : `--${flagName(option)} ${value}`;
  });

/** The message of an error as the command line tells it. */
export function spoken(message: string, knows: Knows): string {
  const [problem = '', ...cures] = clausesOf(message);
  const named = problem.replace(/\bexpected ([a-zA-Z]+)(?= to be\b)/g, (written, option: string) =>
    knows(flagName(option)) ? `expected --${flagName(option)}` : written,
  );
  return [named, ...cures.map((cure) => spokenCure(cure, knows)).filter((cure) => !isCode(cure))].join('; ');
}

/** What stands between semicolons, but for those in quotes. */
function clausesOf(message: string): string[] {
  const kept: string[] = [];
  const masked = message.replace(quoted, (text) => `\0${kept.push(text) - 1}\0`);
  return masked.split('; ').map((clause) => clause.replace(/\0(\d+)\0/g, (_, i: string) => kept[Number(i)]!));
}
