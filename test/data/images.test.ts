// The readers of images: IDX files and the digits of the npm package.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { bytesOf, idxBytes, mnistNormalisation, pixelsOf, readDigits, readIdx, readIdxImages } from '../../lib/data/images';

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
    expect(examples.fields.x).toEqual({ shape: [1, 1, 2], data: Float32Array.of(0, 1, 0.2, 0.4) });
    expect(examples.fields.label.data).toEqual(Int32Array.of(1, 0));
    expect(examples.classes).toEqual(['0', '1']);
  });

  it('makes pixels of bytes and bytes of pixels', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(bytesOf(pixelsOf(bytes, mnistNormalisation), mnistNormalisation)).toEqual(bytes);
    const read = await readIdxImages(write('i', images), write('l', labels));
    expect(pixelsOf(images.subarray(16), mnistNormalisation)).toEqual(read.fields.x.data);
  });

  it('writes what it reads', async () => {
    const written = { shape: [2, 1, 2], data: Uint8Array.of(0, 255, 51, 102) };
    expect(Buffer.from(idxBytes(written)).equals(images)).toBe(true);
    expect(await readIdx(write('again', idxBytes(written)))).toEqual(written);
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
    expect([count, fields.x.shape]).toEqual([10_000, [1, 28, 28]]);
    expect(new Set(fields.label.data).size).toBe(10);
    expect(fields.x.data.every((v) => v >= 0 && v <= 1)).toBe(true);
  });

  const shared = join(__dirname, '..', '..', '..', 'shared', 'data', 'mnist');
  it.skipIf(!existsSync(shared))('reads the test set of MNIST (skipped where ../shared/data is absent)', async () => {
    const examples = await readIdxImages(join(shared, 't10k-images-idx3-ubyte.gz'), join(shared, 't10k-labels-idx1-ubyte.gz'));
    expect([examples.count, examples.fields.x.shape, examples.fields.label.data.slice(0, 5)]).toEqual([
      10_000,
      [1, 28, 28],
      Int32Array.of(7, 2, 1, 0, 4),
    ]);
  });
});
