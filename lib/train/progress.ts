// A run for human eyes: a bar that redraws itself on a terminal, plain lines elsewhere.
import type { Listener, StepEvent, TrainEvent } from './events';
import { createProgressLine, type Output } from './progress-line';

const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
const three = (x: number): string => x.toPrecision(3);

function describeStep(event: StepEvent, steps: number): string {
  return `step ${event.step}/${steps}  loss ${event.loss.toFixed(4)}  lr ${three(event.learningRate)}  ${Math.round(event.examplesPerSecond)}/s`;
}

/** One line for an event that is no step, or nothing. */
function describe(event: TrainEvent, cure: string): string {
  switch (event.event) {
    case 'start':
      return `${event.model}: ${event.parameters.toLocaleString('en')} parameters, ${event.examples.toLocaleString('en')} examples, ${event.steps} steps`;
    case 'resume':
      return `resumed at step ${event.step} from ${event.path}`;
    case 'evaluation': {
      const metrics = Object.entries(event.metrics).map(([name, value]) => `${name} ${percent(value)}`);
      return `epoch ${event.epoch.toFixed(1)}  held out: loss ${event.loss.toFixed(4)}  ${metrics.join('  ')}`;
    }
    case 'end':
      return `${event.reason} after ${event.step} steps, ${event.seconds.toFixed(1)} s${event.message ? `: ${event.message}` : ''}${cure}`;
    default:
      return '';
  }
}

export interface ProgressOptions {
  /** How a run that was aborted is gone on with, where it left a checkpoint. */
  readonly resume?: string;
}

/** A listener that writes progress to `output`, default standard error. */
export function progressWriter(output: Output = process.stderr, { resume = 'resume: true' }: ProgressOptions = {}): Listener {
  const line = createProgressLine(output);
  let steps = 1;
  let saved = -1; // step of the newest checkpoint
  return (event) => {
    if (event.event === 'start') steps = event.steps;
    if (event.event === 'checkpoint') saved = event.step;
    if (event.event === 'step') line.show(event.step, steps, describeStep(event, steps));
    else {
      const isGoneOnWith = event.event === 'end' && event.reason === 'aborted' && event.step === saved;
      const text = describe(event, isGoneOnWith ? `; ${resume} goes on from there` : '');
      if (text !== '') line.end(text);
    }
  };
}
