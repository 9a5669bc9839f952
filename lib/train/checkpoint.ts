// A run on disk, complete enough to go on to the same bits: parameters and statistics (model.*), moments (moment1.*, moment2.*, velocity.*), averages
// (ema.*), the random counter (random), and as JSON in the metadata the step and what early stopping knows. Where the data were is the step: the order
// of an epoch follows from the seed. Files are written atomically, and the oldest are removed.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import type { Model } from '../models/model';
import { readState, writeState } from '../nn/module';
import type { Variable } from '../ops/state';

export interface RunState {
  /** Optimizer steps done. */
  readonly step: number;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** The best evaluation: its step and metrics. */
  readonly best?: Readonly<Record<string, number>> | undefined;
  /** Evaluations since the best. */
  readonly stale: number;
  /** Step of the last evaluation: an abort may come between a step and its evaluation. */
  readonly evaluated?: number | undefined;
}

/** What belongs to a run; all of it is saved. */
export interface Run {
  readonly model: Model;
  /** Moments, averages. */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly random: Variable;
  /** Settings that decide which numbers come next; a checkpoint of other settings is refused. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const fileVersion = 1;
const pattern = /^step-(\d+)\.safetensors$/;

const allVariables = ({ model, variables, random }: Run): Map<string, Variable> =>
  new Map([...[...model.variables].map(([name, v]) => [`model.${name}`, v] as const), ...variables, ['random', random]]);

const settingsOf = ({ model, settings }: Run): Record<string, unknown> => ({ model: model.name, ...model.config, ...settings });

/** Checkpoints of a folder, oldest first; empty when there is no such folder. */
export function listCheckpoints(folder: string): { path: string; step: number }[] {
  let files: string[] = [];
  try {
    files = readdirSync(folder);
  } catch {
    return [];
  }
  return files
    .map((file) => ({ path: join(folder, file), step: Number(pattern.exec(file)?.[1] ?? Number.NaN) }))
    .filter(({ step }) => !Number.isNaN(step))
    .sort((a, b) => a.step - b.step);
}

/**
 * Writes a checkpoint into `folder` and removes all but the newest `keep`. Returns its path.
 * @throws ERR_TENSORWOOD_FILE when the disk is full or the folder cannot be written; older checkpoints stay then
 */
export async function saveCheckpoint(folder: string, run: Run, state: RunState, keep: number): Promise<string> {
  const path = join(folder, `step-${String(state.step).padStart(8, '0')}.safetensors`);
  const contents = JSON.stringify({ version: fileVersion, settings: settingsOf(run), state });
  await writeSafetensors(path, await readState(allVariables(run)), { metadata: { 'tensorwood.checkpoint': contents } });
  for (const old of listCheckpoints(folder).slice(0, -keep)) rmSync(old.path, { force: true });
  return path;
}

interface Contents {
  readonly version: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly state: RunState;
}

function readContents(text: string | undefined): Partial<Contents> {
  try {
    return (JSON.parse(text ?? 'null') ?? {}) as Partial<Contents>;
  } catch {
    return {};
  }
}

function parseContents(path: string, text: string | undefined): Contents {
  const { version, settings, state } = readContents(text);
  if (version === undefined || !settings || !Number.isSafeInteger(state?.step))
    return fail('ERR_TENSORWOOD_FORMAT', `checkpoint: expected a checkpoint, got '${path}' without a state of a run`);
  if (version !== fileVersion) fail('ERR_TENSORWOOD_FORMAT', `checkpoint: expected version ${fileVersion} in '${path}', got ${version}`);
  return { version, settings, state: state! };
}

function checkSettings(path: string, now: Contents['settings'], then: Contents['settings']): void {
  for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
    const [given, saved] = [now[name], then[name]].map((value) => JSON.stringify(value) ?? 'none');
    if (given !== saved)
      fail(
        'ERR_TENSORWOOD_MODEL',
        `train: expected ${name} to be ${saved} as in the checkpoint '${path}', got ${given}; train with the same, or leave { resume } out to begin anew`,
      );
  }
}

/**
 * Puts a checkpoint into the variables of a run and returns where it stood.
 * @throws ERR_TENSORWOOD_MODEL when it is of another model or of other settings; ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_FORMAT
 */
export async function loadCheckpoint(path: string, run: Run): Promise<RunState> {
  const { tensors, metadata } = await readSafetensors(path);
  const { settings, state } = parseContents(path, metadata['tensorwood.checkpoint']);
  checkSettings(path, settingsOf(run), settings);
  await writeState(`checkpoint '${path}'`, allVariables(run), tensors);
  return state;
}
