// Reports: complete, self-contained, safe against what names carry, and written whole or not at all.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { lineChart, thin, ticks } from '../../lib/dashboard/chart';
import { describeForest } from '../../lib/dashboard/describe-forest';
import { forestPage, writeForestReport } from '../../lib/dashboard/forest-report';
import { compact, duration, html } from '../../lib/dashboard/html';
import { renderPage } from '../../lib/dashboard/page';
import { encodePng, greyPicture, overlayPicture } from '../../lib/dashboard/png';
import { reliabilityOf } from '../../lib/dashboard/reliability';
import { trainingPage, writeTrainingReport } from '../../lib/dashboard/training-report';
import { uniform } from '../../lib/nn/philox';
import type { StartEvent, TrainEvent } from '../../lib/train/events';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { forestSample, trainingSample } from './sample';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Tags that open and close in the right order; void and self-closed ones aside. */
function isBalanced(page: string): boolean {
  const open: string[] = [];
  for (const [, close, tag, rest] of page.replace(/<style>[\s\S]*?<\/style>/g, '').matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
    if (['meta', 'img', 'br'].includes(tag!) || rest!.endsWith('/')) continue;
    if (close === '') open.push(tag!);
    else if (open.pop() !== tag) return false;
  }
  return open.length === 0;
}

describe('reports', () => {
  const pages = { training: renderPage(trainingPage(trainingSample)), forest: renderPage(forestPage(forestSample())) };

  it.each(Object.entries(pages))('%s: well-formed, and nothing is fetched from anywhere', (_, page) => {
    expect(isBalanced(page)).toBe(true);
    expect(page).not.toMatch(/NaN|undefined|\[object/);
    const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map((m) => m[1]!);
    expect(sources.every((s) => s.startsWith('data:image/png;base64,'))).toBe(true);
    expect(page).not.toMatch(/@import|url\(|<script|<link/);
  });

  it('show what was asked for', () => {
    for (const text of ['97.78 %', '204,618', 'Confusion', 'Errors', 'Attention', 'adamw', 'avx512', 'runs/digits'])
      expect(pages.training).toContain(text);
    for (const text of ['0.8513', 'origin', 'Reliability', 'Importance by gain', 'log loss', 'runs/flights'])
      expect(pages.forest).toContain(text);
  });

  it('show the weights that were saved: the best where they were asked for, else the last', () => {
    const evaluated = (step: number, accuracy: number, best: boolean): TrainEvent => ({
      event: 'evaluation',
      ...{ step, epoch: step, loss: 1 - accuracy, metrics: { accuracy }, best },
      confusion: [[7000 + step]],
    });
    const shown = (select: string): string => {
      const start = { ...(trainingSample.events[0] as StartEvent), options: { select } };
      const events = [start, evaluated(1, 0.5, true), evaluated(2, 0.75, true), evaluated(3, 0.625, false)];
      const { figures, panels } = trainingPage({ ...trainingSample, events });
      const matrix = panels.find((p) => p.text.includes('aria-label="confusion matrix"'))!.text;
      return [figures[0]!.value, figures[1]!.value, /7,00\d/.exec(matrix)![0]].join(' ');
    };
    expect(shown('best')).toBe('75.00 % 0.2500 7,002');
    expect(shown('last')).toBe('62.50 % 0.3750 7,003');
  });

  it('of many classes list the most frequent confusions', () => {
    const report = (classes: number) => {
      const confusion = Array.from({ length: classes }, (_, a) => new Array<number>(classes).fill(0).fill(900, a, a + 1));
      confusion[3]![5] = 70;
      confusion[classes - 1]![0] = 80;
      const names = Array.from({ length: classes }, (_, c) => `kind ${c}`);
      const page = renderPage(trainingPage({ ...trainingSample, classes: names, tested: { metrics: {}, confusion } }));
      return {
        matrix: page.includes('aria-label="confusion matrix"'),
        list: [...page.matchAll(/kind \d+ → kind \d+<\/td><td>\d+/g)].map(String),
      };
    };
    expect(report(40)).toEqual({ matrix: true, list: [] });
    expect(report(400)).toEqual({ matrix: false, list: ['kind 399 → kind 0</td><td>80', 'kind 3 → kind 5</td><td>70'] });
  });

  it('show the metric of the rounds that a forest keeps', async () => {
    const x = uniform(400, { seed: 1, stream: 0 });
    using dataset = await createDataset({ x }, { label: x.map((v) => (v > 0.5 ? 1 : 0)) });
    using forest = await trainTrees(dataset, { objective: 'binary', trees: 2 });
    const history = [0.3, 0.125, 0.25, 0.5].map((logloss, i) => ({ round: i + 1, rounds: 9, evaluation: { test: { logloss } } }));
    const run = { title: '', summary: '', state: 'completed', seconds: 1, rows: 400, environment: {} } as const;
    expect(describeForest({ ...run, forest, history }).figures[0]).toEqual({ value: '0.1250', label: 'test log loss' });
  });

  it('escape what names carry', () => {
    expect(pages.forest).toContain('&lt;&amp;&gt;');
    expect(html`<b title="${'"<'}">${['<i>', html`<u>ok</u>`]}</b>`.text).toBe('<b title="&quot;&lt;">&lt;i&gt;<u>ok</u></b>');
  });

  it('of a run that has only begun, or failed at once, say so', () => {
    const begun = renderPage(trainingPage({ ...trainingSample, events: [], samples: [] }));
    expect(begun).toContain('running');
    expect(begun).toContain('Nothing was recorded.');
    expect(begun).toContain('No evaluation was made.');
    const failed = trainingPage({
      ...trainingSample,
      events: [{ event: 'end', step: 3, epoch: 0.1, reason: 'failed', seconds: 1, message: 'loss is NaN' }],
    });
    expect(failed.state).toBe('failed');
    expect(renderPage(forestPage({ ...forestSample(), curves: [], importance: [] }))).toContain('No evaluation set was given.');
  });

  it('leave nothing behind when they cannot be written', async () => {
    const blocked = join(folder, 'blocked');
    mkdirSync(join(blocked, 'report.html'), { recursive: true });
    await expect(writeTrainingReport(join(blocked, 'report.html'), trainingSample)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    expect(readdirSync(blocked)).toEqual(['report.html']);
    await writeForestReport(join(folder, 'deep', 'report.html'), forestSample());
    expect(readFileSync(join(folder, 'deep', 'report.html'), 'utf8')).toBe(pages.forest);
  });
});

describe('charts', () => {
  it('have round ticks inside their range', () => {
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(-3, 17)).toEqual([0, 5, 10, 15]);
    expect(ticks(2, 2)).toEqual([2]);
  });

  it('thin long lines to the mean of each stretch, and leave out what is not finite', () => {
    const points = Array.from({ length: 1000 }, (_, i) => [i, 2] as const);
    expect(thin(points, 10).map(([x]) => x)).toEqual(Array.from({ length: 10 }, (_, i) => i * 100 + 49.5));
    expect(
      lineChart({
        x: 'x',
        series: [
          {
            name: 'a',
            points: [
              [0, Number.NaN],
              [1, 1],
              [2, 3],
            ],
          },
        ],
      }).text,
    ).not.toContain('NaN');
  });

  it('change to a logarithmic scale over two decades', () => {
    const chart = (low: number) =>
      lineChart({
        x: 'epoch',
        series: [
          {
            name: 'a',
            points: [
              [0, low],
              [1, 2],
            ],
          },
        ],
      }).text;
    expect(chart(0.001)).toContain('logarithmic');
    expect(chart(1)).not.toContain('logarithmic');
  });

  it('write numbers as people do', () => {
    expect([0, 0.000012, 0.5, 12.345, 1234.5, 12_345_678, -3, Number.NaN].map(compact)).toEqual([
      '0',
      '1.2e−5',
      '0.5',
      '12.3',
      '1,235',
      '1.2e7',
      '−3',
      '–',
    ]);
    expect([3.21, 75, 754, 7300].map(duration)).toEqual(['3.2 s', '75 s', '12 min 34 s', '2 h 1 min']);
  });
});

describe('reliabilityOf', () => {
  it('bins by probability and measures the distance', () => {
    const { bins, error, low, high } = reliabilityOf([0.05, 0.15, 0.95, 1], [0, 1, 1, 1], 10);
    expect(bins.map((b) => b.count)).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    expect(bins[9]!.predicted).toBeCloseTo(0.975, 12);
    expect(error).toBeCloseTo((0.05 + 0.85 + 0.05) / 4, 12);
    expect([low, high]).toEqual([0.05, 1]);
  });
});

describe('pictures', () => {
  const elements = (uri: string): number[] => {
    const png = Buffer.from(uri.slice('data:image/png;base64,'.length), 'base64');
    return [...inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)))];
  };

  it('go from the lowest to the highest number', () => {
    expect(elements(greyPicture([-1, 0, 3, 1], 2, 2))).toEqual([0, 0, 64, 0, 255, 128]);
    expect(elements(overlayPicture([0, 2, 4, 1], 2, 2, [1, 2, 3]))).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 128, 0, 1, 2, 3, 255, 1, 2, 3, 64]);
  });

  it('may be large', () => {
    expect(elements(greyPicture(new Float32Array(160_000), 400, 400)).length).toBe(400 * 401);
    expect(elements(overlayPicture(new Float32Array(160_000), 400, 400, [1, 2, 3])).length).toBe(400 * 1601);
  });
});

describe('encodePng', () => {
  it('writes chunks whose rows hold the pixels', () => {
    const png = encodePng(Uint8Array.of(1, 2, 3, 4, 5, 6), 3, 2);
    expect(png.subarray(12, 16).toString()).toBe('IHDR');
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).toEqual([3, 2, 8, 0]);
    const length = png.readUInt32BE(33);
    expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual([0, 1, 2, 3, 0, 4, 5, 6]);
  });
});
