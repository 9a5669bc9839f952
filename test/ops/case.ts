// One case of the suite: test data for a sample, the graph of the operation on it, and the graph's program run under each instruction set.
import { compileGraph } from '../../lib/compile/compile';
import { traceGraph } from '../../lib/compile/trace';
import type { DataArray, DType } from '../../lib/dtype';
import { convert, dtypes, fromBfloat16, isFloating } from '../../lib/dtype';
import type { ProgramHandle, RuntimeHandle } from '../../lib/native';
import { native } from '../../lib/native';
import { expand, permute } from '../../lib/ops/layout';
import { input } from '../../lib/ops/source';
import { contiguousStrides, type Shape, sizeOf } from '../../lib/shape';
import type { Signature, Tensor } from '../../lib/tensor';
import { apply } from '../../lib/tensor';
import type { Definition, Draw, Sample, SampleInput, Value } from './definition';

/** Uniform numbers in [0, 1): the same in every run. mulberry32, by Tommy Ettinger. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Elements of a typed array as numbers. */
export const decode = (data: DataArray, dtype: DType): Float64Array => Float64Array.from(data, dtype === 'bf16' ? fromBfloat16 : (n) => n);

function drawData({ shape, values }: SampleInput, dtype: DType, random: () => number): DataArray {
  if (Array.isArray(values)) return convert(values as number[], dtype);
  const fallback = dtype === 'bool' ? { low: 0, high: 2 } : dtype === 'u8' ? { low: 0, high: 4 } : { low: -2, high: 2 };
  const { low, high } = (values as Draw | undefined) ?? fallback;
  const draw = () => low + (high - low) * random();
  return convert(
    Array.from({ length: sizeOf(shape) }, () => (isFloating(dtype) ? draw() : Math.floor(draw()))),
    dtype,
  );
}

export interface Case {
  readonly signatures: readonly Signature[]; // of the data
  readonly data: readonly DataArray[];
  readonly seen: readonly Signature[]; // of the operation's inputs: after broadcasting
}

export function makeCase(sample: Sample, dtype: DType): Case {
  const random = generator(sample.name.length + 1);
  const signatures = sample.inputs.map((x) => ({ shape: x.shape, dtype: x.dtype ?? dtype }));
  const data = sample.inputs.map((x, i) => drawData(x, signatures[i]!.dtype, random));
  return { signatures, data, seen: signatures.map((s, i) => ({ ...s, shape: sample.inputs[i]!.broadcast ?? s.shape })) };
}

/** The elements of x as an array of another, broadcast shape. */
export function broadcastValue(x: Value, shape: Shape): Value {
  const [steps, source, lead] = [contiguousStrides(shape), contiguousStrides(x.shape), shape.length - x.shape.length];
  const at = (position: number) =>
    x.shape.reduce((sum, n, i) => sum + (n === 1 ? 0 : (Math.floor(position / steps[lead + i]!) % n) * source[i]!), 0);
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => x.data[at(i)]!) };
}

/** What the definition says the outputs are. */
export function defineCase(
  { operation, define }: Definition,
  sample: Sample,
  { signatures, seen }: Case,
  data: readonly Float64Array[],
): readonly Value[] {
  const values = signatures.map((s, i) => broadcastValue({ shape: s.shape, data: data[i]! }, seen[i]!.shape));
  return define(values, sample.attributes, operation.infer(seen, sample.attributes));
}

const reversed = <T>(list: readonly T[]): T[] => [...list].reverse();

/** Row-major data of the tensor with its axes in reverse order. */
function reverseAxes(data: DataArray, shape: Shape): DataArray {
  const result = data.slice();
  const [steps, source] = [contiguousStrides(reversed(shape)), reversed(contiguousStrides(shape))];
  result.forEach((_, at) => {
    result[at] = data[steps.reduce((sum, step, i) => sum + (Math.floor(at / step) % shape[shape.length - 1 - i]!) * source[i]!, 0)]!;
  });
  return result;
}

/** How inputs lie in memory: row-major, or with their axes reversed, which the operation sees through a permuted view. */
export type Arrangement = 'dense' | 'reversed';
export const arrangements: readonly Arrangement[] = ['dense', 'reversed'];

export interface Compiled {
  readonly bytes: Uint8Array;
  readonly inputs: readonly DataArray[]; // in the order of the program
  readonly outputs: readonly Signature[];
}

/** The sample as a program. */
export function compileCase({ operation }: Definition, sample: Sample, { signatures, data }: Case, arrangement: Arrangement): Compiled {
  const flip = arrangement === 'reversed';
  const declared = signatures.map((s) => ({ ...s, shape: flip ? reversed(s.shape) : s.shape }));
  const tensors: Tensor[] = declared.map((s, i) => {
    const x = input(i, s);
    const seen = flip ? permute(x, reversed(s.shape.map((_, axis) => axis))) : x;
    return expand(seen, sample.inputs[i]!.broadcast ?? seen.shape);
  });
  const outputs = apply(operation, tensors, sample.attributes);
  const { program } = compileGraph(traceGraph(declared, outputs, []));
  const inputs = program.inputs.map((i) => (flip ? reverseAxes(data[i]!, signatures[i]!.shape) : data[i]!));
  return { bytes: program.bytes, inputs, outputs };
}

/** The outputs of a program under a runtime. */
export function runCase(runtime: RuntimeHandle, { bytes, inputs, outputs }: Compiled): DataArray[] {
  const program: ProgramHandle = native().loadProgram(runtime, bytes);
  const results = outputs.map(({ shape, dtype }) => new dtypes[dtype].array(sizeOf(shape)));
  try {
    native().runProgramSync(program, [], [...inputs], results);
  } finally {
    native().dispose(program);
  }
  return results;
}
