// Random numbers on the JavaScript side (first weights, shuffles): Philox 4x32-10, a pure function of a key and a counter, the same that the kernels use.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

export type Block = readonly [number, number, number, number]; // four u32

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

// The upper 32 bits of a 32 x 32 bit product, by 16-bit halves.
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = (middle & 0xffff) + al * bh;
  return (ah * bh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Four random u32 for a counter of four u32 and a key of two. */
export function philox([c0, c1, c2, c3]: Block, [k0, k1]: readonly [number, number]): Block {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0);
    const high1 = multiplyHigh(M1, c2);
    const next0 = (high1 ^ c1 ^ k0) >>> 0;
    const next2 = (high0 ^ c3 ^ k1) >>> 0;
    c1 = Math.imul(M1, c2) >>> 0;
    c3 = Math.imul(M0, c0) >>> 0;
    c0 = next0;
    c2 = next2;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** A random sequence: the u32 at any index, from a seed (up to 2^53) and the number of a stream. */
export interface Stream {
  readonly seed: number;
  readonly stream: number;
}

const keyOf = (seed: number): [number, number] => [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];

/** Numbers in (0, 1), 24 bits each, never an end: element i depends on i and the stream alone. */
export function uniform(count: number, { seed, stream }: Stream, offset = 0): Float64Array {
  const out = new Float64Array(count);
  const key = keyOf(seed);
  let block: Block = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const at = offset + i;
    if (i === 0 || at % 4 === 0) block = philox([Math.floor(at / 4) >>> 0, Math.floor(at / 2 ** 34) >>> 0, 0, stream >>> 0], key);
    out[i] = ((block[at % 4]! >>> 8) + 0.5) / 2 ** 24;
  }
  return out;
}

/** 0 .. count - 1 in random order (Fisher and Yates): the same order for the same seed and stream in every process. */
export function permutation(count: number, stream: Stream): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const draws = uniform(count, stream);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** 32 bits of a name, to give each parameter a stream of its own. FNV-1a (Fowler, Noll, Vo). */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
