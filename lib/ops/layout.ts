// Layout operations: the same elements in another shape or order. All but concat are views, which lib/compile/lower.ts turns into strided operands of the
// kernels that read them; concat copies (native/cpu/kernels/layout.h).
import { fail } from '../errors';
import type { Shape } from '../shape';
import { contiguousStrides, normalizeAxis, sameShape, showShape, sizeOf } from '../shape';
import type { Operation, Signature, Tensor, View } from '../tensor';
import { apply } from '../tensor';
import { checkOptions, checkTensorList, checkTensors } from './check';
import { full } from './elementwise';
import { sum } from './reduce';

interface Strided {
  readonly shape: Shape;
  readonly strides: readonly number[];
}

// Axes longer than 1, neighbours merged where one step of the outer equals the whole of the inner.
function merge({ shape, strides }: Strided): { size: number; stride: number }[] {
  const merged: { size: number; stride: number }[] = [];
  shape.forEach((size, i) => {
    if (size === 1) return;
    const last = merged.at(-1);
    if (last && last.stride === size * strides[i]!) merged[merged.length - 1] = { size: last.size * size, stride: strides[i]! };
    else merged.push({ size, stride: strides[i]! });
  });
  return merged;
}

// Strides of the same elements in another shape, or null when they are not evenly spaced.
function restride(input: Strided, output: Shape): View | null {
  if (sizeOf(output) === 0) return { offset: 0, strides: contiguousStrides(output) };
  const strides = new Array<number>(output.length).fill(0);
  const runs = merge(input);
  let run = runs.pop();
  let taken = 1; // elements of the run that inner axes of the output cover
  for (let i = output.length - 1; i >= 0; i--) {
    if (output[i] === 1) continue;
    if (run && taken === run.size) {
      run = runs.pop();
      taken = 1;
    }
    if (!run || run.size % (taken * output[i]!) !== 0) return null;
    strides[i] = run.stride * taken;
    taken *= output[i]!;
  }
  return { offset: 0, strides };
}

const one = (input: Signature, shape: Shape): readonly Signature[] => [{ shape, dtype: input.dtype }];

const reshaped: Operation<{ shape: Shape }> = {
  name: 'reshape',
  infer([x], { shape }) {
    if (shape.some((n) => !Number.isInteger(n) || n < 0) || sizeOf(shape) !== sizeOf(x!.shape)) {
      fail(
        'ERR_TENSORWOOD_SHAPE',
        `reshape: expected a shape of ${sizeOf(x!.shape)} elements for ${showShape(x!.shape)}, got ${showShape(shape)}`,
      );
    }
    return one(x!, shape);
  },
  view: (input, output) => restride(input, output),
  gradient: ({ inputs: [x] }, [g]) => [g && reshape(g, x!.shape)],
};

const permuted: Operation<{ axes: readonly number[] }> = {
  name: 'permute',
  infer([x], { axes }) {
    const rank = x!.shape.length;
    if (axes.length !== rank || new Set(axes).size !== rank || axes.some((a) => !(a >= 0 && a < rank))) {
      fail('ERR_TENSORWOOD_SHAPE', `permute: expected every axis of ${showShape(x!.shape)} once, got ${showShape(axes)}`);
    }
    return one(
      x!,
      axes.map((a) => x!.shape[a]!),
    );
  },
  view: (input, _, { axes }) => ({ offset: 0, strides: axes.map((a) => input.strides[a]!) }),
  gradient: ({ attributes: { axes } }, [g]) => [
    g &&
      permute(
        g,
        axes.map((_, i) => axes.indexOf(i)),
      ),
  ],
};

const expanded: Operation<{ shape: Shape }> = {
  name: 'expand',
  infer([x], { shape }) {
    const lead = shape.length - x!.shape.length;
    if (lead < 0 || x!.shape.some((n, i) => n !== 1 && n !== shape[lead + i])) {
      fail('ERR_TENSORWOOD_SHAPE', `expand: expected a shape that ${showShape(x!.shape)} broadcasts to, got ${showShape(shape)}`);
    }
    return one(x!, shape);
  },
  view(input, output) {
    const lead = output.length - input.shape.length;
    return { offset: 0, strides: output.map((n, i) => (i < lead || input.shape[i - lead] !== n ? 0 : input.strides[i - lead]!)) };
  },
  gradient: ({ inputs: [x] }, [g]) => [g && sumTo(g, x!.shape)],
};

interface Range {
  readonly start: readonly number[];
  readonly stop: readonly number[];
  readonly step: readonly number[];
}

const sliced: Operation<Range> = {
  name: 'slice',
  infer([x], { start, stop, step }) {
    return one(
      x!,
      x!.shape.map((n, i) => {
        if (!(start[i]! >= 0 && start[i]! <= stop[i]! && stop[i]! <= n && Number.isInteger(step[i]) && step[i]! >= 1)) {
          fail(
            'ERR_TENSORWOOD_SHAPE',
            `slice: expected 0 <= start <= stop <= ${n} on axis ${i}, got ${start[i]} to ${stop[i]} by ${step[i]}`,
          );
        }
        return Math.ceil((stop[i]! - start[i]!) / step[i]!);
      }),
    );
  },
  view(input, output, { start, step }) {
    const offset = sizeOf(output) === 0 ? 0 : start.reduce((total, s, i) => total + s * input.strides[i]!, 0);
    return { offset, strides: input.strides.map((s, i) => s * step[i]!) };
  },
  gradient({ inputs: [x], outputs: [y], attributes: { start, step } }, [g]) {
    let grown = g;
    for (let axis = 0; grown && axis < step.length; axis++) grown = spread(grown, axis, step[axis]!);
    const after = x!.shape.map((n, i) => n - start[i]! - Math.max(0, (y!.shape[i]! - 1) * step[i]! + 1));
    return [
      grown &&
        pad(
          grown,
          x!.shape.map((_, i) => [y!.shape[i] === 0 ? 0 : start[i]!, y!.shape[i] === 0 ? x!.shape[i]! : after[i]!]),
        ),
    ];
  },
};

// Puts step - 1 zeros between neighbours along an axis: (..., n, ...) to (..., (n - 1) step + 1, ...)
function spread(x: Tensor, axis: number, step: number): Tensor {
  const n = x.shape[axis]!;
  if (step === 1 || n < 2) return x;
  const wide = unsqueeze(x, axis + 1);
  const zeros = full(
    wide.shape.map((m, i) => (i === axis + 1 ? step - 1 : m)),
    0,
    x.dtype,
  );
  const flat = reshape(
    concat([wide, zeros], { axis: axis + 1 }),
    x.shape.map((m, i) => (i === axis ? n * step : m)),
  );
  return slice(flat, { axis, start: 0, stop: (n - 1) * step + 1 });
}

const joined: Operation<{ axis: number }> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const first = inputs[0]!;
    for (const x of inputs) {
      if (x.dtype !== first.dtype) fail('ERR_TENSORWOOD_DTYPE', `concat: expected dtype ${first.dtype} for every input, got ${x.dtype}`);
      if (x.shape.length !== first.shape.length || x.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
        fail(
          'ERR_TENSORWOOD_SHAPE',
          `concat: expected shapes that differ only in axis ${axis}, got ${inputs.map((s) => showShape(s.shape)).join(' and ')}`,
        );
      }
    }
    const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
    return one(
      first,
      first.shape.map((n, i) => (i === axis ? total : n)),
    );
  },
  kernel: (_, __, { axis }) => ({ name: 'concat', integers: [axis] }),
  strides: 'any',
  gradient({ inputs, attributes: { axis } }, [g]) {
    let start = 0;
    return inputs.map((x) => {
      const stop = start + x.shape[axis]!;
      const part = g && slice(g, { axis, start, stop });
      start = stop;
      return part;
    });
  },
};

/** Every layout operation with its gradient. */
export const layoutOperations = { reshape: reshaped, permute: permuted, expand: expanded, slice: sliced, concat: joined };

/** The same elements in another shape; one size may be -1 and is worked out. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensors('reshape', x);
  const known = shape.reduce((n, m) => (m === -1 ? n : n * m), 1);
  const free = known === 0 ? 0 : sizeOf(x.shape) / known;
  const target = shape.map((n) => (n === -1 ? free : n));
  if (shape.filter((n) => n === -1).length > 1) {
    fail('ERR_TENSORWOOD_SHAPE', `reshape: expected at most one size of -1, got ${showShape(shape)}`);
  }
  return sameShape(x.shape, target) ? x : apply(reshaped, [x], { shape: target })[0]!;
}

/** Axes in another order: output axis i is input axis axes[i]. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  checkTensors('permute', x);
  const order = axes.map((a) => normalizeAxis('permute', a, x.shape));
  return order.length === x.shape.length && order.every((a, i) => a === i) ? x : apply(permuted, [x], { axes: order })[0]!;
}

/** Swaps two axes, by default the last two. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  checkTensors('transpose', x);
  const first = normalizeAxis('transpose', a, x.shape);
  const second = normalizeAxis('transpose', b, x.shape);
  return permute(
    x,
    x.shape.map((_, i) => (i === first ? second : i === second ? first : i)),
  );
}

/** Broadcasts to a shape without copying. */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensors('expand', x);
  return sameShape(x.shape, shape) ? x : apply(expanded, [x], { shape: [...shape] })[0]!;
}

/** Sums over the axes along which `shape` was broadcast to x: the reverse of expand. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  checkTensors('sum_to', x);
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(sum(x, { axes }), shape);
}

/** Elements start, start + step, ... before stop along one axis. Negative positions count from the end; stop defaults to the end, step to 1. */
export function slice(x: Tensor, options: { axis: number; start?: number; stop?: number; step?: number }): Tensor {
  checkTensors('slice', x);
  checkOptions('slice', options, ['axis', 'start', 'stop', 'step']);
  const axis = normalizeAxis('slice', options.axis, x.shape);
  const size = x.shape[axis]!;
  const place = (n: number) => (n < 0 ? n + size : n);
  const start = place(options.start ?? 0);
  const stop = place(options.stop ?? size);
  const step = options.step ?? 1;
  if (start === 0 && stop === size && step === 1) return x;
  const along = (value: number, others: (n: number) => number) => x.shape.map((n, i) => (i === axis ? value : others(n)));
  return apply(sliced, [x], { start: along(start, () => 0), stop: along(stop, (n) => n), step: along(step, () => 1) })[0]!;
}

/** One tensor of several, end to end along an axis (default 0). Shapes may differ only there. */
export function concat(tensors: readonly Tensor[], options: { axis?: number } = {}): Tensor {
  checkTensorList('concat', tensors);
  checkOptions('concat', options, ['axis']);
  if (tensors.length === 0) fail('ERR_TENSORWOOD_ARGUMENT', 'concat: expected at least one tensor, got none');
  const axis = normalizeAxis('concat', options.axis ?? 0, tensors[0]!.shape);
  return tensors.length === 1 ? tensors[0]! : apply(joined, tensors, { axis })[0]!;
}

/** Pieces along an axis (default 0): `sizes` is the list of their sizes, or the number of equal pieces. */
export function split(x: Tensor, sizes: number | readonly number[], options: { axis?: number } = {}): Tensor[] {
  checkTensors('split', x);
  checkOptions('split', options, ['axis']);
  const axis = normalizeAxis('split', options.axis ?? 0, x.shape);
  const total = x.shape[axis]!;
  const list = typeof sizes === 'number' ? new Array<number>(sizes).fill(total / sizes) : sizes;
  if (list.some((n) => !Number.isInteger(n) || n < 0) || list.reduce((a, b) => a + b, 0) !== total) {
    fail(
      'ERR_TENSORWOOD_SHAPE',
      `split: expected sizes that sum to ${total}, got ${typeof sizes === 'number' ? `${sizes} pieces` : list.join(', ')}`,
    );
  }
  let start = 0;
  return list.map((n) => {
    start += n;
    return slice(x, { axis, start: start - n, stop: start });
  });
}

/** Tensors of one shape along a new axis (default 0). */
export function stack(tensors: readonly Tensor[], options: { axis?: number } = {}): Tensor {
  checkTensorList('stack', tensors);
  checkOptions('stack', options, ['axis']);
  const axis = options.axis ?? 0;
  return concat(
    tensors.map((x) => unsqueeze(x, axis)),
    { axis },
  );
}

/** A new axis of size 1 before `axis`, which counts in the result; -1 appends one. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  checkTensors('unsqueeze', x);
  const rank = x.shape.length + 1;
  const at = normalizeAxis('unsqueeze', axis, new Array<number>(rank).fill(1));
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Without an axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  checkTensors('squeeze', x);
  const at = normalizeAxis('squeeze', axis, x.shape);
  if (x.shape[at] !== 1)
    fail('ERR_TENSORWOOD_SHAPE', `squeeze: expected size 1 on axis ${axis} of ${showShape(x.shape)}, got ${x.shape[at]}`);
  return reshape(
    x,
    x.shape.filter((_, i) => i !== at),
  );
}

/** Elements [before, after] of `value` (default 0) added at the ends of every axis. */
export function pad(x: Tensor, amounts: readonly (readonly [number, number])[], options: { value?: number } = {}): Tensor {
  checkTensors('pad', x);
  checkOptions('pad', options, ['value']);
  if (amounts.length !== x.shape.length || amounts.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    fail('ERR_TENSORWOOD_SHAPE', `pad: expected [before, after] for each axis of ${showShape(x.shape)}, got ${JSON.stringify(amounts)}`);
  }
  return amounts.reduce((padded, [before, after], axis) => {
    const edge = (n: number) =>
      n === 0
        ? []
        : [
            full(
              padded.shape.map((m, i) => (i === axis ? n : m)),
              options.value ?? 0,
              x.dtype,
            ),
          ];
    return concat([...edge(before), padded, ...edge(after)], { axis });
  }, x);
}
