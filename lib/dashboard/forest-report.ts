// The page of a forest: how it learned, what it splits on, and whether its probabilities can be believed.
import type { Target } from '../files/target';
import { counted } from '../schema';
import { barChart, histogram, lineChart } from './chart';
import { capital, compact, grouped, html, type Markup, percent } from './html';
import { empty, type Figure, type Page, pairs, panel, writePage } from './page';
import type { Reliability } from './reliability';

export interface Curve {
  /** Such as `held out`. */
  readonly set: string;
  readonly metric: string;
  /** After each round. */
  readonly values: readonly number[];
}

export interface ForestReport {
  readonly title: string;
  readonly summary: string;
  readonly state: Page['state'];
  readonly figures: readonly Figure[];
  readonly curves: readonly Curve[];
  /** Of each feature, highest first: the gain of all splits on it, and how many there are. */
  readonly importance: readonly { readonly name: string; readonly gain: number; readonly splits: number }[];
  /** Of held-out rows; binary models only. */
  readonly reliability?: Reliability;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly next?: string;
}

const shownFeatures = 20;

/** The page as data. */
export function forestPage(report: ForestReport): Page {
  const { title, summary, state, figures, settings, environment, next } = report;
  return {
    title,
    summary,
    state,
    figures,
    panels: [
      ...evaluationPanels(report.curves),
      ...importancePanels(report.importance),
      ...(report.reliability === undefined ? [] : reliabilityPanels(report.reliability)),
      panel({ title: 'Settings' }, pairs(settings)),
      panel({ title: 'Environment' }, pairs(environment)),
    ],
    ...(next === undefined ? {} : { footer: html`Next: <code>${next}</code>` }),
  };
}

/** Writes the page. @throws ERR_TENSORWOOD_FILE */
export const writeForestReport = (target: Target, report: ForestReport): Promise<void> => writePage(target, forestPage(report));

function evaluationPanels(curves: readonly Curve[]): Markup[] {
  const metrics = [...new Set(curves.map((c) => c.metric))].slice(0, 2); // the others are among the figures
  if (metrics.length === 0) return [panel({ title: 'Evaluation', wide: true }, empty('No evaluation set was given.'))];
  return metrics.map((metric) => {
    const series = curves.filter((c) => c.metric === metric);
    return panel(
      { title: capital(metric), wide: metrics.length === 1, note: `After each tree; ${counted(series[0]!.values.length, 'tree')}.` },
      lineChart({
        x: 'trees',
        series: series.map((c) => ({ name: c.set, points: c.values.map((v, i) => [i + 1, v] as const) })),
        format: fourDigits,
      }),
    );
  });
}

const fourDigits = (v: number): string => (Math.abs(v) < 10 ? String(Number(v.toFixed(4))) : compact(v));

function importancePanels(importance: ForestReport['importance']): Markup[] {
  const total = importance.reduce((sum, { gain }) => sum + gain, 0) || 1;
  const shown = importance.slice(0, shownFeatures);
  const rest = importance.length - shown.length;
  const more = rest > 0 ? ` ${rest === 1 ? 'One more feature is' : `The other ${rest} features are`} not shown.` : '';
  return [
    panel(
      { title: 'Importance by gain', note: `Share of the loss that splits on the feature took away.${more}` },
      barChart(
        shown.map(({ name, gain }) => ({ name, value: gain / total })),
        (v) => percent(v),
      ),
    ),
    panel(
      { title: 'Importance by splits', note: 'How many splits use the feature.' },
      barChart(
        [...shown].sort((a, b) => b.splits - a.splits).map(({ name, splits }) => ({ name, value: splits })),
        grouped,
      ),
    ),
  ];
}

function reliabilityPanels({ bins, error, low, high }: Reliability): Markup[] {
  const filled = bins.filter((b) => b.count > 0);
  return [
    panel(
      {
        title: 'Reliability',
        note: `Of the rows given a probability, how many turned out positive? On the dashed line they agree; the mean distance is ${percent(error, 2)}.`,
      },
      lineChart({
        x: 'predicted probability',
        xRange: [0, 1],
        yRange: [0, 1],
        dots: true,
        format: (v) => percent(v, 0),
        series: [
          { name: 'observed share', points: filled.map((b) => [b.predicted, b.observed] as const), format: () => '' },
          {
            name: 'perfect',
            points: [
              [0, 0],
              [1, 1],
            ],
            reference: true,
          },
        ],
      }),
    ),
    panel(
      { title: 'Predictions', note: `How often each probability is given, from ${percent(low)} to ${percent(high)}.` },
      histogram(
        bins.map((b) => b.count),
        [0, 1],
        'predicted probability',
      ),
    ),
  ];
}
