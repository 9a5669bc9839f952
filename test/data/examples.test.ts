// Examples, their rows and batches, changes to images, and the readers of images.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { jitterImages } from '../../lib/data/augment';
import { batchRows, createExamples, selectExamples, splitRows } from '../../lib/data/examples';
import { readDigits, readIdx, readIdxImages } from '../../lib/data/images';

const x = { shape: [2], dtype: 'f32', data: Float32Array.of(0, 1, 2, 3, 4, 5) } as const;
const label = { shape: [], dtype: 'i32', data: Int32Array.of(0, 1, 1) } as const;

describe('examples', () => {
  it('refuses fields of other counts, types and classes', () => {
    expect(() => createExamples({})).toThrowError(/at least one example/);
    expect(() => createExamples({ x, label: { ...label, data: new Int32Array(2) } })).toThrowError(/expected 3 elements in 'label'/);
    expect(() => createExamples({ x: { ...x, dtype: 'i32' } })).toThrowError(/expected 'x' to be a Int32Array, got a Float32Array/);
    expect(() => createExamples({ x, label }, ['only'])).toThrowError(/labels in \[0, 0\], got 1 in row 1/);
  });

  it('selects rows', () => {
    const chosen = selectExamples(createExamples({ x, label }), [2, 0]);
    expect(chosen.fields.x!.data).toEqual(Float32Array.of(4, 5, 0, 1));
    expect(chosen.fields.label!.data).toEqual(Int32Array.of(1, 0));
  });

  it('splits into parts that share nothing, the same way for a seed', () => {
    const { train, test } = splitRows(100, { heldOut: 20, seed: 5 });
    expect([train.length, test.length]).toEqual([80, 20]);
    expect(new Set([...train, ...test]).size).toBe(100);
    expect(splitRows(100, { heldOut: 20, seed: 5 }).test).toEqual(test);
    expect(splitRows(100, { heldOut: 20, seed: 6 }).test).not.toEqual(test);
    expect(() => splitRows(3, { heldOut: 3 })).toThrowError(/\[0, 2\], got 3/);
  });

  it('visits every row once an epoch, in another order each', () => {
    const epoch = (stream: number) => [...batchRows(10, { size: 4, stream: { seed: 1, stream } })].map((rows) => [...rows]);
    expect(epoch(0).map((rows) => rows.length)).toEqual([4, 4, 2]);
    expect(
      epoch(0)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(epoch(0)).not.toEqual(epoch(1));
    expect([...batchRows(10, { size: 4, whole: true })].map((rows) => [...rows])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });
});

describe('jitterImages', () => {
  const size = { channels: 1, height: 9, width: 9 };
  const dot = new Float32Array(81).fill(-1);
  dot[4 * 9 + 4] = 1;

  it('leaves images alone when nothing may happen', () => {
    expect(jitterImages(dot, size, {}, { seed: 1, stream: 0 })).toEqual(dot);
  });

  it('moves a dot within its bounds, keeps its weight, and fills with the background', () => {
    for (let stream = 0; stream < 20; stream++) {
      const moved = jitterImages(dot, size, { shift: 2 }, { seed: 1, stream, background: -1 });
      const weight = moved.map((v) => v + 1);
      expect(weight.reduce((a, b) => a + b, 0)).toBeCloseTo(2, 5);
      weight.forEach((w, i) => {
        if (w > 1e-6) expect(Math.max(Math.abs((i % 9) - 4), Math.abs(Math.floor(i / 9) - 4))).toBeLessThanOrEqual(3);
      });
    }
  });

  it('turns about the centre', () => {
    const off = new Float32Array(81);
    off[4 * 9 + 7] = 1;
    const turned = jitterImages(off, size, { rotate: 0.8 }, { seed: 2, stream: 3 });
    const [sx, sy] = turned.reduce(([a, b], v, i) => [a! + v * ((i % 9) - 4), b! + v * (Math.floor(i / 9) - 4)], [0, 0]) as [
      number,
      number,
    ];
    expect(Math.hypot(sx, sy)).toBeCloseTo(3, 0);
    expect(turned).not.toEqual(off);
  });
});

describe('images', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorwood-idx-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102);
  const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 0);

  it('reads IDX pairs, plain or gzip', async () => {
    const examples = await readIdxImages(write('i.gz', gzipSync(images)), write('l', labels), { mean: 0, deviation: 1 });
    expect(examples.fields.x).toMatchObject({ shape: [1, 1, 2], data: Float32Array.of(0, 1, 0.2, 0.4) });
    expect(examples.fields.label!.data).toEqual(Int32Array.of(1, 0));
    expect(examples.classes).toEqual(['0', '1']);
  });

  it('refuses foreign, cut and mismatched files', async () => {
    await expect(readIdx(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    await expect(readIdx(write('text', Buffer.from('hello, world')))).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FORMAT',
      message: /not an IDX/,
    });
    await expect(readIdx(write('cut', images.subarray(0, -1)))).rejects.toMatchObject({ message: /expected 4 bytes of data .*, got 3/ });
    await expect(readIdx(write('header', images.subarray(0, 9)))).rejects.toMatchObject({ message: /ends inside its header/ });
    await expect(readIdx(write('bad.gz', gzipSync(images).subarray(0, 15)))).rejects.toMatchObject({ message: /cannot unpack/ });
    await expect(readIdxImages(write('a', labels), write('b', labels))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DATA' });
  });

  it('reads the 10,000 digits of the npm package', async () => {
    const { count, fields } = await readDigits({ mean: 0, deviation: 1 });
    expect([count, fields.x!.shape]).toEqual([10_000, [1, 28, 28]]);
    expect(new Set(fields.label!.data).size).toBe(10);
    expect((fields.x!.data as Float32Array).every((v) => v >= 0 && v <= 1)).toBe(true);
  });

  const shared = join(__dirname, '..', '..', '..', 'shared', 'data', 'mnist');
  it.skipIf(!existsSync(shared))('reads the test set of MNIST (skipped where ../shared/data is absent)', async () => {
    const examples = await readIdxImages(join(shared, 't10k-images-idx3-ubyte.gz'), join(shared, 't10k-labels-idx1-ubyte.gz'));
    expect([examples.count, examples.fields.x!.shape, examples.fields.label!.data.slice(0, 5)]).toEqual([
      10_000,
      [1, 28, 28],
      Int32Array.of(7, 2, 1, 0, 4),
    ]);
  });
});
