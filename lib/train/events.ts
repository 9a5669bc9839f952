// What happens in a run, as JSON lines: one object a line, appended as it happens, read by the report page, the CLI and whoever likes.
// Every line has `event` and `time` (ISO 8601); `step` counts optimizer steps from 1, `epoch` passes over the training data, with fractions.
//   start       model, config, options, parameters (elements), examples, steps (planned)
//   resume      step, path                              right after start, when a run goes on from a checkpoint; what follows replaces later steps
//   step        step, epoch, loss, learningRate, gradientNorm, examplesPerSecond     loss and norm are means over the steps since the line before
//   evaluation  step, epoch, loss, metrics {accuracy}, confusion, best               confusion[actual][predicted] counts examples; best: of all so far
//   checkpoint  step, path
//   end         step, epoch, reason (completed | stopped | aborted | failed), seconds, best {step, ...metrics}, message (when failed)
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../errors';
import { fileReason, makeFolder } from '../files/atomic';
import { type Path, pathOf } from '../files/path';

export interface StartEvent {
  readonly event: 'start';
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly parameters: number;
  readonly examples: number;
  readonly steps: number;
}

export interface ResumeEvent {
  readonly event: 'resume';
  readonly step: number;
  readonly path: string;
}

export interface StepEvent {
  readonly event: 'step';
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly examplesPerSecond: number;
}

export interface EvaluationEvent {
  readonly event: 'evaluation';
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly confusion: readonly (readonly number[])[];
  readonly best: boolean;
}

export interface CheckpointEvent {
  readonly event: 'checkpoint';
  readonly step: number;
  readonly path: string;
}

export interface EndEvent {
  readonly event: 'end';
  readonly step: number;
  readonly epoch: number;
  readonly reason: 'completed' | 'stopped' | 'aborted' | 'failed';
  readonly seconds: number;
  readonly best?: Readonly<Record<string, number>> | undefined;
  readonly message?: string | undefined;
}

export type TrainEvent = StartEvent | ResumeEvent | StepEvent | EvaluationEvent | CheckpointEvent | EndEvent;
export type Listener = (event: TrainEvent) => void;

/** Whether what is there ends in the middle of a line: a full disk or a kill cut it off. */
function isCutOff(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
  } finally {
    closeSync(file);
  }
}

/** A listener that appends each event to a file of JSON lines. Throws ERR_TENSORWOOD_FILE when the file cannot be written. */
export function eventWriter(file: Path): Listener {
  const path = pathOf('eventWriter', file);
  let whole = false; // whether the file is known to end with a whole line
  return (event) => {
    try {
      makeFolder(dirname(path));
      const before = !whole && isCutOff(path) ? '\n' : '';
      whole = false;
      appendFileSync(path, `${before}${JSON.stringify({ ...event, time: new Date().toISOString() })}\n`);
      whole = true;
    } catch (error) {
      fail('ERR_TENSORWOOD_FILE', `events: cannot write '${path}': ${fileReason(error)}`, error);
    }
  };
}

/**
 * The events of the last run of a file, with those of the runs that it resumed, up to where it did. Lines that a crash or a full disk cut off are left out:
 * the last one, and those before a start or an end.
 * @throws ERR_TENSORWOOD_FILE when the file cannot be read, ERR_TENSORWOOD_FORMAT when another line is no event
 */
export function readEvents(file: Path): (TrainEvent & { time: string })[] {
  const path = pathOf('readEvents', file);
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `events: cannot read '${path}': ${fileReason(error)}`, error);
  }
  const lines = text.split('\n').slice(0, -1); // what follows the last end of a line is empty, or cut off
  const found = lines.map(parseLine);
  let before: TimedEvent[] = [];
  let events: TimedEvent[] = [];
  found.forEach((event, i) => {
    if (event === undefined) {
      if (i + 1 < found.length && !['start', 'end'].includes(found[i + 1]?.event ?? ''))
        fail('ERR_TENSORWOOD_FORMAT', `events: expected an event in line ${i + 1} of '${path}', got '${lines[i]!.slice(0, 40)}'`);
      return;
    }
    if (event.event === 'start') [before, events] = [events, []];
    if (event.event === 'resume') events = upTo(event.step, before);
    events.push(event);
  });
  return events;
}

type TimedEvent = TrainEvent & { time: string };

/** What the checkpoint of a step knows of; an evaluation of that step that came after it is made again. */
function upTo(step: number, events: TimedEvent[]): TimedEvent[] {
  const saved = events.findLastIndex((e) => e.event === 'checkpoint' && e.step === step);
  const isLost = (e: TimedEvent, i: number): boolean => saved >= 0 && i > saved && e.event === 'evaluation' && e.step === step;
  return events.filter((e, i) => e.event !== 'end' && !('step' in e && e.step > step) && !isLost(e, i));
}

/** The event of a line, or nothing when it is none. */
function parseLine(line: string): TimedEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<TimedEvent> | null;
    return typeof event?.event === 'string' ? (event as TimedEvent) : undefined;
  } catch {
    return undefined;
  }
}
