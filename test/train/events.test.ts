// Events: written and read back, resumed runs, damage; and how a run looks on a terminal and in a log.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { TrainEvent } from '../../lib/train/events';
import { eventWriter, readEvents } from '../../lib/train/events';
import { progressWriter } from '../../lib/train/progress';

const folder = mkdtempSync(join(tmpdir(), 'events-'));
afterAll(() => rmSync(folder, { recursive: true }));

const start: TrainEvent = { event: 'start', model: 'mlp', config: {}, options: {}, parameters: 1234, examples: 100, steps: 40 };
const step = (n: number): TrainEvent => ({
  event: 'step',
  step: n,
  epoch: n / 10,
  loss: 1 / n,
  learningRate: 0.001,
  gradientNorm: 1,
  examplesPerSecond: 512,
});
const evaluation: TrainEvent = {
  event: 'evaluation',
  step: 20,
  epoch: 2,
  loss: 0.5,
  metrics: { accuracy: 0.875 },
  confusion: [[1]],
  best: true,
};
const end = (n: number): TrainEvent => ({ event: 'end', step: n, epoch: n / 10, reason: 'completed', seconds: 1.25 });
const bare = (events: readonly object[]): object[] => events.map((event) => ({ ...event, time: undefined }));

describe('event files', () => {
  it('hold what was written, in order, with the time', () => {
    const path = join(folder, 'deep', 'events.jsonl');
    const write = eventWriter(path);
    const written = [start, step(10), evaluation, end(20)];
    for (const event of written) write(event);
    const read = readEvents(path);
    expect(bare(read)).toEqual(bare(written));
    expect(read.every((event) => !Number.isNaN(Date.parse(event.time)))).toBe(true);
  });

  it('of a resumed run: the steps after the checkpoint are those of the later attempt', () => {
    const path = join(folder, 'resumed.jsonl');
    const write = eventWriter(path);
    const resume: TrainEvent = { event: 'resume', step: 20, path: 'x' };
    for (const event of [start, step(10), step(20), step(30), end(35), start, resume, step(30), end(40)]) write(event);
    expect(bare(readEvents(path))).toEqual(bare([start, step(10), step(20), resume, step(30), end(40)]));
  });

  it('of a resumed run: an evaluation counts once a checkpoint holds it', () => {
    const resume: TrainEvent = { event: 'resume', step: 20, path: 'x' };
    const checkpoint: TrainEvent = { event: 'checkpoint', step: 20, path: 'x' };
    const read = (name: string, events: TrainEvent[]): string[] => {
      const path = join(folder, name);
      for (const event of events) eventWriter(path)(event);
      return readEvents(path).map(({ event }) => event);
    };
    const killed = [start, checkpoint, start, resume, evaluation];
    expect(read('killed.jsonl', [...killed, start, resume, evaluation, checkpoint])).toEqual([
      'start',
      'checkpoint',
      'resume',
      'resume',
      'evaluation',
      'checkpoint',
    ]);
    expect(read('held.jsonl', [...killed, checkpoint, start, resume])).toEqual([
      'start',
      'checkpoint',
      'resume',
      'evaluation',
      'checkpoint',
      'resume',
    ]);
  });

  it('of a run that began anew: only the new one', () => {
    const path = join(folder, 'anew.jsonl');
    for (const event of [start, step(10), start, step(20)]) eventWriter(path)(event);
    expect(bare(readEvents(path))).toEqual(bare([start, step(20)]));
  });

  it('that a crash cut off in the middle of a line are read up to there', () => {
    const path = join(folder, 'cut.jsonl');
    eventWriter(path)(start);
    appendFileSync(path, '{"event":"st');
    expect(bare(readEvents(path))).toEqual(bare([start]));
  });

  it('that were cut off and gone on with keep what is whole', () => {
    const path = join(folder, 'gone-on.jsonl');
    for (const event of [start, step(10)]) eventWriter(path)(event);
    const cut = '{"event":"step","st';
    appendFileSync(path, cut);
    const resume: TrainEvent = { event: 'resume', step: 10, path: 'x' };
    const write = eventWriter(path);
    for (const event of [start, resume, step(20)]) write(event);
    expect(bare(readEvents(path))).toEqual(bare([start, step(10), resume, step(20)]));
    appendFileSync(path, cut);
    eventWriter(path)(end(25));
    appendFileSync(path, `${cut}\n`);
    expect(bare(readEvents(path))).toEqual(bare([start, step(10), resume, step(20), end(25)]));
  });

  it('that lost a line in the middle of a run are refused', () => {
    for (const line of ['{"event":"step","st', 'null', '{}']) {
      const path = join(folder, 'lost.jsonl');
      writeFileSync(path, `${JSON.stringify(start)}\n${line}\n${JSON.stringify(step(20))}\n`);
      expect(() => readEvents(path)).toThrow(`events: expected an event in line 2 of '${path}', got '${line}'`);
    }
  });

  it('that are absent, foreign or cannot be written: typed errors', () => {
    writeFileSync(join(folder, 'foreign'), 'a,b\n1,2\n');
    expect(() => readEvents(join(folder, 'foreign'))).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_FORMAT' }));
    expect(() => readEvents(join(folder, 'absent'))).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_FILE' }));
    expect(() => eventWriter(join(folder, 'foreign', 'x'))(start)).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_FILE' }));
  });
});

describe('progressWriter', () => {
  const show = (isTTY: boolean, columns = 80): string => {
    let text = '';
    const listener = progressWriter({ isTTY, columns, write: (part) => (text += part) });
    for (const event of [start, step(10), step(20), evaluation, end(40)]) listener(event);
    return text;
  };

  it('draws a bar on a terminal, within its width, and clears it before a line', () => {
    const text = show(true);
    expect(text).toContain('[======                  ] step 10/40  loss 0.1000  lr 0.00100  512/s');
    expect(text).toContain('\r\x1b[2Kepoch 2.0  held out: loss 0.5000  accuracy 87.50 %\n');
    const widths = show(true, 30)
      .replaceAll('\r\x1b[2K', '\n')
      .split('\n')
      .filter((line) => line.startsWith('['));
    expect(widths.map((line) => line.length)).toEqual([29, 29]);
  });

  it('writes plain lines elsewhere, not one a step', () => {
    expect(show(false)).toBe(
      'mlp: 1,234 parameters, 100 examples, 40 steps\n' +
        'step 10/40  loss 0.1000  lr 0.00100  512/s\n' +
        'epoch 2.0  held out: loss 0.5000  accuracy 87.50 %\n' +
        'completed after 40 steps, 1.3 s\n',
    );
  });

  it('says how to go on with a run that was aborted, where it left a checkpoint', () => {
    const last = (resume: string | undefined, ...saved: TrainEvent[]): string => {
      let text = '';
      const output = { isTTY: false, columns: 80, write: (part: string) => (text += part) };
      const listener = progressWriter(output, resume === undefined ? {} : { resume });
      for (const event of [start, step(20), ...saved, { ...end(20), reason: 'aborted', message: 'interrupted' } as const]) listener(event);
      return text.trim().split('\n').at(-1)!;
    };
    const saved = { event: 'checkpoint', step: 20, path: 'x' } as const;
    expect(last(undefined, saved)).toBe('aborted after 20 steps, 1.3 s: interrupted; resume: true goes on from there');
    expect(last('--resume', saved)).toBe('aborted after 20 steps, 1.3 s: interrupted; --resume goes on from there');
    expect(last('--resume')).toBe('aborted after 20 steps, 1.3 s: interrupted');
  });
});
