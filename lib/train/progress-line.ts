// Progress of any work on standard error: one line that is rewritten on a terminal, a plain line every few seconds elsewhere.
import { performance } from 'node:perf_hooks';

const bar = 24; // characters
const quiet = 2000; // milliseconds between plain lines

export interface ProgressLine {
  /** `done` of `total`, with what else is worth a look. */
  show(done: number, total: number, text: string): void;
  /** Ends the line. */
  end(text?: string): void;
}

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createProgressLine(output: Output = process.stderr): ProgressLine {
  let drawn = false;
  let last = Number.NEGATIVE_INFINITY;
  const clear = (): string => (drawn ? '\r\x1b[2K' : '');
  return {
    show(done, total, text) {
      if (output.isTTY) {
        const filled = Math.min(bar, Math.round((bar * done) / Math.max(1, total)));
        const line = `[${'='.repeat(filled)}${' '.repeat(bar - filled)}] ${text}`;
        output.write(`${clear()}${line.slice(0, (output.columns ?? 80) - 1)}`);
        drawn = true;
      } else if (performance.now() - last >= quiet) {
        last = performance.now();
        output.write(`${text}\n`);
      }
    },
    end(text) {
      output.write(`${clear()}${text === undefined ? '' : `${text}\n`}`);
      drawn = false;
    },
  };
}
