// Owns what runs: the native runtime, the memory of variables, the random counter, and the programs of step functions. The last step of the flow that
// lib/compile begins.

import { types } from 'node:util';
import type { CompileSettings } from './compile/compile';
import { compileGraph, settingsSchema } from './compile/compile';
import type { MemoryPlan } from './compile/memory';
import type { Arrays, Tensors } from './compile/structure';
import { collectTensors, restoreArrays } from './compile/structure';
import { traceGraph } from './compile/trace';
import type { DataArray, DType } from './dtype';
import { convert, dtypeOf, dtypes, isDataArray, isPlainNumbers } from './dtype';
import { fail } from './errors';
import type { BufferHandle, MemoryUsage, ProgramHandle, RuntimeHandle } from './native';
import { native, runJob } from './native';
import { input } from './ops/source';
import type { Storage } from './ops/state';
import { record, Variable } from './ops/state';
import type { Options } from './schema';
import { integer, parse, text } from './schema';
import type { Shape } from './shape';
import { showShape, sizeOf } from './shape';
import type { Signature, Tensor } from './tensor';
import { engine } from './tensor';

export const executorSchema = {
  device: text('cpu', 'cpu or cuda'),
  threads: integer(
    0,
    [0, Number.MAX_SAFE_INTEGER],
    'results do not depend on it; 0 = TENSORWOOD_THREADS, else the cores that this process may use',
  ),
  isa: text('', "scalar, avx2 or avx512; '' = TENSORWOOD_ISA, else the best of the machine"),
  seed: integer(0, [0, Number.MAX_SAFE_INTEGER], 'seed of all random operations'),
};

export type ExecutorOptions = Options<typeof executorSchema>;

/** Bytes that a step needs, known before it first runs. */
export interface StepPlan {
  /** Activations, shared by all programs of the executor. */
  readonly arenaBytes: number;
  /** Work space of the largest kernel call. */
  readonly scratchBytes: number;
  readonly constantBytes: number;
  /** Variables and the random counter. */
  readonly stateBytes: number;
  /** Kernel calls a step. */
  readonly calls: number;
}

class BufferStorage implements Storage {
  readonly owner: Executor;
  readonly buffer: BufferHandle;
  private disposed = false;

  constructor(owner: Executor, buffer: BufferHandle) {
    this.owner = owner;
    this.buffer = buffer;
  }

  read = (target: DataArray) => runJob(() => native().readBuffer(this.buffer, 0, target));
  write = (source: DataArray) => runJob(() => native().writeBuffer(this.buffer, 0, source));
  readSync = (target: DataArray) => native().readBufferSync(this.buffer, 0, target);
  writeSync = (source: DataArray) => native().writeBufferSync(this.buffer, 0, source);

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.owner.forget(this);
    native().dispose(this.buffer);
  }
}

/** Native memory that an executor frees when it is disposed of. */
interface Owned {
  dispose(): void;
}

interface LoadedProgram extends Owned {
  readonly handle: ProgramHandle;
  readonly states: readonly BufferHandle[];
  readonly variables: readonly Variable[];
  readonly inputs: readonly number[]; // positions
  readonly outputs: readonly Signature[];
  readonly plan: StepPlan;
  readonly memory: MemoryPlan;
}

/** A device with its threads and memory. Variables belong to the executor that first uses them. Dispose of it to free all that it owns. */
export class Executor {
  /** The random counter, i32 (4): seed low, seed high, steps so far, 0. Saved in checkpoints like any variable. */
  readonly random: Variable;
  private handle: RuntimeHandle | undefined;
  private readonly owned = new Set<WeakRef<Owned>>();
  private readonly references = new WeakMap<Owned, WeakRef<Owned>>();

  /** Throws ERR_TENSORWOOD_DEVICE when the machine lacks the device or the instruction set. */
  constructor(options: ExecutorOptions = {}) {
    const { device, threads, isa, seed } = parse('Executor', executorSchema, options);
    this.handle = native().createRuntime(device, threads, isa);
    this.random = new Variable({
      name: 'random',
      shape: [4],
      dtype: 'i32',
      trainable: false,
      initial: [seed | 0, Math.floor(seed / 2 ** 32), 0, 0],
    });
  }

  /** The native runtime, for rooms that call it themselves (trees, files). Throws ERR_TENSORWOOD_DISPOSED. */
  get runtime(): RuntimeHandle {
    return this.handle ?? fail('ERR_TENSORWOOD_DISPOSED', 'executor: expected one in use, got one that was disposed of');
  }

  describe(): { device: string; threads: number; isa: string; arenaBytes: number; scratchBytes: number } {
    return native().describeRuntime(this.runtime);
  }

  /** Frees the runtime, its programs and the memory of every variable that it owns; those variables are disposed of. Idempotent. */
  dispose(): void {
    for (const reference of [...this.owned]) reference.deref()?.dispose();
    this.random.dispose();
    if (this.handle) native().dispose(this.handle);
    this.handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Called by what was disposed of. */
  forget(owned: Owned): void {
    const reference = this.references.get(owned);
    if (reference) this.owned.delete(reference);
  }

  private own(owned: Owned): void {
    const reference = new WeakRef(owned);
    this.references.set(owned, reference);
    this.owned.add(reference);
  }

  /** The memory of a variable; takes it over at first use. */
  attach(variable: Variable): BufferHandle {
    const { storage } = variable;
    if (storage && storage.owner !== this) {
      fail('ERR_TENSORWOOD_ARGUMENT', `variable ${variable.name}: expected one of this executor, got one that another executor uses`);
    }
    if (storage) return (storage as BufferStorage).buffer;
    const elements = variable.release();
    const buffer = native().createBuffer(this.runtime, elements.byteLength);
    native().writeBufferSync(buffer, 0, elements);
    const created = new BufferStorage(this, buffer);
    this.own(created);
    variable.storage = created;
    return buffer;
  }

  /** Compiles and loads what a step function recorded. Throws ERR_TENSORWOOD_MEMORY when the plan does not fit. */
  load(inputs: readonly Signature[], outputs: readonly Tensor[], assignments: readonly Tensor[], settings: CompileSettings): LoadedProgram {
    const hasKernel = (name: string, dtype: DType) => native().hasKernel(this.runtime, name, dtypes[dtype].id);
    const { plan, program } = compileGraph(traceGraph(inputs, outputs, assignments), { hasKernel, ...settings });
    const handle = native().loadProgram(this.runtime, program.bytes);
    const variables = program.states.map((state) => (state instanceof Variable ? state : this.random));
    const { arenaBytes, scratchBytes, constantBytes, calls } = native().describeProgram(handle);
    const stateBytes = variables.reduce((n, v) => n + sizeOf(v.shape) * dtypes[v.dtype].bytes, 0);
    const loaded: LoadedProgram = {
      handle,
      states: variables.map((v) => this.attach(v)),
      variables,
      inputs: program.inputs,
      outputs: outputs.map(({ shape, dtype }) => ({ shape, dtype })),
      plan: { arenaBytes, scratchBytes, constantBytes, stateBytes, calls },
      memory: plan,
      dispose: () => {
        this.forget(loaded);
        native().dispose(handle);
      },
    };
    this.own(loaded);
    return loaded;
  }
}

let shared: Executor | undefined;

/** The executor that is used when none is given: all cores, seed 0. Created at first use. */
export function defaultExecutor(): Executor {
  shared ??= new Executor();
  return shared;
}

/** Bytes and objects held in native memory by this process: buffers, arenas, programs, tables, forests. */
export const memoryUsage = (): MemoryUsage => native().memoryUsage();

// --- running ------------------------------------------------------------------------------------------------------------------------------

/** A typed array with a shape and a dtype: an input of a step function. */
export interface ShapedArray extends Signature {
  readonly data: DataArray;
}

/**
 * Gives numbers a shape (default: one axis). A typed array stays where it is, and its dtype (Uint16Array = bf16 bits) unless that is said to be 'bool'; plain
 * arrays and Float64Array are copied as f32 or what `dtype` says. A buffer must not be transferred while a step uses it. Throws ERR_TENSORWOOD_SHAPE, _DTYPE.
 */
export function array(numbers: DataArray | Float64Array | readonly number[], shape?: Shape, options: { dtype?: DType } = {}): ShapedArray {
  const plain = isPlainNumbers(numbers);
  const dtype = options.dtype ?? (plain ? 'f32' : dtypeOf(numbers));
  const data = plain ? convert(numbers, dtype) : numbers;
  if (!(data instanceof dtypes[dtype].array)) {
    fail(
      'ERR_TENSORWOOD_DTYPE',
      `array: expected a ${dtypes[dtype].array.name} for dtype ${dtype}, got ${(data as object)?.constructor?.name ?? data}`,
    );
  }
  const at = shape ?? [data.length];
  if (data.length !== sizeOf(at)) {
    fail('ERR_TENSORWOOD_SHAPE', `array: expected ${sizeOf(at)} elements for shape ${showShape(at)}, got ${data.length}`);
  }
  return { data, shape: at, dtype };
}

/** What a step function takes: shaped arrays, typed arrays of one axis, or numbers (f32 scalars). */
export type StepInput = ShapedArray | DataArray | number;

function shaped(value: StepInput, position: number): ShapedArray {
  if (typeof value === 'number') return { data: Float32Array.of(value), shape: [], dtype: 'f32' };
  if (isDataArray(value)) return { data: value, shape: [value.length], dtype: dtypeOf(value) };
  const { data, shape, dtype } = (value ?? {}) as Partial<ShapedArray>;
  if (isDataArray(data) && Array.isArray(shape) && dtype !== undefined && Object.hasOwn(dtypes, dtype)) return value;
  const named = typeof value === 'object' && value !== null;
  const got = named ? (value as object).constructor?.name : value;
  const cure = named ? '; use array(numbers, shape), or Float32Array.from' : '';
  fail('ERR_TENSORWOOD_ARGUMENT', `step: expected input ${position} to be an array, a typed array or a number, got ${got}${cure}`);
}

/** What `calls` calls of a kernel took together. */
export interface KernelTime {
  readonly name: string;
  readonly calls: number;
  readonly milliseconds: number;
}

/** The times of several programs by kernel, longest first. */
function sumTimes(times: readonly KernelTime[]): KernelTime[] {
  const sums = new Map<string, KernelTime>();
  for (const { name, calls, milliseconds } of times) {
    const before = sums.get(name) ?? { name, calls: 0, milliseconds: 0 };
    sums.set(name, { name, calls: before.calls + calls, milliseconds: before.milliseconds + milliseconds });
  }
  return [...sums.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

interface Loaded<T> {
  readonly program: LoadedProgram;
  readonly structure: T;
}

interface Launch<T> {
  readonly loaded: Loaded<T>;
  readonly inputs: DataArray[];
  readonly outputs: DataArray[];
}

export interface RunOptions {
  /** Stops the step before its next kernel call; it rejects with the signal's reason and no state has changed. */
  readonly signal?: AbortSignal;
}

export interface StepOptions extends Pick<CompileSettings, 'precision' | 'recompute' | 'reuse' | 'observe'> {
  /** Default: defaultExecutor(). */
  readonly executor?: Executor;
}

/** A compiled step function. Calls run one after another, off the JavaScript thread; the inputs must not change meanwhile. */
export interface Step<T extends Tensors> {
  (...inputs: StepInput[]): Promise<Arrays<T>>;
  run(inputs: readonly StepInput[], options?: RunOptions): Promise<Arrays<T>>;
  /** Blocks this thread: for workers. */
  runSync(...inputs: StepInput[]): Arrays<T>;
  /** Compiles for inputs like these (their elements are not read) and says how much memory the step takes. */
  plan(...inputs: (StepInput | Signature)[]): StepPlan;
  /** Time in each kernel since the last call, all programs together, if tracing was on; `on` says whether it goes on. Tracing costs about 1 %. */
  trace(on: boolean): KernelTime[];
  /** Frees the programs; variables live on. Idempotent. */
  dispose(): void;
  [Symbol.dispose](): void;
}

const refuseCount = (wanted: number, got: number): never =>
  fail('ERR_TENSORWOOD_ARGUMENT', `step: expected ${wanted} inputs, one for each parameter of its function, got ${got}`);

/**
 * Turns a function from tensors to tensors into a step that runs natively. The function is called once for each combination of input shapes and dtypes,
 * to record the graph; assign() in it writes variables at the end of every step.
 *
 *     const step = compile((x, y) => { const loss = …; update(…); return { loss }; });
 *     const { loss } = await step(array(x, [B, D]), labels);
 *
 * Buffers of inputs must not be transferred or resized before the promise settles.
 */
export function compile<T extends Tensors>(fn: (...inputs: Tensor[]) => T, options: StepOptions = {}): Step<T> {
  if (typeof fn !== 'function' || types.isAsyncFunction(fn) || types.isGeneratorFunction(fn))
    fail('ERR_TENSORWOOD_ARGUMENT', `compile: expected a function that returns tensors at once, got ${fn?.constructor?.name ?? fn}`);
  const { executor: given, observe, ...rest } = options;
  const settings = { ...parse('compile', settingsSchema, rest), ...(observe ? { observe } : {}) };
  if (given !== undefined && !(given instanceof Executor))
    fail('ERR_TENSORWOOD_ARGUMENT', `compile: expected executor to be an Executor, got ${given}`);
  const cache = new Map<string, Loaded<T>>();
  let disposed = false;

  const load = (signatures: readonly Signature[]): Loaded<T> => {
    if (disposed) fail('ERR_TENSORWOOD_DISPOSED', 'step: expected one in use, got one that was disposed of');
    const key = signatures.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    let loaded = cache.get(key);
    if (!loaded) {
      if (signatures.length < fn.length) refuseCount(fn.length, signatures.length);
      const { result, recording } = record(() => fn(...signatures.map((signature, i) => input(i, signature))));
      const program = (given ?? defaultExecutor()).load(signatures, collectTensors(result), recording.assignments, settings);
      // A function with a rest parameter may take more than its length says: then it reads them.
      if (signatures.length > fn.length && fn.length > 0 && !program.inputs.some((i) => i >= fn.length)) {
        program.dispose();
        refuseCount(fn.length, signatures.length);
      }
      loaded = { program, structure: result };
      cache.set(key, loaded);
    }
    return loaded;
  };
  const prepare = (values: readonly StepInput[]): Launch<T> => {
    const inputs = values.map(shaped);
    const loaded = load(inputs);
    for (const variable of loaded.program.variables) variable.checkUsable();
    const outputs = loaded.program.outputs.map(({ shape, dtype }) => convert(sizeOf(shape), dtype));
    return { loaded, inputs: loaded.program.inputs.map((i) => inputs[i]!.data), outputs };
  };
  const finish = ({ loaded, outputs }: Launch<T>) => restoreArrays(loaded.structure, outputs.values());

  const run = async (values: readonly StepInput[], { signal }: RunOptions = {}): Promise<unknown> => {
    const launch = prepare(values);
    const { handle, states } = launch.loaded.program;
    await runJob(() => native().runProgram(handle, states as BufferHandle[], launch.inputs, launch.outputs), signal);
    return finish(launch);
  };
  const runSync = (...values: StepInput[]): unknown => {
    const launch = prepare(values);
    const { handle, states } = launch.loaded.program;
    native().runProgramSync(handle, states as BufferHandle[], launch.inputs, launch.outputs);
    return finish(launch);
  };
  const dispose = () => {
    disposed = true;
    for (const { program } of cache.values()) program.dispose();
    cache.clear();
  };
  const plan = (...like: (StepInput | Signature)[]) =>
    load(like.map((value, i) => (typeof value === 'object' && 'dtype' in value ? value : shaped(value as StepInput, i)))).program.plan;
  const trace = (on: boolean) => sumTimes([...cache.values()].flatMap(({ program }) => native().traceProgram(program.handle, on)));
  const step = (...values: StepInput[]) => run(values);
  return Object.assign(step, { run, runSync, plan, trace, dispose, [Symbol.dispose]: dispose }) as unknown as Step<T>; // the structure is T's
}

/** Computes several tensors together, sharing what they share. Each becomes a new typed array, row-major. */
export async function evaluate(...tensors: Tensor[]): Promise<DataArray[]> {
  using step = compile(() => tensors);
  return (await step()) as DataArray[];
}

engine.evaluate = (tensors) => evaluate(...tensors);
