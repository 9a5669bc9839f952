#!/usr/bin/env node
// The command line: finds the command, reads its arguments, runs it, and turns an error into one sentence. Commands are the files of lib/cli/commands.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { TensorwoodError } from '../errors';
import { fileReason } from '../files/atomic';
import { suggestion } from '../schema';
import { type Command, type Flag, readArguments } from './command';
import { packageVersion } from './environment';
import { describeAll, describeCommand } from './help';
import { spoken } from './spoken';

const folder = join(__dirname, 'commands');

/** Commands by name, with the file of each. */
function commandFiles(): Map<string, string> {
  const files = readdirSync(folder).filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'));
  return new Map(files.sort().map((file) => [file.replace(/\.[jt]s$/, ''), join(folder, file)]));
}

async function loadCommand(file: string): Promise<Command> {
  const loaded: { command: Command } = await import(pathToFileURL(file).href);
  return loaded.command;
}

const write = (text: string): boolean => process.stdout.write(`${text}\n`);

async function describeEverything(): Promise<string> {
  const commands = await Promise.all([...commandFiles()].map(async ([name, file]) => [name, await loadCommand(file)] as const));
  return describeAll(commands);
}

/** Ctrl-C, or SIGTERM, asks the command to stop and save; a second one ends the process at once. Output into a closed pipe (`tensorwood … | head`) stops it too. */
function interruption(): AbortController {
  const controller = new AbortController();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const reason = `cannot write to standard output: ${fileReason(error)}`;
    controller.abort(isClosedPipe(error) ? error : new TensorwoodError('ERR_TENSORWOOD_FILE', reason, { cause: error }));
  });
  for (const [signal, code] of Object.entries(signals)) {
    process.once(signal, () => {
      process.stderr.write('\nStopping; press Ctrl-C again to quit at once.\n');
      process.once(signal, () => process.exit(code));
      controller.abort(new Interrupted(code));
    });
  }
  return controller;
}

const isClosedPipe = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';

/** What ends a process politely, with the exit code that shells give it. */
const signals = { SIGINT: 130, SIGTERM: 143 };

class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.exitCode = exitCode;
  }
}

/** The flags of the command that runs, once they are known. */
interface Context {
  known: Readonly<Record<string, Flag>>;
}

async function run(args: readonly string[], signal: AbortSignal, context: Context): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || ['help', '--help', '-h'].includes(name)) {
    write(await describeEverything());
    return;
  }
  if (['version', '--version', '-v'].includes(name)) {
    write(packageVersion());
    return;
  }
  const files = commandFiles();
  const file = files.get(name);
  if (file === undefined) {
    const near = suggestion(name, [...files.keys()]);
    throw new TensorwoodError('ERR_TENSORWOOD_ARGUMENT', `unknown command '${name}'${near}; see tensorwood --help`);
  }
  const command = await loadCommand(file);
  const { words, flags, known } = await readArguments(name, command, rest);
  context.known = known;
  if (flags.help === true) write(describeCommand(command, await command.sections(words[0])));
  else await command.run({ words, flags, signal });
}

/** Runs one command line and sets the exit code: 0, 1 = failed, 2 = asked in a wrong way, 130 or 143 = interrupted. */
export async function main(args: readonly string[]): Promise<void> {
  const { signal } = interruption();
  const context: Context = { known: {} };
  try {
    await run(args, signal, context);
    await setImmediate(); // an output that cannot be written says so a little later
    signal.throwIfAborted();
  } catch (thrown) {
    const error = signal.reason instanceof TensorwoodError ? signal.reason : thrown;
    if (isClosedPipe(signal.reason) || isClosedPipe(error)) return; // no failure
    process.exitCode = exitCodeOf(error);
    const shortText = `tensorwood: ${spoken(messageOf(error), (flag) => Object.hasOwn(context.known, flag))}`;
    process.stderr.write(`${args.includes('--verbose') ? verboseText(error) : shortText}\n`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  return (error as TensorwoodError).code === 'ERR_TENSORWOOD_ARGUMENT' ? 2 : 1;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function verboseText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: string };
  const cause = error.cause === undefined ? '' : `\ncaused by ${verboseText(error.cause)}`;
  return `${error.stack ?? error.message}${code === undefined ? '' : `\ncode: ${code}`}${cause}`;
}

if (require.main === module) main(process.argv.slice(2));
