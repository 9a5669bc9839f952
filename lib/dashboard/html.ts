// Text to HTML, and numbers to text: everything that enters a page goes through here.

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeText = (text: string): string => text.replace(/[&<>"']/g, (c) => entities[c]!);

/** Markup that is already safe, built by html``. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly Part[] | undefined | false;

const render = (part: Part): string => {
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(render).join('');
  return part === undefined || part === false ? '' : escapeText(String(part));
};

/** A template whose values are escaped, unless they are Markup themselves; lists are joined, undefined and false vanish. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, i) => text + (i < parts.length ? render(parts[i]) : '')).join(''));
}

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** 1234567 -> 1,234,567 */
export const grouped = (n: number): string => n.toLocaleString('en-US', { maximumFractionDigits: 0 });

export const percent = (part: number, digits = 1): string => `${(100 * part).toFixed(digits)} %`;

/** About three significant digits, without exponents where people do not write them. */
export function compact(n: number): string {
  if (!Number.isFinite(n)) return Number.isNaN(n) ? '–' : n > 0 ? '∞' : '−∞';
  const size = Math.abs(n);
  const text =
    size !== 0 && (size >= 1e7 || size < 1e-4) ? n.toExponential(1) : size >= 1000 ? grouped(n) : String(Number(n.toPrecision(3)));
  return text.replace('.0e', 'e').replace('e+', 'e').replaceAll('-', '−');
}

/** 95.2 -> 1 min 35 s */
export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 100) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
