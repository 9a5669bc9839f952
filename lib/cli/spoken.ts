// Errors of the API in the voice of the command line. A message names options as the API calls them: `expected learningRate to be …`, and, in the cures
// that follow a semicolon, `pass { names } to read it`. Here they become the flags of the command that runs; a cure that no flag gives is left out.
import { flagName } from '../schema';

/** Whether the command has a flag. */
type Knows = (flag: string) => boolean;

const quoted = /'(?:[^']|'(?=\w))*'/g;
/** What only a program can do: a call, an option that is no flag, a name in camel case, a value of the language. */
const isCode = (clause: string): boolean => /\w\(|\{|\b(await|null|undefined)\b|\b[a-z]+[A-Z]/.test(clause);

const spokenCure = (cure: string, knows: Knows): string =>
  cure.replace(/\{ (\w+)(?:: ([^{},]+))? \}/g, (written, option: string, value?: string) => {
    if (!knows(flagName(option))) return written;
    return value === undefined || value === 'true' ? `--${flagName(option)}` : `--${flagName(option)} ${value}`;
  });

const spokenProblem = (problem: string, knows: Knows): string =>
  problem.replace(/\bexpected ([a-zA-Z]+)(?= to be\b)/g, (written, option: string) =>
    knows(flagName(option)) ? `expected --${flagName(option)}` : written,
  );

/** The message of an error as the command line tells it; what stands in quotes stays as it is. */
export function spoken(message: string, knows: Knows): string {
  const kept: string[] = [];
  const masked = message.replace(quoted, (text) => `\0${kept.push(text) - 1}\0`);
  const [problem = '', ...cures] = masked.split('; ');
  const clauses = [spokenProblem(problem, knows), ...cures.map((cure) => spokenCure(cure, knows)).filter((cure) => !isCode(cure))];
  return clauses.join('; ').replace(/\0(\d+)\0/g, (_, place: string) => kept[Number(place)]!);
}
