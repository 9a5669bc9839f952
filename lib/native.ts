// The one typed list of native functions, and the loader of the addon. Nothing else in lib touches the addon. Arguments are validated by the callers;
// the native side checks only type tags, bounds and the bytes of programs and models.
import type { DataArray } from './dtype';

declare const tag: unique symbol;
type Handle<Name> = { readonly [tag]: Name };
export type RuntimeHandle = Handle<'runtime'>;
export type BufferHandle = Handle<'buffer'>;
export type ProgramHandle = Handle<'program'>;
export type TableHandle = Handle<'table'>;
export type ForestHandle = Handle<'forest'>;
export type JobHandle = Handle<'job'>;

export interface Job<T> {
  readonly promise: Promise<T>;
  readonly job: JobHandle; // for cancel()
}

export interface MemoryUsage {
  /** Bytes held by buffers, arenas, tables and forests of this process. */
  readonly bytes: number;
  readonly objects: number;
}

export interface Native {
  // runtime
  describe(): { isas: string[]; cores: number; devices: { name: string; available: boolean; reason: string; description: string }[] };
  createRuntime(device: string, threads: number, isa: string): RuntimeHandle; // threads 0 and isa '' = the default
  describeRuntime(runtime: RuntimeHandle): { device: string; threads: number; isa: string; peakFlops: number };
  dispose(handle: RuntimeHandle | BufferHandle | ProgramHandle | TableHandle | ForestHandle): void;
  memoryUsage(): MemoryUsage;
  cancel(job: JobHandle): void;
  /** f32 multiply-add rate of all threads, floating-point operations a second, measured now (about 50 ms). */
  probe(runtime: RuntimeHandle): Job<{ flops: number; bytesPerSecond: number }>;
  // buffers: state that lives between runs, on the device
  createBuffer(runtime: RuntimeHandle, bytes: number): BufferHandle;
  writeBuffer(buffer: BufferHandle, offset: number, source: ArrayBufferView): void;
  readBuffer(buffer: BufferHandle, offset: number, target: ArrayBufferView): void;
  // programs (native/core/program.h)
  loadProgram(runtime: RuntimeHandle, bytes: Uint8Array): ProgramHandle;
  describeProgram(program: ProgramHandle): { arenaBytes: number; scratchBytes: number; constantBytes: number; calls: number };
  runProgram(program: ProgramHandle, states: BufferHandle[], inputs: DataArray[], outputs: DataArray[]): Job<void>;
  runProgramSync(program: ProgramHandle, states: BufferHandle[], inputs: DataArray[], outputs: DataArray[]): void;
  /** Milliseconds spent in each kernel since the last call, when tracing is on. */
  traceProgram(program: ProgramHandle, on: boolean): { name: string; calls: number; milliseconds: number }[];
  // trees: see native/trees
  createTable(runtime: RuntimeHandle, spec: unknown): Job<TableHandle>;
  growForest(table: TableHandle, spec: unknown, onProgress: (event: Float64Array) => void): Job<ForestHandle>;
  predictForest(forest: ForestHandle, spec: unknown, output: ArrayBufferView): Job<void>;
  predictForestSync(forest: ForestHandle, spec: unknown, output: ArrayBufferView): void;
  saveForest(forest: ForestHandle): string;
  loadForest(runtime: RuntimeHandle, text: Uint8Array): ForestHandle;
  // files
  readCsv(runtime: RuntimeHandle, path: string, spec: unknown): Job<unknown>;
}
