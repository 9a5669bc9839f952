// The look of every page: one column of panels, colours as variables so that dark mode is another set of values.

export const style = `
:root { color-scheme: light dark;
  --page: #f7f7f5; --panel: #ffffff; --ink: #1c1e21; --muted: #656b73; --line: #e2e3e0; --grid: #ecedea;
  --series-1: #2361c4; --series-2: #c2560b; --series-3: #22804f; --series-4: #8447b8; --on-series: #ffffff;
  --good: #22804f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #121416; --panel: #1a1d20; --ink: #e6e8ea; --muted: #9aa1a9; --line: #2c3035; --grid: #24282c;
  --series-1: #76a9fa; --series-2: #f29a4e; --series-3: #59c08a; --series-4: #c08ae8; --on-series: #101418;
  --good: #59c08a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 56px; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; margin-bottom: 20px; }
h1 { font-size: 24px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; margin: 0; }
header p { margin: 0; color: var(--muted); flex-basis: 100%; }
.state { font-size: 13px; font-weight: 600; color: var(--good); }
.state.failed, .state.aborted { color: var(--bad); }
h2 { font-size: 15px; font-weight: 650; margin: 0 0 2px; }
.note { color: var(--muted); font-size: 13px; margin: 0 0 10px; max-width: 72ch; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; margin-bottom: 16px; }
.figures div { background: var(--panel); padding: 12px 16px; }
.figures b { display: block; font-size: 22px; font-weight: 620; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures span { color: var(--muted); font-size: 13px; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 16px; min-width: 0; display: flex; flex-direction: column; }
section > svg.plot { margin-top: auto; }
section.wide { grid-column: 1 / -1; }
section:has(> table) { align-self: start; }
svg { display: block; width: 100%; height: auto; font: 12px ui-sans-serif, system-ui, 'Segoe UI', Roboto, sans-serif; font-variant-numeric: tabular-nums; }
svg text { fill: var(--muted); }
svg .value { fill: var(--ink); }
svg .grid { stroke: var(--grid); }
svg .axis { stroke: var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--muted); margin: 0 0 6px; padding: 0; list-style: none; }
.legend b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
td { padding: 4px 0; border-top: 1px solid var(--grid); vertical-align: top; overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; }
td:first-child { color: var(--muted); padding-right: 16px; width: 45%; }
td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 12px; margin: 0; padding: 0; list-style: none; }
figure { margin: 0; }
figcaption { font-size: 12px; color: var(--muted); line-height: 1.35; margin-top: 4px; }
figcaption b { color: var(--ink); font-weight: 600; }
.picture { position: relative; display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; overflow: hidden; background: #000; border: 1px solid var(--line); }
.picture img { position: absolute; inset: 0; width: 100%; height: 100%; }
.picture img:first-child { image-rendering: pixelated; }
.picture.faint img:first-child { opacity: 0.55; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px 32px; }
.maps > div { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(44px, 1fr); gap: 8px; overflow-x: auto; }
.empty { color: var(--muted); font-size: 13px; padding: 28px 0; text-align: center; }
footer { color: var(--muted); font-size: 13px; margin-top: 20px; }
code { font: 12.5px ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 520px) { main { padding: 20px 12px 40px; } section { padding: 12px; } .figures { grid-template-columns: 1fr 1fr; } .figures div:last-child:nth-child(odd) { grid-column: 1 / -1; } .figures b { font-size: 19px; } }
@media print { body { background: #fff; } section, .figures { break-inside: avoid; } }
`;
