// Random numbers on the JavaScript side (first weights, shuffles): Philox 4x32-10, a pure function of a key and a counter, the same that the kernels use.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

// The upper 32 bits of a 32 x 32 bit product, by 16-bit halves; all in i32, which is what stays fast in JavaScript.
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = Math.imul(al, bl) >>> 16;
  const middle = (Math.imul(ah, bl) + low) | 0;
  const carry = (Math.imul(al, bh) + (middle & 0xffff)) | 0;
  return (Math.imul(ah, bh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** Replaces a counter of four u32 by four random ones, with a key of two. In place: weights are drawn by the million. */
export function philox(block: Uint32Array, key: Uint32Array): void {
  let c0 = block[0]! | 0;
  let c1 = block[1]! | 0;
  let c2 = block[2]! | 0;
  let c3 = block[3]! | 0;
  let k0 = key[0]! | 0;
  let k1 = key[1]! | 0;
  for (let round = 0; round < 10; round++) {
    const next0 = multiplyHigh(M1, c2) ^ c1 ^ k0;
    const next2 = multiplyHigh(M0, c0) ^ c3 ^ k1;
    c1 = Math.imul(M1, c2);
    c3 = Math.imul(M0, c0);
    c0 = next0;
    c2 = next2;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** A random sequence: the u32 at any index, from a seed (up to 2^53) and the number of a stream. */
export interface Stream {
  readonly seed: number;
  readonly stream: number;
}

const keyOf = (seed: number): Uint32Array => Uint32Array.of(seed, Math.floor(seed / 2 ** 32));

/** Numbers in (0, 1), 24 bits each, never an end: element i depends on i and the stream alone. */
export function uniform(count: number, { seed, stream }: Stream, offset = 0): Float64Array {
  const out = new Float64Array(count);
  const key = keyOf(seed);
  const block = new Uint32Array(4);
  let lane = offset % 4;
  for (let i = 0; i < count; i++, lane = (lane + 1) & 3) {
    if (i === 0 || lane === 0) {
      const at = Math.floor((offset + i) / 4);
      block[0] = at;
      block[1] = Math.floor(at / 2 ** 32);
      block[2] = 0;
      block[3] = stream;
      philox(block, key);
    }
    out[i] = ((block[lane]! >>> 8) + 0.5) / 2 ** 24;
  }
  return out;
}

/** 0 .. count - 1 in random order (Fisher and Yates): the same order for the same seed and stream in every process. */
export function permutation(count: number, stream: Stream): Int32Array {
  const order = new Int32Array(count).map((_, i) => i);
  const draws = uniform(count, stream);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1));
    const there = order[j]!;
    order[j] = order[i]!;
    order[i] = there;
  }
  return order;
}

/** 32 bits of a name, to give each parameter a stream of its own. FNV-1a (Fowler, Noll, Vo). */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
