// Random changes to images that keep their class, drawn anew for each reading; the same draw gives the same images, so a resumed run sees what the
// interrupted one would have seen.
import type { DataArray } from '../dtype';
import { fail } from '../errors';
import { uniform } from '../nn/philox';
import type { Examples } from './examples';

export interface ShiftOptions {
  /** Largest shift along each axis, in pixels; every whole shift up to it is equally likely. Default 2. */
  readonly pixels?: number;
  /** Default x. */
  readonly field?: string;
  /** What comes in at the edges. Default 0. */
  readonly fill?: number;
}

/** Copies one plane (rows, columns), moved down by dy and right by dx. */
function shiftPlane(
  source: DataArray,
  target: DataArray,
  at: number,
  plane: { rows: number; columns: number; dy: number; dx: number },
): void {
  const { rows, columns, dy, dx } = plane;
  const left = Math.max(0, dx);
  const count = columns - Math.abs(dx);
  for (let y = Math.max(0, dy); y < Math.min(rows, rows + dy); y++) {
    const from = at + (y - dy) * columns + left - dx;
    target.set(source.subarray(from, from + count), at + y * columns + left);
  }
}

/** Examples whose images (..., rows, columns) are moved by whole pixels, each example by its own amount and all its channels alike. */
export function shiftImages(source: Examples, options: ShiftOptions = {}): Examples {
  const { pixels = 2, field = 'x', fill = 0 } = options;
  const shape = source.fields[field]?.shape ?? [];
  if (shape.length < 2) fail('ERR_TENSORWOOD_ARGUMENT', `shiftImages: expected images in '${field}', got shape [${shape.join(', ')}]`);
  const [rows, columns] = shape.slice(-2) as [number, number];
  if (!Number.isInteger(pixels) || pixels < 0 || pixels >= Math.min(rows, columns))
    fail('ERR_TENSORWOOD_ARGUMENT', `shiftImages: expected a whole number of pixels less than the image's side, got ${pixels}`);
  return {
    ...source,
    read(indices, draw) {
      const batch = source.read(indices, draw);
      const images = batch[field]!;
      const moved = images.slice().fill(fill);
      const amounts = uniform(2 * indices.length, draw).map((u) => Math.floor(u * (2 * pixels + 1)) - pixels);
      const planes = images.length / (rows * columns);
      for (let i = 0; i < planes; i++) {
        const example = Math.floor((i * indices.length) / planes);
        shiftPlane(images, moved, i * rows * columns, { rows, columns, dy: amounts[2 * example]!, dx: amounts[2 * example + 1]! });
      }
      return { ...batch, [field]: moved };
    },
  };
}
