// Reading a CSV file into typed columns: 200,000 rows of 20 numbers, and the same with text; against csv-parse, which the tests use as an oracle, and
// against reading the bytes alone, which is the limit.
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { readCsv } from '../../dist/index.mjs';

const rows = 200_000;
const columns = 20;

/** Reproducible numbers without a pattern. */
function* draws() {
  for (let state = 1; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const towns = ['Oslo', 'Rome', '"Paris, Texas"', 'Lima', '', 'Accra'];

function content(kind) {
  const random = draws();
  const cell = (c) => {
    const u = random.next().value;
    return kind === 'mixed' && c % 4 === 0 ? towns[Math.floor(u * towns.length)] : (u * 8 - 4).toFixed(6);
  };
  const lines = Array.from({ length: rows }, () => Array.from({ length: columns }, (_, c) => cell(c)).join(','));
  return `${Array.from({ length: columns }, (_, c) => `c${c}`).join(',')}\n${lines.join('\n')}\n`;
}

async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function parseWithPeer(path) {
  const values = Array.from({ length: columns }, () => new Float32Array(rows));
  let row = 0;
  for await (const fields of createReadStream(path).pipe(parse({ from: 2 }))) {
    for (let c = 0; c < columns; c++) values[c][row] = Number(fields[c]);
    row++;
  }
}

function prepare(kind) {
  const folder = mkdtempSync(join(tmpdir(), 'tensorwood-bench-'));
  const path = join(folder, `${kind}.csv`);
  writeFileSync(path, content(kind));
  const megabytes = statSync(path).size / 1e6;
  const rate = async (work) => megabytes / (await timed(work));
  return {
    measure: () => rate(() => readCsv(path)),
    baselines: { 'csv-parse': () => rate(() => parseWithPeer(path)), 'reading the bytes': () => rate(() => readFile(path)) },
    dispose: () => rmSync(folder, { recursive: true }),
  };
}

export const cases = ['numbers', 'mixed'].map((kind) => ({
  name: `csv ${kind} ${rows}x${columns}`,
  unit: 'MB/s',
  better: 'more',
  repeats: 3,
  compare: { 'csv-parse': 10, 'reading the bytes': null },
  prepare: async () => prepare(kind),
}));
