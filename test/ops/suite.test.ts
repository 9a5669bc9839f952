// The suite of every operation, generated from the definitions of this folder: each operation x dtype x instruction set x sample against its f64 definition,
// for 1 and 3 threads, inputs dense and permuted; gradients against central differences in f64; what must be refused.
import { afterAll, describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import type { DataArray, DType } from '../../lib/dtype';
import { dtypes as allTypes, isFloating } from '../../lib/dtype';
import type { RuntimeHandle } from '../../lib/native';
import { native } from '../../lib/native';
import { add, cast, mul } from '../../lib/ops/elementwise';
import { expand } from '../../lib/ops/layout';
import { sum } from '../../lib/ops/reduce';
import { input, tensor } from '../../lib/ops/source';
import { showShape, sizeOf } from '../../lib/shape';
import type { Signature, Tensor } from '../../lib/tensor';
import { apply } from '../../lib/tensor';
import { interpret } from '../interpreter';
import { loadFamilies } from '.';
import type { Arrangement, Case, Compiled } from './case';
import { arrangements, compileCase, decode, defineCase, generator, makeCase, runCase } from './case';
import type { Definition, Sample, Value } from './definition';

const { isas } = native().describe();
const allIsas = process.arch === 'x64' ? ['scalar', 'avx2', 'avx512'] : ['scalar'];
const threadCounts = [1, 3];
const runtimes = new Map<string, RuntimeHandle>();

function runtimeOf(isa: string, threads: number): RuntimeHandle {
  const key = `${isa} ${threads}`;
  if (!runtimes.has(key)) runtimes.set(key, native().createRuntime('cpu', threads, isa));
  return runtimes.get(key)!;
}
afterAll(() => {
  for (const runtime of runtimes.values()) native().dispose(runtime);
});

// --- values ------------------------------------------------------------------------------------------------------------------------

const BFLOAT_ROUNDING = 2 ** -8;

/** The first element that is wrong, as a sentence; null when all are right. */
function findError(got: DataArray, want: Value, { dtype }: Signature, tolerance: number): string | null {
  const numbers = decode(got, dtype);
  const bound = isFloating(dtype) ? tolerance + (dtype === 'bf16' ? BFLOAT_ROUNDING : 0) : 0;
  const wrong = numbers.findIndex((x, i) => {
    const y = want.data[i]!;
    return !(Object.is(x, y) || x === y) && !(Number.isFinite(y) && Math.abs(x - y) <= bound * (1 + Math.abs(y)));
  });
  if (numbers.length !== want.data.length) return `expected ${want.data.length} elements, got ${numbers.length}`;
  return wrong < 0 ? null : `element ${wrong} of ${showShape(want.shape)}: expected ${want.data[wrong]}, got ${numbers[wrong]}`;
}

interface Prepared {
  readonly sample: Sample;
  readonly want: readonly Value[];
  readonly programs: readonly (readonly [Arrangement, Compiled])[];
}

/** Samples of one column: those that fix every type belong to the first dtype alone. */
function samplesOf(definition: Definition, first: boolean): Sample[] {
  return definition.samples.filter((sample) => first || sample.inputs.some((x) => x.dtype === undefined));
}

function prepare(definition: Definition, sample: Sample, dtype: DType): Prepared {
  const made = makeCase(sample, dtype);
  const want = defineCase(
    definition,
    sample,
    made,
    made.data.map((x, i) => decode(x, made.signatures[i]!.dtype)),
  );
  const flat = sample.inputs.every((x) => x.shape.length < 2);
  const programs = arrangements
    .filter((arrangement) => arrangement === 'dense' || !flat)
    .map((arrangement) => [arrangement, compileCase(definition, sample, made, arrangement)] as const);
  return { sample, want, programs };
}

function check(definition: Definition, { sample, want, programs }: Prepared, isa: string): void {
  for (const [arrangement, program] of programs) {
    const [one, ...more] = threadCounts.map((threads) => runCase(runtimeOf(isa, threads), program));
    for (const other of more) expect(other, `${sample.name}, ${arrangement}: the bits for ${threadCounts} threads`).toEqual(one);
    one!.forEach((got, k) => {
      const error = findError(got, want[k]!, program.outputs[k]!, definition.tolerance ?? 2e-6);
      expect(error, `${sample.name}, ${arrangement}, output ${k}`).toBeNull();
    });
  }
}

// --- gradients ---------------------------------------------------------------------------------------------------------------------

const STEP = 1e-5;
const MOST_ELEMENTS = 2000; // larger samples are there for the kernels' blocks
const MOST_DIFFERENCES = 24; // elements of an input that are tried

/** Weights that make a scalar of the outputs: multiples of 1/8, exact in f32. */
const weightsOf = (outputs: readonly Signature[]): Float64Array[] =>
  outputs.map(({ shape }, k) =>
    Float64Array.from(
      { length: sizeOf(shape) },
      (
        (random) => () =>
          Math.round(8 * random() - 4) / 8
      )(generator(k + 5)),
    ),
  );

const wholeLoss = (values: readonly Value[], weights: readonly Float64Array[], floating: readonly boolean[]): number =>
  values.reduce((total, { data }, k) => total + (floating[k] ? data.reduce((s, x, i) => s + x * weights[k]![i]!, 0) : 0), 0);

/** The gradients that the operation's rule gives, evaluated in f64. */
async function ruledGradients(
  { operation }: Definition,
  sample: Sample,
  made: Case,
  data: readonly Float64Array[],
  weights: readonly Float64Array[],
) {
  const leaves = made.signatures.map((s, i) => input(i, s));
  const seen = leaves.map((x, i) => expand(x, made.seen[i]!.shape));
  const outputs = apply(operation, seen, sample.attributes);
  const parts = outputs.map((y, k) =>
    isFloating(y.dtype) ? sum(mul(cast(y, 'f32'), tensor(Float32Array.from(weights[k]!), y.shape))) : undefined,
  );
  const loss = parts.filter((x): x is Tensor => x !== undefined).reduce((a, b) => add(a, b));
  const wanted = leaves.filter((x) => isFloating(x.dtype));
  const gradients = gradient(loss, wanted);
  const evaluated = await interpret(gradients, { inputs: data });
  return new Map(wanted.map((x, i) => [leaves.indexOf(x), evaluated[i]!]));
}

function difference(
  definition: Definition,
  sample: Sample,
  made: Case,
  data: readonly Float64Array[],
  loss: (values: readonly Value[]) => number,
  at: [number, number],
) {
  const [k, i] = at;
  const moved = (step: number) => data.map((x, j) => (j === k ? x.with(i, x[i]! + step) : x));
  const value = (step: number) => loss(defineCase(definition, sample, made, moved(step)));
  return (value(STEP) - value(-STEP)) / (2 * STEP);
}

async function checkGradient(definition: Definition, sample: Sample): Promise<void> {
  const made = makeCase(sample, 'f32');
  const data = made.data.map((x, i) => decode(x, made.signatures[i]!.dtype));
  const outputs = definition.operation.infer(made.seen, sample.attributes);
  const weights = weightsOf(outputs);
  const floating = outputs.map((s) => isFloating(s.dtype));
  const ruled = await ruledGradients(definition, sample, made, data, weights);
  for (const [k, values] of ruled) {
    const stride = Math.max(1, Math.floor(values.length / MOST_DIFFERENCES));
    for (let i = 0; i < values.length; i += stride) {
      const want = difference(definition, sample, made, data, (y) => wholeLoss(y, weights, floating), [k, i]);
      const error = Math.abs(values[i]! - want) / (1 + Math.abs(want));
      expect(error, `${sample.name}, input ${k}, element ${i}: expected ${want}, got ${values[i]}`).toBeLessThan(1e-6);
    }
  }
}

/** Why a gradient cell is not run, or undefined. */
function whyNoGradient({ operation, dtypes = ['f32', 'bf16'] }: Definition, sample: Sample): string | undefined {
  if (sample.gradient) return sample.gradient.skipped;
  if (!operation.gradient && !operation.compose && !operation.view) return 'the operation has no gradient';
  if (!dtypes.some(isFloating)) return 'no input is floating point';
  if (!sample.inputs.some((x) => x.dtype === undefined || isFloating(x.dtype))) return 'every input of the sample is an integer';
  const outputs = operation.infer(makeCase(sample, 'f32').seen, sample.attributes);
  if (!outputs.some((s) => isFloating(s.dtype))) return 'no output is floating point';
  const elements = sample.inputs.reduce((n, x) => n + sizeOf(x.broadcast ?? x.shape), 0);
  return elements > MOST_ELEMENTS ? `${elements} elements are there for the kernel's blocks` : undefined;
}

// --- refusals ----------------------------------------------------------------------------------------------------------------------

/** Types that the definition does not list are refused, on the inputs that take any of its types. */
function checkTypes({ operation, dtypes = ['f32', 'bf16'], samples }: Definition): void {
  const sample = samples.find((s) => s.inputs.some((x) => x.dtype === undefined))!;
  for (const dtype of Object.keys(allTypes) as DType[]) {
    const inputs = sample.inputs.map((x) => ({ shape: x.broadcast ?? x.shape, dtype: x.dtype ?? dtype }));
    const infer = () => operation.infer(inputs, sample.attributes);
    if (dtypes.includes(dtype)) expect(infer, `${dtype} is accepted`).not.toThrow();
    else expect(infer, `${dtype} is refused`).toThrow(/: expected .*got /);
  }
}

const takesTypes = ({ samples }: Definition) => samples.some((s) => s.inputs.some((x) => x.dtype === undefined));

// --- the suite ---------------------------------------------------------------------------------------------------------------------

function describeOperation(definition: Definition): void {
  const { dtypes = ['f32', 'bf16'], refused = [] } = definition;
  for (const dtype of dtypes) {
    const samples = samplesOf(definition, dtype === dtypes[0]);
    const prepared = new Map<Sample, Prepared>();
    const prepareOnce = (sample: Sample) => {
      if (!prepared.has(sample)) prepared.set(sample, prepare(definition, sample, dtype));
      return prepared.get(sample)!;
    };
    for (const isa of allIsas) {
      const title = `${dtype}, ${isa}`;
      if (!isas.includes(isa)) it.skip(`${title}: not run, this machine lacks the instruction set`, () => {});
      else
        it(title, () => {
          for (const sample of samples) check(definition, prepareOnce(sample), isa);
        });
    }
  }
  for (const sample of definition.samples) {
    const reason = whyNoGradient(definition, sample);
    const title = `gradient, ${sample.name}${reason ? `: not run, ${reason}` : ''}`;
    if (reason) it.skip(title, () => {});
    else it(title, () => checkGradient(definition, sample));
  }
  refused.forEach(({ inputs, attributes, message }) => {
    it(`refuses ${inputs.map((s) => `${s.dtype} ${showShape(s.shape)}`).join(', ')}`, () => {
      expect(() => definition.operation.infer(inputs, attributes)).toThrow(message);
    });
  });
  if (takesTypes(definition)) it('accepts its types and refuses the others', () => checkTypes(definition));
}

describe('every operation', async () => {
  for (const { name: family, definitions } of await loadFamilies()) {
    for (const [name, definition] of definitions) describe(`${family}: ${name}`, () => describeOperation(definition));
  }
});
