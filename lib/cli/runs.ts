// The folder of a run: what was trained, so that `tensorwood predict FOLDER` knows how to use it, beside the model, the events and the report.
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../errors';
import { fileReason, writeAtomically } from '../files/atomic';
import type { Reading } from './reading';

/** The content of run.json. */
export interface Run {
  readonly kind: 'trees' | 'model';
  /** File of the model in the folder. */
  readonly model: string;
  /** Trees: what was predicted, and how the table was prepared. */
  readonly label?: string;
  readonly atLeast?: number;
  readonly times?: readonly string[];
  readonly reading?: Reading;
  /** Names of the classes. */
  readonly classes?: readonly string[];
}

/** The file that says what a run is. */
export const runFile = (folder: string): string => join(folder, 'run.json');

export const writeRun = (folder: string, run: Run): Promise<void> =>
  writeAtomically(runFile(folder), [Buffer.from(`${JSON.stringify(run, null, 2)}\n`)]);

/** The run of a folder, of train() too, which leaves no run.json. @throws ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_FORMAT */
export async function readRun(folder: string): Promise<Run> {
  const path = runFile(folder);
  const model = 'model.safetensors';
  if (!existsSync(path) && existsSync(join(folder, model))) return { kind: 'model', model };
  if (!existsSync(path)) fail('ERR_TENSORWOOD_FILE', `run: '${folder}' is a folder without run.json: no run was written there`);
  const text = await readFile(path, 'utf8').catch((error: unknown) =>
    fail('ERR_TENSORWOOD_FILE', `run: cannot read '${path}': ${fileReason(error)}`, error),
  );
  const run = parseRun(path, text);
  if ((run.kind !== 'trees' && run.kind !== 'model') || typeof run.model !== 'string')
    fail('ERR_TENSORWOOD_FORMAT', `run: '${path}' does not describe a run`);
  return run;
}

function parseRun(path: string, text: string): Run {
  try {
    return JSON.parse(text) as Run;
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `run: '${path}' is not JSON`, error);
  }
}

export const isFolder = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

/** A path or another text as it can be typed in a shell. */
export const shellWord = (path: string): string => (/^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
