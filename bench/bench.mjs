// Runs the benchmark cases: npm run --silent bench -- [words of case names] [--peers] [--json] [--repeats N] [--python PATH]. A file of bench/kernels,
// models, trees or data exports `cases`; each is measured in turn with what it is compared to, several times over, and the best of each counts.
//
// A case: {
//   name, unit,                     'gemm f32 1576x768x3072', 'GFLOP/s'
//   repeats,                        at most so many, for cases that take long (optional)
//   better: 'more' | 'less',        which values are better
//   compare: { <name>: bar },       what it is compared to, and the ratio demanded (null = none): a baseline of prepare(), or a peer
//   peers: { <name>: [runner, ...arguments] },   a script of bench/reference, run only with --peers
//   prepare(): { measure, baselines?: { <name>: measure }, dispose? },   measure: () => Promise<number>
// }
// One line for each comparison: { group, case, value, unit, peer, peerValue, ratio, bar, holds }. ratio > 1 = ours is better.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { findPython, startPeer } from './peer.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const REST = 300; // milliseconds: thread pools of a peer spin that long after their work, on cores that the next one needs
const groups = ['kernels', 'models', 'trees', 'data'];

async function loadCases(words) {
  const found = [];
  for (const group of groups.filter((name) => existsSync(join(here, name)))) {
    for (const file of readdirSync(join(here, group)).filter((name) => name.endsWith('.mjs'))) {
      const { cases } = await import(pathToFileURL(join(here, group, file)).href);
      for (const one of cases) found.push({ group, ...one });
    }
  }
  return found.filter(({ group, name }) => words.every((word) => `${group} ${name}`.includes(word)));
}

/** What takes part: our own measure, the case's baselines and, on request, its peers. A peer that cannot run says why. */
async function enter(one, options) {
  const prepared = await one.prepare();
  const entrants = { tensorwood: { measure: prepared.measure } };
  for (const [name, measure] of Object.entries(prepared.baselines ?? {})) entrants[name] = { measure };
  for (const [name, command] of Object.entries(options.peers ? (one.peers ?? {}) : {})) {
    entrants[name] = await startPeer(command, options).catch((error) => ({ skipped: error.message }));
  }
  return { prepared, entrants };
}

async function race(entrants, better, repeats) {
  const best = {};
  for (let round = 0; round <= repeats; round++) {
    for (const [name, { measure }] of Object.entries(entrants)) {
      if (!measure) continue;
      await rest(REST);
      const value = await measure();
      const improves = best[name] === undefined || (better === 'more' ? value > best[name] : value < best[name]);
      if (round > 0 && improves) best[name] = value; // round 0 warms up
    }
  }
  return best;
}

function report({ group, name, unit, better, compare }, entrants, best) {
  return Object.entries(compare).flatMap(([peer, bar]) => {
    const value = best.tensorwood;
    const line = { group, case: name, value: round(value), unit, peer, peerValue: null, ratio: null, bar, holds: null };
    if (!entrants[peer]) return [{ ...line, skipped: 'peers run with --peers' }];
    if (entrants[peer].skipped) return [{ ...line, skipped: entrants[peer].skipped }];
    const ratio = better === 'more' ? value / best[peer] : best[peer] / value;
    return [{ ...line, peerValue: round(best[peer]), ratio: round(ratio), holds: bar === null ? null : ratio >= bar }];
  });
}

const round = (value) => Number(value.toPrecision(4));

async function runCase(one, options) {
  const { prepared, entrants } = await enter(one, options);
  try {
    return report(one, entrants, await race(entrants, one.better, Math.min(options.repeats, one.repeats ?? options.repeats)));
  } finally {
    for (const entrant of Object.values(entrants)) entrant.stop?.();
    prepared.dispose?.();
  }
}

function show(line) {
  const ours = `${line.value} ${line.unit}`;
  const theirs = line.skipped ? `skipped: ${line.skipped}` : `${line.peerValue} ${line.peer}, ratio ${line.ratio}`;
  const verdict = line.holds === null ? '' : line.holds ? `, at least ${line.bar}: holds` : `, at least ${line.bar}: FAILS`;
  return `${line.group.padEnd(8)} ${line.case.padEnd(44)} ${ours.padStart(18)}   ${theirs}${verdict}`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '7' },
    python: { type: 'string' },
  },
});
const options = { peers: values.peers, repeats: Number(values.repeats), python: values.peers ? findPython(values.python) : undefined };
for (const one of await loadCases(positionals)) {
  for (const line of await runCase(one, options)) console.log(values.json ? JSON.stringify(line) : show(line));
}
process.exit();
