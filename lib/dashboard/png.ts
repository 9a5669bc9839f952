// The smallest useful PNG writer, for pictures inside a page: 8-bit grey or colour with transparency, one zlib block. (PNG specification, W3C 2003.)
import { crc32, deflateSync } from 'node:zlib';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const colourTypes: Readonly<Record<number, number>> = { 1: 0, 4: 6 }; // channels -> grey, RGBA

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** Pixels (height, width, channels) of bytes, 1 channel = grey, 4 = red, green, blue, opacity. */
export function encodePng(pixels: Uint8Array, width: number, height: number): Buffer {
  const channels = pixels.length / (width * height);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits a channel
  header[9] = colourTypes[channels]!;
  const stride = width * channels;
  const rows = Buffer.alloc(height * (stride + 1)); // each row begins with its filter, 0 = none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array())]);
}

const dataUri = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`;

function rangeOf(values: ArrayLike<number>): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return [low, high];
}

/** Grey picture of numbers (height, width), dark = the lowest of them. */
export function greyPicture(values: ArrayLike<number>, width: number, height: number): string {
  const [low, high] = rangeOf(values);
  const range = high - low || 1;
  const pixels = Uint8Array.from(values, (v) => Math.round((255 * (v - low)) / range));
  return dataUri(encodePng(pixels, width, height));
}

/** One colour whose opacity is a number relative to the highest: to lay over another picture. */
export function overlayPicture(
  values: ArrayLike<number>,
  width: number,
  height: number,
  [r, g, b]: readonly [number, number, number],
): string {
  const high = rangeOf(values)[1] || 1;
  const pixels = new Uint8Array(4 * values.length);
  for (let i = 0; i < values.length; i++) pixels.set([r, g, b, Math.round((255 * values[i]!) / high)], 4 * i);
  return dataUri(encodePng(pixels, width, height));
}
