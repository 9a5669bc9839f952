// Charts as inline SVG: lines over a number, bars by name. Drawn 440 units wide, so that text stays readable on a narrow screen.
import { compact, html, Markup } from './html';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** Drawn as a dashed line without a value in the legend. */
  readonly reference?: boolean;
  readonly format?: (value: number) => string;
}

export interface LineChart {
  readonly series: readonly Series[];
  readonly x: string;
  readonly format?: (value: number) => string;
  /** Whether a wide range of positive values gets a logarithmic scale. Default true. */
  readonly logarithmic?: boolean;
  /** Fixed ends of the axes. */
  readonly xRange?: readonly [number, number];
  readonly yRange?: readonly [number, number];
  /** Dots at the points, for few of them. */
  readonly dots?: boolean;
  /** Show the value of each line at its last point (default) or at its best one. */
  readonly highlight?: 'last' | 'lowest' | 'highest';
}

const width = 440;
const height = 240;
const margin = { left: 58, right: 12, top: 10, bottom: 34 };
const logarithmicFrom = 40; // highest / lowest

/** About `count` round numbers from low to high. */
export function ticks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const logarithmicTicks = (low: number, high: number): number[] => {
  const powers = Array.from({ length: 40 }, (_, i) => 10 ** (i - 20)).filter((p) => p >= low && p <= high);
  return powers.length >= 3
    ? powers
    : powers
        .flatMap((p) => [p, 2 * p, 5 * p])
        .concat(powers.map((p) => p / 2))
        .filter((p) => p >= low && p <= high)
        .sort((a, b) => a - b);
};

interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

function scale([low, high]: readonly [number, number], [from, to]: readonly [number, number], logarithmic = false): Scale {
  const of = logarithmic ? Math.log10 : (v: number) => v;
  const span = of(high) - of(low) || 1;
  return {
    ticks: logarithmic ? logarithmicTicks(low, high) : ticks(low, high),
    place: (value) => from + ((of(value) - of(low)) / span) * (to - from),
  };
}

const extent = (values: readonly number[]): [number, number] => [
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
];

function padded([low, high]: readonly [number, number], logarithmic: boolean): [number, number] {
  if (logarithmic) return [low / 1.1, high * 1.1];
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low < room ? 0 : low - room, high + room];
}

/** At most `limit` points: the mean of each stretch. */
export function thin(points: Series['points'], limit = 300): Series['points'] {
  if (points.length <= limit) return points;
  return Array.from({ length: limit }, (_, i) => {
    const part = points.slice(Math.floor((i * points.length) / limit), Math.floor(((i + 1) * points.length) / limit));
    return [mean(part.map(([x]) => x)), mean(part.map(([, y]) => y))] as const;
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const round = (n: number): string => String(Math.round(n * 10) / 10);
const colour = (i: number): string => `var(--series-${(i % 4) + 1})`;

function highlighted(points: Series['points'], which: LineChart['highlight'] = 'last'): number {
  const values = points.map(([, y]) => y);
  if (which === 'last') return values.at(-1)!;
  return extent(values)[which === 'lowest' ? 0 : 1];
}

function legend({ series, format = compact, highlight }: LineChart): Markup {
  const entries = series.map(({ name, points, reference, format: own }, i) => {
    const value = reference ? undefined : html` <b>${(own ?? format)(highlighted(points, highlight))}</b>`;
    return html`<li><i style="background:${reference ? 'var(--muted)' : colour(i)}"></i>${name}${value}</li>`;
  });
  return html`<ul class="legend">${entries}</ul>`;
}

/** Lines with a legend; points that are not finite are left out. */
export function lineChart(chart: LineChart): Markup {
  const series = chart.series
    .map((s) => ({ ...s, points: thin(s.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) }))
    .filter((s) => s.points.length > 0);
  if (series.length === 0) return html`<p class="empty">Nothing was recorded.</p>`;
  const values = extent(series.flatMap((s) => s.points.map(([, y]) => y)));
  const logarithmic = (chart.logarithmic ?? true) && chart.yRange === undefined && values[0] > 0 && values[1] / values[0] > logarithmicFrom;
  const x = scale(chart.xRange ?? extent(series.flatMap((s) => s.points.map(([at]) => at))), [margin.left, width - margin.right]);
  const y = scale(chart.yRange ?? padded(values, logarithmic), [height - margin.bottom, margin.top], logarithmic);
  return html`${legend({ ...chart, series })}<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${series.map((s) => s.name).join(', ')} by ${chart.x}">
${axes(x, y, chart)}${logarithmic && html`<text x="${width - margin.right}" y="${margin.top + 4}" text-anchor="end">logarithmic scale</text>`}${series.map((s, i) => line(s, i, { x, y, dots: chart.dots ?? s.points.length === 1 }))}</svg>`;
}

function axes(x: Scale, y: Scale, { format = compact, x: label }: LineChart): Markup {
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const horizontal = y.ticks.map((t) => {
    const at = round(y.place(t));
    return html`<line class="grid" x1="${margin.left}" x2="${right}" y1="${at}" y2="${at}"/><text x="${margin.left - 8}" y="${at}" dy="4" text-anchor="end">${format(t)}</text>`;
  });
  const vertical = x.ticks.map((t) => html`<text x="${round(x.place(t))}" y="${bottom + 16}" text-anchor="middle">${compact(t)}</text>`);
  return html`${horizontal}<line class="axis" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${vertical}
<text x="${(margin.left + right) / 2}" y="${height - 3}" text-anchor="middle">${label}</text>`;
}

function line({ points, reference }: Series, i: number, { x, y, dots }: { x: Scale; y: Scale; dots: boolean }): Markup {
  const path = points.map(([px, py], k) => `${k === 0 ? 'M' : 'L'}${round(x.place(px))} ${round(y.place(py))}`).join('');
  const stroke = reference
    ? new Markup('stroke="var(--muted)" stroke-dasharray="3 4" stroke-width="1.25"')
    : new Markup(`stroke="${colour(i)}" stroke-width="2"`);
  const marks =
    dots && !reference
      ? points.map(
          ([px, py]) =>
            html`<circle cx="${round(x.place(px))}" cy="${round(y.place(py))}" r="3" fill="${colour(i)}"><title>${compact(px)}: ${compact(py)}</title></circle>`,
        )
      : [];
  return html`<path d="${path}" fill="none" ${stroke} stroke-linejoin="round" stroke-linecap="round"/>${marks}`;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
}

const rowHeight = 24;
const nameWidth = 132;
const valueWidth = 56;

const shorten = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

/** Horizontal bars, one a name, in the order given. */
export function barChart(bars: readonly Bar[], format: (value: number) => string = compact): Markup {
  if (bars.length === 0) return html`<p class="empty">Nothing was recorded.</p>`;
  const most = Math.max(...bars.map((b) => b.value)) || 1;
  const room = width - nameWidth - valueWidth;
  const rows = bars.map(({ name, value }, i) => {
    const top = i * rowHeight;
    const length = Math.max(1, (value / most) * room);
    return html`<text x="${nameWidth - 10}" y="${top + 16}" text-anchor="end"><title>${name}</title>${shorten(name, 19)}</text><rect x="${nameWidth}" y="${top + 5}" width="${round(length)}" height="14" rx="2" fill="var(--series-1)"/><text class="value" x="${round(nameWidth + length + 8)}" y="${top + 16}">${format(value)}</text>`;
  });
  return html`<svg viewBox="0 0 ${width} ${bars.length * rowHeight}" role="img" aria-label="bars">${rows}</svg>`;
}

/** Upright bars side by side under a chart of the same width and x axis. */
export function histogram(counts: readonly number[], [low, high]: readonly [number, number], label: string): Markup {
  const tall = height - margin.bottom;
  const most = Math.max(...counts, 1);
  const x = scale([low, high], [margin.left, width - margin.right]);
  const step = (width - margin.left - margin.right) / counts.length;
  const bars = counts.map((count, i) => {
    const size = (count / most) * (tall - 6);
    return html`<rect x="${round(margin.left + i * step + 0.5)}" y="${round(tall - size)}" width="${round(step - 1)}" height="${round(size)}" fill="var(--series-1)" fill-opacity="0.55"><title>${count}</title></rect>`;
  });
  return html`<svg class="plot" viewBox="0 0 ${width} ${tall + 34}" role="img" aria-label="${label}">${bars}<line class="axis" x1="${margin.left}" x2="${width - margin.right}" y1="${tall}" y2="${tall}"/>${x.ticks.map((t) => html`<text x="${round(x.place(t))}" y="${tall + 16}" text-anchor="middle">${compact(t)}</text>`)}<text x="${(margin.left + width - margin.right) / 2}" y="${tall + 31}" text-anchor="middle">${label}</text></svg>`;
}
