// What happens in a run, as JSON lines: one object a line, appended as it happens, read by the report page, the CLI and whoever likes.
// Every line has `event` and `time` (ISO 8601); `step` counts optimizer steps from 1, `epoch` passes over the training data, with fractions.
//   start       model, config, options, parameters (elements), examples, steps (planned)
//   resume      step, path                              right after start, when a run goes on from a checkpoint; what follows replaces later steps
//   step        step, epoch, loss, learningRate, gradientNorm, examplesPerSecond     loss and norm are means over the steps since the line before
//   evaluation  step, epoch, loss, metrics {accuracy}, confusion, best               confusion[actual][predicted] counts examples; best: of all so far
//   checkpoint  step, path
//   end         step, epoch, reason (completed | stopped | aborted | failed), seconds, best {step, ...metrics}, message (when failed)
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../errors';
import { fileReason } from '../formats/atomic';

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

/** A listener that appends each event to a file of JSON lines. Throws ERR_TENSORWOOD_FILE when the file cannot be written. */
export function eventWriter(path: string): Listener {
  return (event) => {
    try {
      mkdirSync(dirname(path), { recursive: true });
      appendFileSync(path, `${JSON.stringify({ ...event, time: new Date().toISOString() })}\n`);
    } catch (error) {
      fail('ERR_TENSORWOOD_FILE', `events: cannot write '${path}': ${fileReason(error)}`, error);
    }
  };
}

/**
 * The events of the last run of a file, with those of the runs that it resumed, up to where it did. A last line that a crash cut off is left out.
 * @throws ERR_TENSORWOOD_FILE when the file cannot be read, ERR_TENSORWOOD_FORMAT when another line is not JSON
 */
export function readEvents(path: string): (TrainEvent & { time: string })[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `events: cannot read '${path}': ${fileReason(error)}`, error);
  }
  const lines = text.split('\n');
  lines.pop(); // empty, or cut off
  let before: (TrainEvent & { time: string })[] = [];
  let events: (TrainEvent & { time: string })[] = [];
  lines.forEach((line, i) => {
    const event = parseLine(path, line, i + 1);
    if (event.event === 'start') [before, events] = [events, []];
    if (event.event === 'resume') events = before.filter((e) => e.event !== 'end' && !('step' in e && e.step > event.step));
    events.push(event);
  });
  return events;
}

function parseLine(path: string, line: string, number: number): TrainEvent & { time: string } {
  try {
    return JSON.parse(line) as TrainEvent & { time: string };
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `events: expected JSON in line ${number} of '${path}', got '${line.slice(0, 40)}'`, error);
  }
}
