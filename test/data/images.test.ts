// The readers of images: IDX files and the digits of the npm package.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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
    expect(await bytesOf(await pixelsOf(bytes, mnistNormalisation), mnistNormalisation)).toEqual(bytes);
    const read = await readIdxImages(write('i', images), write('l', labels));
    expect(await pixelsOf(images.subarray(16), mnistNormalisation)).toEqual(read.fields.x.data);
  });

  it('writes what it reads', async () => {
    const written = { shape: [2, 1, 2], data: Uint8Array.of(0, 255, 51, 102) };
    expect(Buffer.from(idxBytes(written)).equals(images)).toBe(true);
    expect(await readIdx(write('again', idxBytes(written)))).toEqual(written);
  });

  it('keeps every type of the format, in the order of bytes of this machine', async () => {
    const file = (type: number, ...bytes: number[]): Uint8Array => Uint8Array.of(0, 0, type, 1, 0, 0, 0, 2, ...bytes);
    const cases: [number, number[], unknown][] = [
      [8, [0, 255], Uint8Array.of(0, 255)],
      [9, [0, 255], Int8Array.of(0, -1)],
      [11, [1, 2, 255, 254], Int16Array.of(258, -2)],
      [12, [0, 1, 0, 0, 255, 255, 255, 254], Int32Array.of(65536, -2)],
      [13, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1, -2)],
      [14, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1, -2)],
    ];
    for (const [type, bytes, data] of cases) expect(await readIdx(file(type, ...bytes))).toEqual({ shape: [2], data });
    const scalar = await readIdx(Uint8Array.of(0, 0, 8, 0, 7));
    expect(scalar).toEqual({ shape: [], data: Uint8Array.of(7) });
    await expect(readIdx(file(10, 0, 0))).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT', message: /expected type 8.*got type 10/ });
    await expect(readIdxImages(file(13, 63, 128, 0, 0, 0, 0, 0, 0), labels)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DATA' });
  });

  it('reads images in colour, and labels of any whole type', async () => {
    const colour = idxBytes({ shape: [2, 3, 1, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) });
    const wide = Uint8Array.of(0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 3);
    const { fields, classes } = await readIdxImages(colour, wide, { mean: 0, deviation: 1 / 255 });
    expect([fields.x.shape, fields.label.data, classes.length]).toEqual([[3, 1, 2], Int32Array.of(256, 3), 257]);
    expect(Array.from(fields.x.data, Math.round)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('refuses labels that are no classes, images that are no bytes, and sizes that no file has', async () => {
    const two = (type: number, ...bytes: number[]): Uint8Array => Uint8Array.of(0, 0, type, 1, 0, 0, 0, 2, ...bytes);
    for (const odd of [two(9, 0, 255), two(12, 0x7f, 255, 255, 255, 0, 0, 0, 0), two(13, 0x3f, 0, 0, 0, 0, 0, 0, 0)])
      await expect(readIdxImages(images, odd)).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_DATA',
        message: /expected labels to be classes/,
      });
    const signed = Uint8Array.from(images);
    signed[2] = 9;
    await expect(readIdxImages(signed, labels)).rejects.toMatchObject({ message: /images of unsigned bytes.*Int8Array/ });
    const huge = Uint8Array.of(0, 0, 14, 3, ...Array(12).fill(255), 0);
    await expect(readIdx(huge)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT', message: /bytes of data/ });
    await expect(readIdx(Uint8Array.of(0, 0, 8, 255, 0, 0, 0, 1))).rejects.toMatchObject({ message: /ends inside its header/ });
  });

  it('stops between two turns, with the reason', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const many = idxBytes({ shape: [2 ** 22], data: new Uint8Array(2 ** 22) });
    many[2] = 9;
    const reading = readIdx(many, { signal: controller.signal });
    const refused = expect(reading).rejects.toBe(reason);
    setImmediate(() => controller.abort(reason));
    await refused;
    await expect(readDigits({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
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

  it('reads no labels where the images cannot be read', async () => {
    const labels = new Readable({ read: () => expect.unreachable() });
    await expect(readIdxImages(join(folder, 'absent'), labels)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
  });

  it.each<[string, (options: never) => Promise<unknown>]>([
    ['readDigits', readDigits],
    ['readIdxImages', (options) => readIdxImages('absent', 'absent', options)],
    ['readIdx', (options) => readIdx('absent', options)],
  ])('%s refuses options that are none, that it does not have, and a signal that is none', async (name, read) => {
    for (const [options, message] of [
      [null, 'expected options as an object, got null'],
      [{ sgnal: 1 }, "unknown option 'sgnal', did you mean 'signal'?"],
      [{ signal: 5 }, 'expected signal to be an AbortSignal, got 5'],
    ])
      await expect(read(options as never)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT', message: `${name}: ${message}` });
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
