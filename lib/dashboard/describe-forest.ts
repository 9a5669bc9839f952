// A forest and its history as a report.

import type { TreeProgress } from '../trees/booster';
import type { Forest } from '../trees/forest';
import type { Curve, ForestReport } from './forest-report';
import { duration, grouped } from './html';
import { reliabilityOf } from './reliability';

export interface ForestRun {
  readonly title: string;
  readonly summary: string;
  readonly forest: Forest;
  readonly history: readonly TreeProgress[];
  readonly state: ForestReport['state'];
  readonly seconds: number;
  readonly rows: number;
  /** Held-out predictions and labels of a binary model. */
  readonly heldOut?: { readonly probabilities: ArrayLike<number>; readonly labels: ArrayLike<number> };
  readonly environment: Readonly<Record<string, unknown>>;
  readonly next?: string;
}

const metricNames: Readonly<Record<string, string>> = { auc: 'AUC', logloss: 'log loss', rmse: 'RMSE', error: 'error rate' };
const nameOf = (metric: string): string => metricNames[metric] ?? metric;

function curvesOf(history: readonly TreeProgress[]): Curve[] {
  const sets = Object.entries(history[0]?.evaluation ?? {});
  return sets.flatMap(([set, metrics]) =>
    Object.keys(metrics).map((metric) => ({
      set,
      metric: nameOf(metric),
      values: history.map(({ evaluation }) => (evaluation[set] as Readonly<Record<string, number>>)[metric] ?? Number.NaN),
    })),
  );
}

/** What writeForestReport takes. */
export function describeForest(run: ForestRun): ForestReport {
  const { forest, history, seconds, rows, heldOut, title, summary, state, environment, next } = run;
  const curves = curvesOf(history);
  // An early stop keeps the best round, not the last. Where there are several sets, the first chose it, so the last one judges.
  const judge = curves.at(-1)?.set;
  const judging = curves.filter(({ set }) => set === judge);
  const kept = judging.map(({ set, metric, values }) => ({
    value: (values[forest.rounds - 1] ?? values.at(-1)!).toFixed(4),
    label: `${set} ${metric}`,
  }));
  return {
    title,
    summary,
    state,
    figures: [
      ...kept,
      { value: duration(seconds), label: `for ${grouped(forest.rounds)} rounds` },
      { value: grouped(rows), label: 'rows to learn from' },
      { value: grouped(forest.signature.names.length), label: 'features' },
    ],
    curves,
    importance: forest.importance(),
    ...(heldOut === undefined ? {} : { reliability: reliabilityOf(heldOut.probabilities, heldOut.labels) }),
    settings: forest.parameters,
    environment,
    ...(next === undefined ? {} : { next }),
  };
}
