// Shapes and strides: counting, broadcasting, axes. Pure functions over readonly number arrays.
import { fail } from './errors';

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
export const showShape = (shape: Shape): string => `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;

/** Row-major strides in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** NumPy broadcasting of any number of shapes; `name` is the operation, for the error. */
export function broadcastShapes(name: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const n = shape[i]!;
      if (out[at] === 1) out[at] = n;
      else if (n !== 1 && n !== out[at])
        fail('ERR_TENSORWOOD_SHAPE', `${name}: expected shapes that broadcast, got ${shapes.map(showShape).join(' and ')}`);
    }
  }
  return out;
}

/** A non-negative axis; `name` is the operation, for the error. */
export function normalizeAxis(name: string, axis: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    fail('ERR_TENSORWOOD_SHAPE', `${name}: expected axis in [${-rank}, ${rank - 1}] for shape ${showShape(shape)}, got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}
