// The page of a training run: curves from its events, where the classifier errs, and what it looks at.
import type { Target } from '../files/target';
import type { EndEvent, EvaluationEvent, StartEvent, StepEvent, TrainEvent } from '../train/events';
import { lineChart, type Series } from './chart';
import { confusionList, confusionMatrix, fitsMatrix } from './confusion';
import { capital, compact, duration, grouped, html, type Markup, percent } from './html';
import { empty, type Figure, type Page, pairs, panel, writePage } from './page';
import { greyPicture, overlayPicture } from './png';

/** An image that was classified. Pixels (H, W). */
export interface Sample {
  readonly pixels: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
  readonly actual: number;
  readonly predicted: number;
  /** Probability given to `predicted`. */
  readonly confidence: number;
  /** How much the model looks at each part of the image, a map of the given sides for each block; rows and columns of patches. */
  readonly attention?: { readonly rows: number; readonly columns: number; readonly maps: readonly ArrayLike<number>[] } | undefined;
}

export interface TrainingReport {
  readonly title: string;
  readonly summary: string;
  readonly events: readonly TrainEvent[];
  readonly classes: readonly string[];
  /** Held-out images: the wrong ones are shown as errors, right ones stand for their class. */
  readonly samples?: readonly Sample[];
  /** How good the saved weights are on examples that chose nothing; without it the evaluations of the run tell. */
  readonly tested?: { readonly metrics: Readonly<Record<string, number>>; readonly confusion: readonly (readonly number[])[] };
  readonly environment: Readonly<Record<string, unknown>>;
  /** The line to type next. */
  readonly next?: string;
}

const ofKind = <K extends TrainEvent['event']>(events: readonly TrainEvent[], kind: K): Extract<TrainEvent, { event: K }>[] =>
  events.filter((e): e is Extract<TrainEvent, { event: K }> => e.event === kind);

/** The page as data. */
export function trainingPage(report: TrainingReport): Page {
  const { title, summary, events, environment, next } = report;
  const start = ofKind(events, 'start')[0];
  const end = ofKind(events, 'end').at(-1);
  const steps = ofKind(events, 'step');
  const evaluations = ofKind(events, 'evaluation');
  const kept = report.tested ?? (start?.options.select === 'best' ? evaluations.findLast((e) => e.best) : evaluations.at(-1));
  return {
    title,
    summary,
    state: end?.reason ?? 'running',
    figures: figuresOf({ start, end, steps, kept }),
    panels: [...curves(steps, evaluations), ...classPanels(report, kept), ...tables(start, end, environment)],
    ...(next === undefined ? {} : { footer: html`Next: <code>${next}</code>` }),
  };
}

/** Writes the page. @throws ERR_TENSORWOOD_FILE */
export const writeTrainingReport = (target: Target, report: TrainingReport): Promise<void> => writePage(target, trainingPage(report));

interface Parts {
  readonly start: StartEvent | undefined;
  readonly end: EndEvent | undefined;
  readonly steps: readonly StepEvent[];
  readonly kept: Kept | undefined;
}

/** What is known of the weights that were saved. */
type Kept = Pick<EvaluationEvent, 'metrics' | 'confusion'> & { readonly loss?: number };

function figuresOf({ start, end, steps, kept }: Parts): Figure[] {
  const metrics = Object.entries(kept?.metrics ?? {}).map(([name, value]) => ({ value: percent(value, 2), label: `held-out ${name}` }));
  const rates = steps.map((s) => s.examplesPerSecond).sort((a, b) => a - b);
  return [
    ...metrics,
    ...(kept?.loss === undefined ? [] : [{ value: kept.loss.toFixed(4), label: 'held-out loss' }]),
    ...(end === undefined ? [] : [{ value: duration(end.seconds), label: `for ${grouped(end.step)} steps` }]),
    ...(rates.length === 0 ? [] : [{ value: grouped(rates[rates.length >> 1]!), label: 'examples a second' }]),
    ...(start === undefined ? [] : [{ value: grouped(start.parameters), label: 'parameters' }]),
  ];
}

function curves(steps: readonly StepEvent[], evaluations: readonly EvaluationEvent[]): Markup[] {
  const ofSteps = (name: string, pick: (s: StepEvent) => number): Series => ({
    name,
    points: steps.map((s) => [s.epoch, pick(s)] as const),
  });
  const ofEvaluations = (name: string, pick: (e: EvaluationEvent) => number): Series => ({
    name,
    points: evaluations.map((e) => [e.epoch, pick(e)] as const),
  });
  const names = Object.keys(evaluations[0]?.metrics ?? {});
  const x = 'epoch';
  return [
    panel(
      { title: 'Loss', note: 'Cross-entropy. Training: mean over the steps since the point before, with augmentation and dropout.' },
      lineChart({ x, series: [ofSteps('training', (s) => s.loss), ofEvaluations('held out', (e) => e.loss)] }),
    ),
    panel(
      { title: names.length === 1 ? capital(names[0]!) : 'Metrics', note: 'On the examples that training never saw.' },
      lineChart({
        x,
        format: (v) => percent(v, 0),
        dots: evaluations.length < 40,
        series: names.map((name) => ({ ...ofEvaluations(name, (e) => e.metrics[name]!), format: (v: number) => percent(v, 2) })),
      }),
    ),
    panel(
      { title: 'Learning rate' },
      lineChart({ x, highlight: 'highest', logarithmic: false, series: [ofSteps('highest', (s) => s.learningRate)] }),
    ),
    panel(
      { title: 'Gradient norm', note: 'Before clipping.' },
      lineChart({ x, series: [ofSteps('norm of all gradients', (s) => s.gradientNorm)] }),
    ),
  ];
}

function classPanels({ samples = [], classes }: TrainingReport, kept: Kept | undefined): Markup[] {
  const errors = samples.filter((s) => s.actual !== s.predicted).sort((a, b) => b.confidence - a.confidence);
  const right = samples.filter((s) => s.actual === s.predicted);
  const typical = classes.map((_, c) => right.find((s) => s.actual === c));
  const pictures = typical.every((s) => s !== undefined) ? typical.map((s) => pictureOf(s!)) : [];
  const attended = [
    ...typical.filter((s) => s?.attention !== undefined).slice(0, 6),
    ...errors.filter((s) => s.attention !== undefined).slice(0, 2),
  ] as Sample[];
  return [
    confusionPanel(kept?.confusion ?? [], classes, pictures),
    panel(
      { title: 'Errors', wide: true, note: 'The surest first: what it is → what the model says.' },
      errors.length === 0 ? empty('No error among the examples looked at.') : gallery(errors.slice(0, 20), classes),
    ),
    ...(attended.length === 0
      ? []
      : [
          panel(
            {
              title: 'Attention',
              wide: true,
              note: 'How much attention each patch of the image receives, block by block, as the mean over heads and queries; the last two are errors.',
            },
            attentionMaps(attended, classes),
          ),
        ]),
  ];
}

function confusionPanel(counts: Kept['confusion'], classes: readonly string[], pictures: readonly string[]): Markup {
  const title = 'Confusion';
  if (counts.length === 0) return panel({ title, wide: true }, empty('No evaluation was made.'));
  return fitsMatrix(counts)
    ? panel(
        { title, wide: true, note: 'Held-out examples by class; the orange squares are errors.' },
        confusionMatrix(counts, classes, pictures),
      )
    : panel({ title, wide: true, note: 'The most frequent errors: what it is → what the model says.' }, confusionList(counts, classes));
}

const pictureOf = ({ pixels, width, height }: Sample): string => greyPicture(pixels, width, height);

function gallery(samples: readonly Sample[], classes: readonly string[]): Markup {
  const entries = samples.map(
    (s) => html`<li><figure><span class="picture"><img src="${pictureOf(s)}" alt="${classes[s.actual]!}"></span>
<figcaption><b>${classes[s.actual]!} → ${classes[s.predicted]!}</b><br>${percent(s.confidence, 0)} sure</figcaption></figure></li>`,
  );
  return html`<ul class="gallery">${entries}</ul>`;
}

const attentionColour = [242, 154, 78] as const;

function attentionMaps(samples: readonly Sample[], classes: readonly string[]): Markup {
  const rows = samples.map((s) => {
    const { rows: high, columns, maps } = s.attention!;
    const image = html`<img src="${pictureOf(s)}" alt="${classes[s.actual]!}">`;
    const label = s.actual === s.predicted ? classes[s.actual]! : `${classes[s.actual]!} → ${classes[s.predicted]!}`;
    const overlays = maps.map(
      (map, block) =>
        html`<figure><span class="picture faint">${image}<img src="${overlayPicture(map, columns, high, attentionColour)}" alt=""></span><figcaption>block ${block + 1}</figcaption></figure>`,
    );
    return html`<div><figure><span class="picture">${image}</span><figcaption><b>${label}</b></figcaption></figure>${overlays}</div>`;
  });
  return html`<div class="maps">${rows}</div>`;
}

function tables(start: StartEvent | undefined, end: EndEvent | undefined, environment: Readonly<Record<string, unknown>>): Markup[] {
  const best = Object.fromEntries(Object.entries(end?.best ?? {}).map(([name, value]) => [`best ${name}`, compact(value)]));
  const message = end?.message === undefined ? {} : { 'ended because': end.message };
  return [
    panel({ title: 'Model' }, start === undefined ? empty('The run did not start.') : pairs({ model: start.model, ...start.config })),
    panel(
      { title: 'Training' },
      start === undefined
        ? empty('The run did not start.')
        : pairs({ examples: grouped(start.examples), ...start.options, ...best, ...message }),
    ),
    panel({ title: 'Environment', wide: true }, pairs(environment)),
  ];
}
