// The training loop, the only one: batches, steps, evaluation, early stop, checkpoints, events. It knows models by their record and data by Examples.
// A run that is interrupted anywhere and resumed ends with the same bits as one that was not.

import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Examples } from '../data/examples';
import { fail, TensorwoodError } from '../errors';
import type { Executor } from '../executor';
import { defaultExecutor } from '../executor';
import { type Path, pathOf } from '../files/path';
import { setAside } from '../files/set-aside';
import type { Model } from '../models/model';
import { optimizerSchema } from '../optim/optimizer';
import { scheduleFactor, scheduleSchema } from '../optim/schedule';
import { throwIfAborted } from '../realm';
import type { Options, Values } from '../schema';
import { choice, integer, number, parse, pick } from '../schema';
import { batchReader, stepsPerEpoch } from './batches';
import { checkCall, checkExamples } from './check';
import type { Run, RunState } from './checkpoint';
import { listCheckpoints, loadCheckpoint, saveCheckpoint } from './checkpoint';
import type { Evaluation } from './evaluate';
import { evaluateModel } from './evaluate';
import type { EndEvent, Listener, TrainEvent } from './events';
import { eventWriter } from './events';
import { saveModel } from './model-file';
import type { Arrays, Stepper } from './step';
import { createStepper } from './step';

const many = Number.POSITIVE_INFINITY;

export const trainSchema = {
  epochs: number(10, [Number.MIN_VALUE, many], 'passes over the training data'),
  steps: integer(0, [0, many], 'optimizer steps; 0 = as many as the epochs take'),
  batchSize: integer(64, [1, many], 'examples of a batch'),
  accumulate: integer(1, [1, many], 'batches whose gradients are averaged before each update'),
  ...optimizerSchema,
  ...scheduleSchema,
  clip: number(1, [0, many], 'largest norm of all gradients together; 0 = no limit'),
  average: number(0, [0, 1], 'decay of a moving average of the weights, which is then evaluated and saved; 0 = none'),
  seed: integer(0, [0, Number.MAX_SAFE_INTEGER], 'seed of shuffles, augmentation and dropout'),
  logEvery: integer(10, [1, many], 'steps between two step events'),
  evaluateEvery: integer(0, [0, many], 'steps between evaluations; 0 = once an epoch'),
  patience: integer(
    0,
    [0, many],
    'evaluations without a better accuracy (where there are no classes: loss) after which training stops; 0 = never',
  ),
  checkpointEvery: integer(0, [0, many], 'steps between checkpoints; 0 = once an epoch'),
  keep: integer(2, [1, many], 'newest checkpoints that are kept'),
  select: choice(['best', 'last'], 'best', 'weights that model.safetensors holds: those best on the validation examples, or the last'),
};

type Settings = Values<typeof trainSchema>;

export interface TrainOptions extends Options<typeof trainSchema> {
  /** Examples to evaluate on; never trained on. */
  readonly validation?: Examples;
  /** Where events.jsonl, model.safetensors and checkpoints/ go. Without it nothing is written. */
  readonly folder?: Path;
  /** Whether to go on from the newest checkpoint of the folder, where there is one. Default false. */
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  /** Hear every event: progressWriter(), or your own. */
  readonly listeners?: readonly Listener[];
  /** Text kept in model.safetensors: class names and the like. */
  readonly notes?: Readonly<Record<string, string>>;
  /** Default: defaultExecutor(). Its random counter is set from the seed, so it takes one training at a time. */
  readonly executor?: Executor;
}

export interface TrainResult {
  readonly steps: number;
  readonly reason: 'completed' | 'stopped';
  readonly seconds: number;
  /** Of the last evaluation. */
  readonly evaluation: Evaluation | undefined;
  /** Step and metrics of the best. */
  readonly best: Readonly<Record<string, number>> | undefined;
}

type Given = TrainOptions & { readonly folder?: string };

// What one call of train() works with.
interface Session extends Run {
  readonly data: Examples;
  readonly options: Settings;
  readonly stepper: Stepper;
  readonly given: Given;
  readonly steps: number;
  readonly perEpoch: number;
  readonly emit: (event: TrainEvent) => void;
  started: boolean; // whether the run has said so; before, it leaves no trace
  begun: number; // performance.now() at step 0
  state: RunState;
  evaluation: Evaluation | undefined;
  saved: string | undefined;
}

interface StepResult {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

/** Options that decide the numbers of a run, apart from how long it is and how often it reports. */
const decisive = [
  ...['batchSize', 'accumulate', 'clip', 'average', 'seed'],
  ...Object.keys(optimizerSchema),
  ...Object.keys(scheduleSchema),
] as (keyof Settings)[];

const settingsOf = (options: Settings, examples: number): Record<string, unknown> => ({
  examples,
  ...Object.fromEntries(decisive.map((name) => [name, options[name]])),
});

async function open(executor: Executor, model: Model, data: Examples, given: Given): Promise<Session> {
  const { validation, folder, resume: _, signal, listeners = [], notes: __, executor: ___, ...rest } = given;
  const options = parse('train', trainSchema, rest);
  await checkExamples('train', model, data, signal);
  if (validation) await checkExamples('train (validation)', model, validation, signal);
  const perEpoch = stepsPerEpoch(data.size, options);
  if (perEpoch === 0) {
    const needed = options.batchSize * options.accumulate;
    fail(
      'ERR_TENSORWOOD_DATA',
      `train: expected at least the ${needed} examples of one step, got ${data.size}; lower { batchSize } or { accumulate }`,
    );
  }
  await executor.random.write([options.seed | 0, Math.floor(options.seed / 2 ** 32), 0, 0]);
  const all = folder === undefined ? listeners : [...listeners, eventWriter(join(folder, 'events.jsonl'))];
  const stepper = createStepper(model, options, executor);
  return {
    ...{ model, data, options, given, stepper, perEpoch },
    variables: stepper.variables,
    random: executor.random,
    settings: settingsOf(options, data.size),
    steps: options.steps || Math.max(1, Math.round(options.epochs * perEpoch)),
    emit: (event) => {
      for (const listener of all) listener(event);
    },
    started: false,
    begun: performance.now(),
    state: { step: 0, seconds: 0, stale: 0 },
    evaluation: undefined,
    saved: undefined,
  };
}

/** Executors of trainings that go on: two would draw from one random counter. */
const training = new WeakSet<Executor>();

/** What a run leaves in its folder. */
const products = ['events.jsonl', 'checkpoints', 'model.safetensors'];

async function restore(session: Session, path: string): Promise<void> {
  session.state = await loadCheckpoint(path, session);
  session.begun -= 1000 * session.state.seconds;
  session.saved = path;
}

/** Begins anew or from the newest checkpoint. Nothing is written after an abort, or before a checkpoint that cannot be gone on from is refused. */
async function begin(session: Session): Promise<void> {
  const { model, data, options, steps, emit, given } = session;
  const { folder, resume, signal } = given;
  throwIfAborted(signal);
  const newest = resume && folder !== undefined ? listCheckpoints(checkpointsIn(folder)).at(-1) : undefined;
  if (newest) await restore(session, newest.path);
  else if (folder !== undefined) setAside('train', folder, products);
  session.started = true;
  const { name, config, parameters } = model;
  emit({ event: 'start', model: name, config, options, parameters, examples: data.size, steps });
  if (newest) emit({ event: 'resume', step: session.state.step, path: newest.path });
}

const secondsOf = ({ begun }: Session): number => (performance.now() - begun) / 1000;
const epochOf = ({ state, perEpoch }: Session): number => state.step / perEpoch;
const checkpointsIn = (folder: string): string => join(folder, 'checkpoints');
const lastGood = ({ saved }: Session): string =>
  saved === undefined ? 'no checkpoint was saved' : `the last good checkpoint is '${saved}'`;

async function checkpoint(session: Session): Promise<void> {
  const { given, options, state, emit } = session;
  if (given.folder === undefined) return;
  session.state = { ...state, seconds: secondsOf(session) };
  session.saved = await saveCheckpoint(checkpointsIn(given.folder), session, session.state, options.keep);
  emit({ event: 'checkpoint', step: state.step, path: session.saved });
}

async function saveWeights({ given, stepper, model }: Session): Promise<void> {
  const { folder, notes } = given;
  if (folder !== undefined) await stepper.withAverages(() => saveModel(join(folder, 'model.safetensors'), model, notes));
}

/** Saves the weights as they are, where no evaluation has chosen any. */
async function saveLast(session: Session): Promise<void> {
  const chosen = session.options.select === 'best' && session.state.best !== undefined;
  if (!chosen) await saveWeights(session);
}

/** Evaluates the weights as they are and changes nothing. */
async function appraise(session: Session): Promise<Evaluation | undefined> {
  const { given, stepper, model, options } = session;
  const { validation, signal } = given;
  if (!validation) return undefined;
  const batchSize = Math.max(256, options.batchSize);
  session.evaluation = await stepper.withAverages(() => evaluateModel(stepper, model, validation, { batchSize, signal }));
  return session.evaluation;
}

/** Classifiers by accuracy, other models by loss. */
const isBetter = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean =>
  a.accuracy === undefined ? a.loss! < b.loss! : a.accuracy > b.accuracy!;

/** Evaluates, and saves the model when it is better than ever before and the best is asked for. */
async function evaluate(session: Session): Promise<void> {
  const { options, emit } = session;
  const evaluation = await appraise(session);
  if (!evaluation) return;
  const { state } = session;
  const best = state.best === undefined || isBetter({ loss: evaluation.loss, ...evaluation.metrics }, state.best);
  const evaluated = state.step;
  session.state = best
    ? { ...state, evaluated, stale: 0, best: { step: state.step, loss: evaluation.loss, ...evaluation.metrics } }
    : { ...state, evaluated, stale: state.stale + 1 };
  emit({ event: 'evaluation', step: state.step, epoch: epochOf(session), best, ...evaluation });
  if (best && options.select === 'best') await saveWeights(session);
}

/** One optimizer step on `batches`, while the batches of the next are read. */
async function advance(session: Session, batches: readonly Arrays[], read: (step: number) => Arrays[]): Promise<[StepResult, Arrays[]]> {
  const { options, state, steps, stepper, given } = session;
  const learningRate = options.learningRate * scheduleFactor(pick(scheduleSchema, options), state.step, steps);
  const readNext = async (): Promise<Arrays[]> => (state.step + 1 < steps ? read(state.step + 1) : []);
  const [result, next] = await Promise.all([stepper.step(batches, { learningRate, step: state.step + 1 }, given.signal), readNext()]);
  if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
    const found = Number.isFinite(result.loss) ? `a gradient of norm ${result.gradientNorm}` : `a loss of ${result.loss}`;
    fail(
      'ERR_TENSORWOOD_NOT_FINITE',
      `train: ${found} at step ${state.step + 1}; ${lastGood(session)}; lower { learningRate } or { clip }`,
    );
  }
  session.state = { ...state, step: state.step + 1 };
  return [{ ...result, learningRate }, next];
}

const isStale = ({ options, state }: Session): boolean => options.patience > 0 && state.stale >= options.patience;

/** Steps until the end, an early stop or an error. */
async function run(session: Session): Promise<'completed' | 'stopped'> {
  const { options, steps, perEpoch, given } = session;
  const read = batchReader(session.data, options);
  const report = stepReporter(session);
  const isTime = (every: number): boolean => session.state.step % (every || perEpoch) === 0 || session.state.step === steps;
  const isOver = (): boolean => session.state.step >= steps || isStale(session);
  // A run that was over before it was resumed trains no more; its caller still learns how good the model is.
  const { step, evaluated } = session.state;
  if (given.validation && step > 0 && step !== evaluated && isTime(options.evaluateEvery)) {
    await evaluate(session);
    await checkpoint(session);
  } else if (isOver()) await appraise(session);
  let batches = isOver() ? [] : read(session.state.step);
  while (!isOver()) {
    throwIfAborted(given.signal);
    const begun = performance.now();
    const [result, next] = await advance(session, batches, read);
    batches = next;
    report(result, performance.now() - begun);
    if (isTime(options.evaluateEvery)) await evaluate(session);
    if (isTime(options.checkpointEvery) || isOver()) await checkpoint(session);
  }
  return isStale(session) ? 'stopped' : 'completed';
}

/** Emits a step event every logEvery steps, with means over them. */
function stepReporter(session: Session): (result: StepResult, milliseconds: number) => void {
  const { options, emit } = session;
  const none = { steps: 0, loss: 0, norm: 0, milliseconds: 0 };
  let since = none;
  return ({ loss, gradientNorm, learningRate }, milliseconds) => {
    since = {
      steps: since.steps + 1,
      loss: since.loss + loss,
      norm: since.norm + gradientNorm,
      milliseconds: since.milliseconds + milliseconds,
    };
    if (session.state.step % options.logEvery !== 0 && session.state.step !== session.steps) return;
    const examples = since.steps * options.batchSize * options.accumulate;
    emit({
      event: 'step',
      step: session.state.step,
      epoch: epochOf(session),
      loss: since.loss / since.steps,
      learningRate,
      gradientNorm: since.norm / since.steps,
      examplesPerSecond: (1000 * examples) / since.milliseconds,
    });
    since = none;
  };
}

function end(session: Session, reason: EndEvent['reason'], message?: string): void {
  const { state, emit } = session;
  emit({ event: 'end', step: state.step, epoch: epochOf(session), reason, seconds: secondsOf(session), best: state.best, message });
}

/** After an error: what can still be saved is saved, each on its own, and the file of events says what happened. Returns what to reject with. */
async function close(session: Session, error: unknown): Promise<unknown> {
  const aborted = session.given.signal?.aborted === true && error === session.given.signal.reason;
  const last = (): void => end(session, aborted ? 'aborted' : 'failed', (error as Error)?.message);
  const failures: unknown[] = [];
  for (const save of aborted ? [checkpoint, saveLast, last] : [last]) {
    await Promise.resolve(session)
      .then(save)
      .catch((failure) => failures.push(failure));
  }
  if (!aborted || failures.length === 0) return error;
  const message = `train: stopped, but not all could be saved: ${(failures[0] as Error)?.message}`;
  return new TensorwoodError('ERR_TENSORWOOD_FILE', message, { cause: error });
}

/**
 * Trains `model` on `data`. With a folder it leaves there events.jsonl, model.safetensors (the best on `validation` or, by `select`, the last) and checkpoints/; what
 * an earlier run left there, and is not resumed, moves to previous/. Buffers of `data` must not be transferred or resized before the promise settles.
 * @throws ERR_TENSORWOOD_NOT_FINITE when the loss or a gradient is not finite (no step was taken with it; the message names the last good checkpoint);
 *   ERR_TENSORWOOD_DATA, ERR_TENSORWOOD_MODEL when data does not fit; ERR_TENSORWOOD_FILE when the disk is full; the reason of `signal` when it aborts,
 *   after a checkpoint, or, as the cause of ERR_TENSORWOOD_FILE, where that could not be saved
 */
export async function train(model: Model, data: Examples, options: TrainOptions = {}): Promise<TrainResult> {
  checkCall('train', model, options);
  const given = withPath(options);
  const executor = options.executor ?? defaultExecutor();
  if (training.has(executor))
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      'train: expected an executor that trains nothing else, got one in use; await the other training, or give each an executor: new Executor()',
    );
  training.add(executor);
  try {
    return await trainOn(executor, model, data, given);
  } finally {
    training.delete(executor);
  }
}

const withPath = ({ folder, ...rest }: TrainOptions): Given =>
  folder === undefined ? rest : { ...rest, folder: pathOf('train', folder, 'folder to be a path') };

async function trainOn(executor: Executor, model: Model, data: Examples, options: Given): Promise<TrainResult> {
  const session = await open(executor, model, data, options);
  try {
    await begin(session);
    const reason = await run(session);
    await saveLast(session);
    end(session, reason);
    const { state, evaluation } = session;
    return { steps: state.step, reason, seconds: secondsOf(session), evaluation, best: state.best };
  } catch (error) {
    throw session.started ? await close(session, error) : error;
  } finally {
    session.stepper.dispose();
  }
}
