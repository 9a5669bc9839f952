// Examples in memory: rows by index, parts, shifted images, and what is refused.
import { describe, expect, it } from 'vitest';
import { shiftImages } from '../../lib/data/augment';
import { examples, splitExamples, subset } from '../../lib/data/examples';

const draw = { seed: 1, stream: 2 };
const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);

describe('examples', () => {
  const source = examples({ x: { data: count(12), shape: [1, 3] }, label: { data: Int32Array.of(5, 6, 7, 8) } });

  it('gives rows by index and says what a row is', () => {
    expect(source.size).toBe(4);
    expect(source.fields).toEqual({ x: { shape: [1, 3], dtype: 'f32' }, label: { shape: [], dtype: 'i32' } });
    expect(source.read(Int32Array.of(3, 0), draw)).toEqual({ x: Float32Array.of(9, 10, 11, 0, 1, 2), label: Int32Array.of(8, 5) });
  });

  it('has parts, and parts of parts', () => {
    const part = subset(subset(source, Int32Array.of(3, 2, 1)), Int32Array.of(2, 0));
    expect(part.read(Int32Array.of(0, 1), draw).label).toEqual(Int32Array.of(6, 8));
  });

  it.each([
    [Int32Array.of(0, 4), 'expected rows in [0, 3], got 4'],
    [Int32Array.of(-1), 'expected rows in [0, 3], got -1'],
    [Float32Array.of(1.5), 'expected rows in [0, 3], got 1.5'],
    [Uint8Array.of(1, 0, 1, 0), 'expected row numbers, got a mask of 4'],
  ])('has no part at %j', (indices, refusal) => {
    expect(() => subset(source, indices as never)).toThrow(`subset: ${refusal}`);
  });

  it('splits into disjoint parts that repeat with the seed', () => {
    const all = examples({ label: { data: Int32Array.from({ length: 100 }, (_, i) => i) } });
    const labels = (part: typeof all) => [
      ...part.read(
        Int32Array.from({ length: part.size }, (_, i) => i),
        draw,
      ).label!,
    ];
    const { rest, held } = splitExamples(all, 30, { seed: 4 });
    expect(labels(held)).toHaveLength(30);
    expect([...labels(held), ...labels(rest)].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(labels(splitExamples(all, 30, { seed: 4 }).held)).toEqual(labels(held));
    expect(labels(splitExamples(all, 30, { seed: 5 }).held)).not.toEqual(labels(held));
  });

  it('holds out a share', () => {
    const { rest, held } = splitExamples(source, 0.25);
    expect([rest.size, held.size]).toEqual([3, 1]);
    expect(() => splitExamples(source, 0.1)).toThrow(/or a share below 1, got 0.1/);
    expect(() => splitExamples([1, 2] as never, 1)).toThrow('splitExamples: expected examples, got Array; make them by examples(');
    expect(() => splitExamples(source, 1, null as never)).toThrow('splitExamples: expected options as an object, got null');
    expect(() => splitExamples(source, 1, { sede: 1 } as never)).toThrow("splitExamples: unknown option 'sede', did you mean 'seed'?");
  });

  it('takes plain numbers: f32, and i32 for labels', () => {
    const plain = examples({ x: { data: [0.5, 1, 2, 3], shape: [2] }, y: { data: Float64Array.of(1, 2) }, label: { data: [0, 1] } });
    expect(plain.fields).toEqual({ x: { shape: [2], dtype: 'f32' }, y: { shape: [], dtype: 'f32' }, label: { shape: [], dtype: 'i32' } });
    expect(plain.read(Int32Array.of(1), draw)).toEqual({ x: Float32Array.of(2, 3), y: Float32Array.of(2), label: Int32Array.of(1) });
    expect(examples({ label: { data: Uint8Array.of(3, 255) } }).read(Int32Array.of(1), draw).label).toEqual(Int32Array.of(255));
  });

  it.each([[['a']], [undefined], [BigInt64Array.of(1n)], ['12']])('refuses data %s', (data) => {
    expect(() => examples({ x: { data: data as never } })).toThrow(
      /examples: expected data of 'x' to be numbers, got .*; use Float32Array.from/,
    );
  });

  it('refuses a shape that holds nothing', () => {
    expect(() => examples({ x: { data: [], shape: [0] } })).toThrow("examples: expected 'x' to hold elements, got shape (0,)");
  });

  it('refuses labels that are not whole', () => {
    expect(() => examples({ label: { data: [0, 1.5] } })).toThrow('examples: expected labels to be whole numbers, got 1.5 at example 1');
  });

  it('refuses none, unequal fields, and a part that leaves nothing', () => {
    const data = { code: 'ERR_TENSORWOOD_DATA' };
    expect(() => examples({})).toThrow(expect.objectContaining(data));
    expect(() => examples({ x: { data: new Float32Array(0), shape: [3] } })).toThrow(expect.objectContaining(data));
    expect(() => examples({ x: { data: count(6), shape: [3] }, label: { data: Int32Array.of(1) } })).toThrow(expect.objectContaining(data));
    expect(() => examples({ x: { data: count(7), shape: [3] } })).toThrow(expect.objectContaining(data));
    expect(() => splitExamples(source, 4)).toThrow(/hold out 1 to 3/);
  });
});

describe('shiftImages', () => {
  const images = examples({ x: { data: count(2 * 2 * 4 * 5), shape: [2, 4, 5] }, label: { data: Int32Array.of(0, 1) } });
  const everyone = Int32Array.of(0, 1);

  it('moves all channels of an example alike by at most so many pixels and fills the edges', () => {
    const seen = new Set<string>();
    for (let stream = 0; stream < 60; stream++) {
      const { x } = shiftImages(images, { pixels: 1, fill: -1 }).read(everyone, { seed: 3, stream });
      for (let example = 0; example < 2; example++) {
        const amounts = [0, 1].map((channel) => {
          const at = example * 40 + channel * 20;
          const fits = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const)).filter(([dy, dx]) => isMoved(x!, at, dy, dx));
          expect(fits).toHaveLength(1);
          return fits[0]!.join();
        });
        expect(amounts[0]).toBe(amounts[1]);
        seen.add(amounts[0]!);
      }
    }
    expect(seen.size).toBe(9);
  });

  function isMoved(x: ArrayLike<number>, at: number, dy: number, dx: number): boolean {
    return Array.from({ length: 20 }, (_, i) => {
      const [fromY, fromX] = [Math.floor(i / 5) - dy, (i % 5) - dx];
      const inside = fromY >= 0 && fromY < 4 && fromX >= 0 && fromX < 5;
      return x[at + i] === (inside ? at + fromY * 5 + fromX : -1);
    }).every(Boolean);
  }

  it('repeats with the draw, and leaves the labels and the source alone', () => {
    const moved = shiftImages(images);
    expect(moved.read(everyone, draw)).toEqual(moved.read(everyone, draw));
    expect(moved.read(everyone, draw).label).toEqual(everyone);
    expect(images.read(everyone, draw).x).toEqual(count(80));
    expect(shiftImages(images, { pixels: 0 }).read(everyone, draw).x).toEqual(count(80));
  });

  it('refuses what is no image and shifts past the edge', () => {
    expect(() => shiftImages(images, { field: 'label' })).toThrow(/expected images in 'label'/);
    expect(() => shiftImages(images, { pixels: 4 })).toThrow(/less than the image's side/);
  });
});
