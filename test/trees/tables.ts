// Small tables that trees are tested on, from a fixed random sequence.

/** Mulberry32: uniform in [0, 1). */
export function randomSequence(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Sample {
  readonly rows: number;
  readonly values: Float32Array; // (rows, 5): three numbers, one with missing values, one category code of 12
  readonly score: Float64Array; // what labels are made of
  readonly random: () => number;
}

/** Rows whose score depends on interactions, a missing value and a category. */
export function makeSample(rows: number, seed: number): Sample {
  const random = randomSequence(seed);
  const values = new Float32Array(rows * 5);
  const score = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const [a, b, c] = [random() * 2 - 1, random() * 2 - 1, Math.floor(random() * 6)];
    const d = random() < 0.2 ? Number.NaN : random();
    const e = Math.floor(random() * 12);
    values.set([a, b, c, d, e], i * 5);
    score[i] = 2 * a * b + (c > 3 ? 1 : 0) + (Number.isNaN(d) ? -1 : d) + ((e * 5) % 12 < 4 ? 1 : -0.5);
  }
  return { rows, values, score, random };
}

export const binaryLabels = ({ score, random }: Sample): Float32Array =>
  Float32Array.from(score, (s) => Number(random() < 1 / (1 + Math.exp(-2 * s))));

/** The five columns of a sample, each as its own array. */
export function columnsOf({ rows, values }: Sample): Float32Array[] {
  return Array.from({ length: 5 }, (_, f) => Float32Array.from({ length: rows }, (_, i) => values[i * 5 + f]!));
}
