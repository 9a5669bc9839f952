// The confusion matrix: what is right is grey-blue, what is wrong stands out by how often it happens. Of many classes, a list of what is wrong.
import { grouped, html, type Markup, percent } from './html';
import { empty, pairs } from './page';

const cell = 34;
const left = 44;
const top = 26;
const sums = 60;
const mostClasses = 40; // of a matrix that can still be read
const listed = 30; // confusions

/** Whether so many classes fit into a matrix. */
export const fitsMatrix = (counts: readonly unknown[]): boolean => counts.length <= mostClasses;

/** The most frequent confusions, the most frequent first. */
export function confusionList(counts: readonly (readonly number[])[], classes: readonly string[]): Markup {
  const wrong = counts.flatMap((row, actual) =>
    row.flatMap((count, predicted) => (actual === predicted || count === 0 ? [] : [{ count, actual, predicted }])),
  );
  if (wrong.length === 0) return empty('No error was made.');
  const rows = wrong.sort((a, b) => b.count - a.count).slice(0, listed);
  const called = (i: number): string => classes[i] ?? String(i);
  return pairs(
    Object.fromEntries(rows.map(({ count, actual, predicted }) => [`${called(actual)} → ${called(predicted)}`, grouped(count)])),
  );
}

/** counts[actual][predicted]; a picture of each class, when there is one, stands beside its row. */
export function confusionMatrix(
  counts: readonly (readonly number[])[],
  classes: readonly string[],
  pictures: readonly string[] = [],
): Markup {
  const indent = pictures.length > 0 ? left + 26 : left;
  const width = indent + cell * counts.length + sums;
  const height = top + cell * counts.length + 24;
  const worst = counts.reduce((most, row, a) => row.reduce((m, n, p) => (p === a ? m : Math.max(m, n)), most), 1);
  const rows = counts.map((row, actual) => {
    const y = top + actual * cell;
    const total = row.reduce((a, b) => a + b, 0);
    const picture = pictures[actual];
    return html`${picture && html`<image href="${picture}" x="${left}" y="${y + 5}" width="22" height="22"/>`}<text class="value" x="${left - 8}" y="${y + 21}" text-anchor="end">${name(classes, actual)}</text>${row.map((count, predicted) => square({ count, actual, predicted, worst, total, classes, x: indent + predicted * cell, y }))}<text x="${indent + cell * counts.length + 8}" y="${y + 21}">${total === 0 ? '–' : percent(row[actual]! / total)}</text>`;
  });
  const heads = counts.map(
    (_, p) =>
      html`<text class="value" x="${indent + p * cell + cell / 2 - 1}" y="${top - 8}" text-anchor="middle">${name(classes, p)}</text>`,
  );
  return html`<svg viewBox="0 0 ${width} ${height}" style="max-width:${Math.round(width * 1.15)}px;margin:0 auto" role="img" aria-label="confusion matrix">${heads}${rows}<text x="${indent + (cell * counts.length) / 2}" y="${height - 6}" text-anchor="middle">columns: predicted · rows: actual · right: found of each class</text></svg>`;
}

const name = (classes: readonly string[], i: number): string => {
  const text = classes[i] ?? String(i);
  return text.length > 6 ? `${text.slice(0, 5)}…` : text;
};

interface Square {
  readonly count: number;
  readonly actual: number;
  readonly predicted: number;
  readonly worst: number;
  readonly total: number;
  readonly classes: readonly string[];
  readonly x: number;
  readonly y: number;
}

function square({ count, actual, predicted, worst, total, classes, x, y }: Square): Markup {
  const right = actual === predicted;
  const strength = right ? (0.75 * count) / Math.max(1, total) : count === 0 ? 0 : 0.18 + (0.82 * count) / worst;
  const tone = right ? 'var(--series-1)' : 'var(--series-2)';
  const label = count === 0 ? '' : grouped(count);
  const title = `${classes[actual] ?? actual} taken for ${classes[predicted] ?? predicted}: ${count}`;
  const fill = strength === 0 ? html`fill="var(--grid)"` : html`fill="${tone}" fill-opacity="${strength.toFixed(2)}"`;
  const ink = strength > 0.6 ? html`style="fill:var(--on-series)"` : html`class="value"`;
  return html`<rect x="${x}" y="${y}" width="${cell - 2}" height="${cell - 2}" rx="3" ${fill}><title>${title}</title></rect>
<text ${ink} x="${x + cell / 2 - 1}" y="${y + 20}" text-anchor="middle">${label}</text>`;
}
