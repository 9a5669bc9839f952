// Tables for bench/trees, made once into the system's temporary folder as raw little-endian f32 files that every library reads byte for byte:
// train.f32 and test.f32 (rows, columns), train-label.f32, test-label.f32, table.json { rows, testRows, columns, categorical }.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Uniform numbers by xorshift128 (Marsaglia), then normal ones by the polar method. */
export function randomSource(seed) {
  let [a0, a1, b0, b1] = [seed | 1, seed ^ 0x9e3779b9, 0x632be59b, 0xd9b4e019];
  const uniform = () => {
    const t = a0 ^ (a0 << 11);
    [a0, a1, b0] = [a1, b0, b1];
    b1 = b1 ^ (b1 >>> 19) ^ t ^ (t >>> 8);
    return (b1 >>> 0) / 2 ** 32;
  };
  let spare;
  const normal = () => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const [u, v] = [2 * uniform() - 1, 2 * uniform() - 1];
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      spare = v * scale;
      return u * scale;
    }
  };
  return { uniform, normal };
}

/**
 * A stand-in for the Higgs set: six log-normal momenta, six pseudo-rapidities, six angles, three discrete tags, seven masses that derive from them with
 * 12 % of noise; 53 % signal, of which 55 % has a bump at mass 1.25. -> (rows, 28)
 */
function higgsLike(rows, seed) {
  const { uniform, normal } = randomSource(seed);
  const [x, y] = [new Float32Array(rows * 28), new Float32Array(rows)];
  const gamma4 = () => -Math.log(uniform() * uniform() * uniform() * uniform() + 1e-300);
  for (let i = 0; i < rows; i++) {
    const signal = Number(uniform() < 0.53);
    const row = x.subarray(28 * i, 28 * i + 28);
    for (let k = 0; k < 6; k++) {
      row[k] = Math.exp(0.5 * normal()) * (1 + 0.08 * signal);
      row[6 + k] = normal() * (1 - 0.07 * signal);
      row[12 + k] = (2 * uniform() - 1) * 1.74;
    }
    for (let k = 18; k < 21; k++) row[k] = uniform() < 0.5 + 0.05 * signal ? 0 : uniform() < 0.5 ? 1.1 : 2.2;
    for (let k = 0; k < 5; k++) {
      const angle = Math.cosh(row[6 + k] - row[7 + k]) - Math.cos(row[12 + k] - row[13 + k]);
      row[21 + k] = Math.sqrt(2 * row[k] * row[k + 1] * Math.max(angle, 0) + 1e-3);
    }
    row[26] = row[21] + row[23];
    row[27] = row[26] + row[25];
    for (let k = 21; k < 28; k++) row[k] *= 1 + 0.12 * normal();
    if (signal && uniform() < 0.55) {
      row[21] = 1.25 + 0.18 * normal();
      row[26] = row[21] + 0.35 * gamma4();
    }
    y[i] = signal;
  }
  return { x, y };
}

async function makeHiggs(rows) {
  return { columns: 28, categorical: [], train: higgsLike(rows, 1), test: higgsLike(100_000, 1001) };
}

/** Month, day, weekday, hour * 100 + minute, origin, destination, distance; the label is a delay of a quarter of an hour. Rows in random order. */
async function makeFlights(rows) {
  const { readParquet } = require('../dist/data/parquet.js');
  const path = join(dirname(require.resolve('vega-datasets')), '..', 'data', 'flights-3m.parquet');
  const { columns } = await readParquet(path);
  const of = (name) => columns.find((c) => c.name === name);
  const { values: dates } = of('date');
  const [delay, distance, origin, destination] = [of('delay').values, of('distance').values, of('origin').codes, of('destination').codes];
  const order = Uint32Array.from(dates, (_, i) => i);
  const { uniform } = randomSource(2);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  const take = (from, to) => {
    const [x, y] = [new Float32Array(7 * (to - from)), new Float32Array(to - from)];
    for (let i = from; i < to; i++) {
      const row = order[i];
      const date = new Date(dates[row]);
      const time = date.getUTCHours() * 100 + date.getUTCMinutes();
      x.set([date.getUTCMonth(), date.getUTCDate(), date.getUTCDay(), time, origin[row], destination[row], distance[row]], 7 * (i - from));
      y[i - from] = Number(delay[row] >= 15);
    }
    return { x, y };
  };
  return { columns: 7, categorical: [0, 1, 2, 4, 5], train: take(100_000, 100_000 + rows), test: take(0, 100_000) };
}

const makers = { 'higgs-like': makeHiggs, flights: makeFlights };

/** The folder of a table, made at its first use. */
export async function findTable(name, rows) {
  const folder = join(tmpdir(), 'tensorwood-tables', `${name}-${rows}`);
  if (existsSync(join(folder, 'table.json'))) return folder;
  const made = await makers[name](rows);
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  for (const part of ['train', 'test']) {
    writeFileSync(join(unfinished, `${part}.f32`), made[part].x);
    writeFileSync(join(unfinished, `${part}-label.f32`), made[part].y);
  }
  const facts = { rows, testRows: made.test.y.length, columns: made.columns, categorical: made.categorical };
  writeFileSync(join(unfinished, 'table.json'), JSON.stringify(facts));
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
  return folder;
}

/** { rows, testRows, columns, categorical, train, trainLabel, test, testLabel } */
export function readTable(folder) {
  const read = (file) => new Float32Array(new Uint8Array(readFileSync(join(folder, file))).buffer);
  return {
    ...JSON.parse(readFileSync(join(folder, 'table.json'), 'utf8')),
    train: read('train.f32'),
    trainLabel: read('train-label.f32'),
    test: read('test.f32'),
    testLabel: read('test-label.f32'),
  };
}
