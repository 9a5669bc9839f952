// Random changes to a batch of images that keep what they show, drawn by index: the same batch of the same step is changed in the same way on a resumed run.
import { type Stream, uniform } from '../nn/philox';

/** What may happen to an image, at most. */
export interface Jitter {
  /** Pixels up, down, left and right. */
  readonly shift?: number;
  /** Radians either way. */
  readonly rotate?: number;
  /** 0.1 = from 10 % smaller to 10 % larger. */
  readonly scale?: number;
}

export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Shifts, turns and scales each image of a batch about its centre; what comes from outside is `background`. Samples bilinearly.
 * @param images (B, C, H, W)
 * @returns a new array of the same shape
 */
export function jitterImages(
  images: Float32Array,
  size: ImageSize,
  jitter: Jitter,
  stream: Stream & { readonly background?: number },
): Float32Array {
  const { channels, height, width } = size;
  const elements = channels * height * width;
  const count = images.length / elements;
  const draws = uniform(count * 4, stream);
  const out = new Float32Array(images.length);
  for (let image = 0; image < count; image++) {
    const [u0, u1, u2, u3] = draws.subarray(image * 4, image * 4 + 4).map((u) => 2 * u - 1) as unknown as [number, number, number, number];
    const angle = u2 * (jitter.rotate ?? 0);
    const scale = 1 / (1 + u3 * (jitter.scale ?? 0));
    const map = {
      cosine: Math.cos(angle) * scale,
      sine: Math.sin(angle) * scale,
      dx: u0 * (jitter.shift ?? 0),
      dy: u1 * (jitter.shift ?? 0),
    };
    for (let c = 0; c < channels; c++) {
      const first = image * elements + c * height * width;
      warp(images, out, { first, height, width, background: stream.background ?? 0, ...map });
    }
  }
  return out;
}

interface Warp {
  readonly first: number;
  readonly height: number;
  readonly width: number;
  readonly background: number;
  readonly cosine: number;
  readonly sine: number;
  readonly dx: number;
  readonly dy: number;
}

// One plane: each pixel of `to` looks back to where it came from.
function warp(from: Float32Array, to: Float32Array, w: Warp): void {
  const cx = (w.width - 1) / 2;
  const cy = (w.height - 1) / 2;
  for (let y = 0; y < w.height; y++) {
    for (let x = 0; x < w.width; x++) {
      const rx = x - cx - w.dx;
      const ry = y - cy - w.dy;
      to[w.first + y * w.width + x] = sample(from, w, cx + w.cosine * rx - w.sine * ry, cy + w.sine * rx + w.cosine * ry);
    }
  }
}

function sample(from: Float32Array, w: Warp, x: number, y: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  if (x0 < -1 || y0 < -1 || x0 >= w.width || y0 >= w.height) return w.background;
  const fx = x - x0;
  const fy = y - y0;
  const pixel = (px: number, py: number): number =>
    px < 0 || py < 0 || px >= w.width || py >= w.height ? w.background : from[w.first + py * w.width + px]!;
  const top = pixel(x0, y0) * (1 - fx) + pixel(x0 + 1, y0) * fx;
  const bottom = pixel(x0, y0 + 1) * (1 - fx) + pixel(x0 + 1, y0 + 1) * fx;
  return top * (1 - fy) + bottom * fy;
}
