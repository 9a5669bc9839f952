// Owns what runs: the native runtime, the memory of variables, the random counter, and the programs of step functions. The last step of the flow that
// lib/compile begins.

import type { CompileSettings } from './compile/compile';
import { compileGraph } from './compile/compile';
import type { MemoryPlan } from './compile/memory';
import { traceGraph } from './compile/trace';
import type { DataArray, DType } from './dtype';
import { convert, dtypeOf, dtypes } from './dtype';
import { fail } from './errors';
import type { BufferHandle, MemoryUsage, ProgramHandle, RuntimeHandle } from './native';
import { native, runJob } from './native';
import { input } from './ops/source';
import type { Storage } from './ops/state';
import { record, Variable } from './ops/state';
import type { Shape } from './shape';
import { showShape, sizeOf } from './shape';
import type { Signature } from './tensor';
import { engine, Tensor } from './tensor';

export interface ExecutorOptions {
  /** 'cpu' (default) or 'cuda'. */
  readonly device?: string;
  /** Default: TENSORWOOD_THREADS, else the cores that this process may use. Results do not depend on it. */
  readonly threads?: number;
  /** 'scalar', 'avx2' or 'avx512'. Default: TENSORWOOD_ISA, else the best of the machine. */
  readonly isa?: string;
  /** Seed of all random operations, an integer in [0, 2^53). Default 0. */
  readonly seed?: number;
}

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
    const { device = 'cpu', threads = 0, isa = '', seed = 0 } = options;
    if (!Number.isSafeInteger(seed) || seed < 0) fail('ERR_TENSORWOOD_ARGUMENT', `Executor: expected a seed in [0, 2^53), got ${seed}`);
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

/** Gives a typed array a shape, in place. The dtype is the array's (Uint16Array = bf16 bits) unless it says 'bool'. Throws ERR_TENSORWOOD_SHAPE. */
export function array(data: DataArray, shape: Shape, options: { dtype?: DType } = {}): ShapedArray {
  const dtype = options.dtype ?? dtypeOf(data);
  if (!(data instanceof dtypes[dtype].array)) {
    fail(
      'ERR_TENSORWOOD_DTYPE',
      `array: expected a ${dtypes[dtype].array.name} for dtype ${dtype}, got ${data?.constructor?.name ?? data}`,
    );
  }
  if (data.length !== sizeOf(shape)) {
    fail('ERR_TENSORWOOD_SHAPE', `array: expected ${sizeOf(shape)} elements for shape ${showShape(shape)}, got ${data.length}`);
  }
  return { data, shape, dtype };
}

/** What a step function takes: shaped arrays, typed arrays of one axis, or numbers (f32 scalars). */
export type StepInput = ShapedArray | DataArray | number;

function shaped(value: StepInput, position: number): ShapedArray {
  if (typeof value === 'number') return { data: Float32Array.of(value), shape: [], dtype: 'f32' };
  if (value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint16Array || value instanceof Uint8Array) {
    return { data: value, shape: [value.length], dtype: dtypeOf(value) };
  }
  const known = typeof value === 'object' && value !== null && 'data' in value && 'shape' in value;
  return known
    ? value
    : fail('ERR_TENSORWOOD_ARGUMENT', `step: expected input ${position} to be an array, a typed array or a number, got ${value}`);
}

/** What a step function may return: a tensor, or arrays and records of them. */
export type Tensors = Tensor | undefined | readonly Tensors[] | { readonly [name: string]: Tensors };

/** The same structure with a typed array, row-major, for each tensor. */
export type Arrays<T> = T extends Tensor ? DataArray : { [K in keyof T]: Arrays<T[K]> };

function collect(structure: Tensors, into: Tensor[]): Tensor[] {
  if (structure instanceof Tensor) into.push(structure);
  else if (structure) for (const part of Object.values(structure)) collect(part, into);
  return into;
}

function restore(structure: Tensors, results: Iterator<DataArray>): unknown {
  if (structure instanceof Tensor) return results.next().value;
  if (Array.isArray(structure)) return structure.map((part) => restore(part, results));
  if (!structure) return structure;
  return Object.fromEntries(Object.entries(structure).map(([name, part]) => [name, restore(part, results)]));
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

/**
 * Turns a function from tensors to tensors into a step that runs natively. The function is called once for each combination of input shapes and dtypes,
 * to record the graph; assign() in it writes variables at the end of every step.
 *
 *     const step = compile((x, y) => { const loss = …; update(…); return { loss }; });
 *     const { loss } = await step(array(x, [B, D]), labels);
 */
export function compile<T extends Tensors>(fn: (...inputs: Tensor[]) => T, options: StepOptions = {}): Step<T> {
  const cache = new Map<string, Loaded<T>>();
  let disposed = false;

  const load = (signatures: readonly Signature[]): Loaded<T> => {
    if (disposed) fail('ERR_TENSORWOOD_DISPOSED', 'step: expected one in use, got one that was disposed of');
    const key = signatures.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    let loaded = cache.get(key);
    if (!loaded) {
      const { result, recording } = record(() => fn(...signatures.map((signature, i) => input(i, signature))));
      const program = (options.executor ?? defaultExecutor()).load(signatures, collect(result, []), recording.assignments, options);
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
  const finish = ({ loaded, outputs }: Launch<T>) => restore(loaded.structure, outputs.values());

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
