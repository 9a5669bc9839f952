// The shell of a report: a file that stands alone, with a title, the figures that matter, panels, and tables of what made them.
import { type Target, writeTo } from '../files/target';
import { html, Markup } from './html';
import { style } from './style';

export interface Page {
  readonly title: string;
  /** How the run ended. */
  readonly state: 'completed' | 'stopped' | 'aborted' | 'failed' | 'running';
  readonly summary: string;
  readonly figures: readonly Figure[];
  readonly panels: readonly Markup[];
  /** The line to type next, and the like. */
  readonly footer?: Markup;
}

/** A number that is worth a glance. */
export interface Figure {
  readonly value: string;
  readonly label: string;
}

export interface Panel {
  readonly title: string;
  readonly note?: string;
  readonly wide?: boolean;
}

export const panel = ({ title, note, wide }: Panel, content: Markup): Markup =>
  html`<section${wide ? new Markup(' class="wide"') : undefined}><h2>${title}</h2>${note && html`<p class="note">${note}</p>`}${content}</section>`;

export const empty = (reason: string): Markup => html`<p class="empty">${reason}</p>`;

const show = (value: unknown): string => {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(show).join(', ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === '' || value === null || value === undefined) return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

/** Names and values, one pair a row. */
export const pairs = (values: Readonly<Record<string, unknown>>): Markup =>
  html`<table>${Object.entries(values).map(([name, value]) => html`<tr><td>${name}</td><td>${show(value)}</td></tr>`)}</table>`;

export function renderPage(page: Page): string {
  const { title, state, summary, figures, panels, footer } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<header><h1>${title}</h1><span class="state ${state}">${state}</span><p>${summary}</p></header>
<div class="figures">${figures.map(({ value, label }) => html`<div><b>${value}</b><span>${label}</span></div>`)}</div>
<div class="panels">
${panels.map((p) => html`${p}\n`)}</div>
${footer && html`<footer>${footer}</footer>`}
</main>
</body>
</html>
`.text;
}

/** Writes a page whole or not at all. @throws ERR_TENSORWOOD_FILE when the disk is full or the folder cannot be written */
export const writePage = (target: Target, page: Page): Promise<void> => writeTo('report', target, [Buffer.from(renderPage(page))]);
