// A run for human eyes: a bar that redraws itself on a terminal, plain lines elsewhere.
import type { Listener, StepEvent, TrainEvent } from './events';

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR = 24; // characters
const QUIET = 2000; // milliseconds between plain lines of steps

const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
const three = (x: number): string => x.toPrecision(3);

function describeStep(event: StepEvent, steps: number): string {
  return `step ${event.step}/${steps}  loss ${event.loss.toFixed(4)}  lr ${three(event.learningRate)}  ${Math.round(event.examplesPerSecond)}/s`;
}

/** One line for an event that is no step, or nothing. */
function describe(event: TrainEvent): string {
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
      return `${event.reason} after ${event.step} steps, ${event.seconds.toFixed(1)} s${event.message ? `: ${event.message}` : ''}`;
    default:
      return '';
  }
}

/** A listener that writes progress to `output`, default standard error. */
export function progressWriter(output: Output = process.stderr): Listener {
  let steps = 1;
  let drawn = false;
  let last = Number.NEGATIVE_INFINITY;
  const line = (text: string): void => {
    output.write(`${drawn ? '\r\x1b[2K' : ''}${text}\n`);
    drawn = false;
  };
  const bar = (event: StepEvent): void => {
    const done = Math.min(BAR, Math.round((BAR * event.step) / steps));
    const text = `[${'='.repeat(done)}${' '.repeat(BAR - done)}] ${describeStep(event, steps)}`;
    output.write(`\r\x1b[2K${text.slice(0, (output.columns ?? 80) - 1)}`);
    drawn = true;
  };
  return (event) => {
    if (event.event === 'start') steps = event.steps;
    if (event.event !== 'step') {
      const text = describe(event);
      if (text !== '') line(text);
    } else if (output.isTTY) bar(event);
    else if (performance.now() - last >= QUIET) {
      last = performance.now();
      line(describeStep(event, steps));
    }
  };
}
