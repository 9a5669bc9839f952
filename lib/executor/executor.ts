// Owns what runs: the native runtime, the memory of variables, the random counter, and the programs of step functions. The last step of the flow that
// lib/compile begins.

import type { CompileSettings } from '../compile/compile';
import { compileGraph } from '../compile/compile';
import type { Program } from '../compile/program';
import { traceGraph } from '../compile/trace';
import type { DataArray, DType } from '../dtype';
import { dtypes } from '../dtype';
import { fail } from '../errors';
import type { BufferHandle, MemoryUsage, ProgramHandle, RuntimeHandle } from '../native';
import { native, runJob } from '../native';
import type { Storage } from '../ops/state';
import { Variable } from '../ops/state';
import { disposal } from '../realm';
import type { Options } from '../schema';
import { integer, parse, text } from '../schema';
import { sizeOf } from '../shape';
import type { Signature, Tensor } from '../tensor';

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
  private first: DataArray | undefined; // until a write of all elements has succeeded
  private writing: Promise<void> | undefined; // the last such write that is on its way

  /** `elements` must not change from now on. They are written ahead of the first use. */
  constructor(owner: Executor, elements: DataArray) {
    this.owner = owner;
    this.buffer = native().createBuffer(owner.runtime, elements.byteLength);
    this.first = elements;
  }

  /** Sees to it that the jobs from now on find the first elements. They need not wait for the promise, as jobs run in order, but they fail with it. */
  begin(): Promise<void> | undefined {
    if (this.first === undefined) return undefined;
    return this.writing ?? this.follow(native().writeBuffer(this.buffer, 0, this.first).promise);
  }

  /** begin() for a use that blocks: it waits for a write on its way, and cannot know whether that fails. */
  beginSync(): void {
    if (this.first !== undefined && this.writing === undefined) this.writeSync(this.first);
  }

  async read(target: DataArray): Promise<void> {
    const begun = this.begin();
    await runJob(() => native().readBuffer(this.buffer, 0, target));
    await begun;
  }

  readSync(target: DataArray): void {
    this.beginSync();
    native().readBufferSync(this.buffer, 0, target);
  }

  async write(source: DataArray): Promise<void> {
    const { promise } = native().writeBuffer(this.buffer, 0, source);
    await (this.first === undefined ? promise : this.follow(promise));
  }

  writeSync(source: DataArray): void {
    native().writeBufferSync(this.buffer, 0, source);
    this.first = undefined;
  }

  /** Until it ends, uses fail with it; when it fails, the next use writes the first elements again. */
  private follow(writing: Promise<void>): Promise<void> {
    const succeeded = () => {
      this.first = undefined;
    };
    const failed = () => {
      if (this.writing === writing) this.writing = undefined;
    };
    this.writing = writing;
    writing.then(succeeded, failed);
    return writing;
  }

  dispose(): void {
    this.first = undefined;
    native().dispose(this.buffer);
  }
}

/** Native memory that an executor frees when it is disposed of. Idempotent. */
interface Owned {
  dispose(): void;
}

/** A program of an executor, freed with it. */
export interface LoadedProgram extends Owned {
  readonly owner: Executor;
  readonly handle: ProgramHandle;
  readonly states: readonly BufferHandle[];
  /** To be called ahead of each run. Rejects when the first elements of a variable could not be written. */
  begin(): Promise<unknown>;
  beginSync(): void;
  readonly variables: readonly Variable[];
  readonly inputs: readonly number[]; // positions
  readonly outputs: readonly Signature[];
  readonly plan: StepPlan;
}

/** A device with its threads and memory. Variables belong to the executor that first uses them. Dispose of it to free all that it owns. */
export class Executor {
  /** The random counter, i32 (4): seed low, seed high, steps so far, 0. Saved in checkpoints like any variable. */
  readonly random: Variable;
  private handle: RuntimeHandle | undefined;
  private readonly owned = new Set<WeakRef<Owned>>();
  private readonly collected = new FinalizationRegistry<WeakRef<Owned>>((reference) => this.owned.delete(reference));

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

  get disposed(): boolean {
    return this.handle === undefined;
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

  [disposal](): void {
    this.dispose();
  }

  private own(owned: Owned): void {
    const reference = new WeakRef(owned);
    this.collected.register(owned, reference);
    this.owned.add(reference);
  }

  /** @internal The memory of a variable; takes it over at first use. */
  attach(variable: Variable): BufferStorage {
    const { storage } = variable;
    if (storage && storage.owner !== this) {
      fail('ERR_TENSORWOOD_ARGUMENT', `variable ${variable.name}: expected one of this executor, got one that another executor uses`);
    }
    if (storage) return storage as BufferStorage;
    const created = variable.move((elements) => new BufferStorage(this, elements));
    this.own(created);
    return created;
  }

  /** Compiles and loads what a step function recorded. Throws ERR_TENSORWOOD_MEMORY when the plan does not fit. */
  load(inputs: readonly Signature[], outputs: readonly Tensor[], assignments: readonly Tensor[], settings: CompileSettings): LoadedProgram {
    const hasKernel = (name: string, dtype: DType) => native().hasKernel(this.runtime, name, dtypes[dtype].id);
    const { program } = compileGraph(traceGraph(inputs, outputs, assignments), { hasKernel, ...settings });
    const handle = native().loadProgram(this.runtime, program.bytes);
    try {
      return this.equip(handle, program, outputs);
    } catch (error) {
      native().dispose(handle);
      throw error;
    }
  }

  private equip(handle: ProgramHandle, program: Program, outputs: readonly Tensor[]): LoadedProgram {
    const variables = program.states.map((state) => (state instanceof Variable ? state : this.random));
    const storages = variables.map((v) => this.attach(v));
    const { arenaBytes, scratchBytes, constantBytes, calls } = native().describeProgram(handle);
    const stateBytes = variables.reduce((n, v) => n + sizeOf(v.shape) * dtypes[v.dtype].bytes, 0);
    const loaded: LoadedProgram = {
      owner: this,
      handle,
      states: storages.map(({ buffer }) => buffer),
      begin: () => Promise.all(storages.flatMap((storage) => storage.begin() ?? [])),
      beginSync: () => {
        for (const storage of storages) storage.beginSync();
      },
      variables,
      inputs: program.inputs,
      outputs: outputs.map(({ shape, dtype }) => ({ shape, dtype })),
      plan: { arenaBytes, scratchBytes, constantBytes, stateBytes, calls },
      dispose: () => native().dispose(handle),
    };
    this.own(loaded);
    return loaded;
  }
}

let shared: Executor | undefined;

/** The executor that is used when none is given: all cores, seed 0. Created at first use, and at the next one after it was disposed of. */
export function defaultExecutor(): Executor {
  if (!shared || shared.disposed) shared = new Executor();
  return shared;
}

/** Bytes and objects held in native memory by this process: buffers, arenas, programs, tables, forests. */
export const memoryUsage = (): MemoryUsage => native().memoryUsage();
