// The one typed list of native functions, the loader of the addon, and the only way to wait for a job. Nothing else in lib touches the addon.
// Arguments are validated by the callers; the native side checks type tags, bounds, memory that can move, and the bytes of programs and models.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { types } from 'node:util';
import type { DataArray } from './dtype';
import { codes, type ErrorCode, fail, TensorwoodError } from './errors';
import { adopt, nodeRequire, throwIfAborted } from './realm';

declare const tag: unique symbol;
type Handle<Name> = { readonly [tag]: Name };
export type RuntimeHandle = Handle<'runtime'>;
export type BufferHandle = Handle<'buffer'>;
export type ProgramHandle = Handle<'program'>;
export type TableHandle = Handle<'table'>;
export type ForestHandle = Handle<'forest'>;
export type CsvHandle = Handle<'csv'>;
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

/** A column in place: element offset + row * stride of `data`. */
export interface ColumnSpec {
  readonly data: ArrayBufferView;
  readonly offset: number;
  readonly stride: number;
  readonly categorical: boolean;
  /** The code to read for each code of the data, below 0 = missing; absent = itself. */
  readonly remap?: Int32Array;
}

interface RowsSpec {
  readonly rows: number;
  readonly columns: readonly ColumnSpec[];
}

export interface LabelledSpec extends RowsSpec {
  /** One a row. */
  readonly label: ArrayBufferView | undefined;
  readonly weight: ArrayBufferView | undefined;
}

export interface TableSpec extends LabelledSpec {
  /** Of the columns, for errors. */
  readonly names: readonly string[];
  /** Of each column; 0 for numbers. */
  readonly categories: readonly number[];
  readonly maxBins: number;
  readonly device: string;
}

/** The numbers of treeSchema, and what it names by position. */
export interface GrowSpec {
  readonly objective: number;
  readonly policy: number;
  readonly trees: number;
  readonly classes: number;
  readonly rowsPerTree: number;
  readonly positiveWeight: number;
  readonly seed: number;
  readonly earlyStopping: number;
  readonly learningRate: number;
  readonly l1: number;
  readonly l2: number;
  readonly maxDeltaStep: number;
  readonly gamma: number;
  readonly minChildWeight: number;
  readonly minRowsInLeaf: number;
  readonly maxDepth: number;
  readonly maxLeaves: number;
  readonly columnsPerTree: number;
  readonly columnsPerNode: number;
  readonly maxCategories: number;
  readonly oneHotCategories: number;
  readonly categorySmoothing: number;
  readonly categoryL2: number;
  readonly minRowsInCategory: number;
  readonly minRowsInGroup: number;
  readonly metrics: readonly number[];
  readonly sets: readonly LabelledSpec[];
  /** JSON to keep with the model. */
  readonly about: string;
}

export interface PredictSpec extends RowsSpec {
  /** Response, margin or leaf, by position in predictSchema. */
  readonly output: number;
  /** Rounds. */
  readonly from: number;
  readonly to: number;
}

export interface CsvSpec {
  /** A character each; delimiter '' = found out, quote '' = none. */
  readonly delimiter: string;
  readonly quote: string;
  /** '' = found out, column by column. */
  readonly decimal: string;
  /** '' = none. */
  readonly thousands: string;
  /** The part of a date that comes first: y, d or m. */
  readonly dateOrder: string;
  /** Above the header. */
  readonly skipLines: number;
  /** 1 = there is one, 0 = there is none, -1 = found out. */
  readonly header: number;
  readonly trim: boolean;
  readonly skipBadLines: boolean;
  readonly badValuesMissing: boolean;
  readonly names: readonly string[];
  /** Empty = all. */
  readonly columns: readonly string[];
  readonly ignore: readonly string[];
  readonly categories: readonly string[];
  readonly numbers: readonly string[];
  readonly dates: readonly string[];
  /** Categories and numbers, where the file has such columns. */
  readonly knownCategories: readonly string[];
  readonly knownNumbers: readonly string[];
  readonly missing: readonly string[];
  /** Missing among numbers only. */
  readonly missingNumbers: readonly string[];
}

export interface CsvColumn {
  readonly name: string;
  readonly type: 'f32' | 'f64' | 'category';
  /** The numbers are milliseconds since 1970. */
  readonly times: boolean;
  /** How many categories, and the bytes of all of them in UTF-8. */
  readonly categories: number;
  readonly textBytes: number;
}

/** What was guessed and may be wrong (native/data/csv.h). */
export interface CsvDoubt {
  readonly kind: string;
  /** '' = the file. */
  readonly column: string;
  /** Fields that it is about; the first of them, and its line (0 = unknown). */
  readonly count: number;
  readonly text: string;
  readonly line: number;
}

export interface CsvContent {
  readonly csv: CsvHandle;
  readonly rows: number;
  readonly delimiter: string;
  readonly header: boolean;
  readonly badCount: number;
  readonly bad: readonly { line: number; reason: string }[];
  readonly doubts: readonly CsvDoubt[];
  readonly columns: readonly CsvColumn[];
}

export interface Native {
  // runtime
  describe(): { isas: string[]; cores: number; devices: { name: string; available: boolean; reason: string; description: string }[] };
  createRuntime(device: string, threads: number, isa: string): RuntimeHandle; // threads 0 and isa '' = the default
  /** Bytes of the memory that all programs of the runtime share; poisoned = filled with NaN before each run (TENSORWOOD_POISON=1). */
  describeRuntime(runtime: RuntimeHandle): {
    device: string;
    threads: number;
    isa: string;
    arenaBytes: number;
    scratchBytes: number;
    poisoned: boolean;
  };
  /** Whether the device has a kernel of this name for outputs of this dtype (its id in lib/dtype.ts). */
  hasKernel(runtime: RuntimeHandle, name: string, dtype: number): boolean;
  /** Idempotent. What a running job uses is freed when that job ends. */
  dispose(handle: RuntimeHandle | BufferHandle | ProgramHandle | TableHandle | ForestHandle | CsvHandle): void;
  memoryUsage(): MemoryUsage;
  /** The job rejects with ERR_TENSORWOOD_ABORTED, unless it had already changed state: then it completes. */
  cancel(job: JobHandle): void;
  /** f32 multiply-add rate of all threads and their rate of reading memory, measured now (about 100 ms). */
  probe(runtime: RuntimeHandle): Job<{ flops: number; bytesPerSecond: number }>;
  // buffers: state that lives between runs, on the device
  createBuffer(runtime: RuntimeHandle, bytes: number): BufferHandle;
  // Jobs of one runtime run in the order of the calls; offsets in bytes. A Sync twin waits for the jobs before it, then runs in place.
  writeBuffer(buffer: BufferHandle, offset: number, source: DataArray): Job<void>;
  readBuffer(buffer: BufferHandle, offset: number, target: DataArray): Job<void>;
  writeBufferSync(buffer: BufferHandle, offset: number, source: DataArray): void;
  readBufferSync(buffer: BufferHandle, offset: number, target: DataArray): void;
  // programs (native/core/program.h)
  loadProgram(runtime: RuntimeHandle, bytes: Uint8Array): ProgramHandle;
  describeProgram(program: ProgramHandle): { arenaBytes: number; scratchBytes: number; constantBytes: number; calls: number };
  runProgram(program: ProgramHandle, states: readonly BufferHandle[], inputs: DataArray[], outputs: DataArray[]): Job<void>;
  runProgramSync(program: ProgramHandle, states: readonly BufferHandle[], inputs: DataArray[], outputs: DataArray[]): void;
  /** Time spent in each kernel since the last call, if tracing was on; `on` says whether it goes on. */
  traceProgram(program: ProgramHandle, on: boolean): { name: string; calls: number; milliseconds: number }[];
  // trees: see native/trees
  createTable(runtime: RuntimeHandle, spec: TableSpec): Job<TableHandle>;
  describeTable(table: TableHandle): { rows: number; bytes: number; bins: number[]; device: string; largestLabel: number };
  /** `onProgress` gets all rounds since its last call: [rounds so far, metrics of each set...] each. A cancelled job resolves with what has grown. */
  growForest(table: TableHandle, spec: GrowSpec, onProgress?: (events: Float64Array) => void): Job<ForestHandle>;
  predictForest(forest: ForestHandle, spec: PredictSpec, output: Float32Array | Int32Array): Job<void>;
  predictForestSync(forest: ForestHandle, spec: PredictSpec, output: Float32Array | Int32Array): void;
  /** One row on this thread, at once. */
  predictRow(forest: ForestHandle, row: Float32Array | Float64Array, output: Float32Array, margin: boolean): void;
  /** JSON text in UTF-8 (native/trees/model_io.h). */
  saveForest(forest: ForestHandle): Job<Uint8Array>;
  saveForestSync(forest: ForestHandle): Uint8Array;
  loadForest(runtime: RuntimeHandle, text: Uint8Array, subject: string): Job<ForestHandle>;
  describeForest(forest: ForestHandle): {
    objective: string;
    classes: number;
    features: number;
    rounds: number;
    nodes: number;
    /** JSON that lib/trees keeps with the model. */
    about: string;
    gain: Float64Array;
    splits: Float64Array;
  };
  // files
  /** Parses a plain file by its path, or bytes in place; `name` is what messages call bytes. */
  openCsv(runtime: RuntimeHandle, content: string | Uint8Array, name: string, spec: CsvSpec): Job<CsvContent>;
  /**
   * Fills one array a column, from column `first` on: Float32Array for f32, Float64Array for f64, Int32Array for category; and for each column of categories the text of all,
   * UTF-8 laid end to end, and offsets: category i is at [offsets[i], offsets[i + 1]).
   */
  readCsv(
    csv: CsvHandle,
    first: number,
    targets: readonly (Float32Array | Float64Array | Int32Array)[],
    texts: readonly (Uint8Array | Float64Array)[],
  ): Job<void>;
}

/** Starts a job and waits for it. An abort of `signal` stops it at the next kernel or tree node and rejects with the signal's reason. */
export async function runJob<T>(start: () => Job<T>, signal?: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  const { promise, job } = start();
  const onAbort = () => native().cancel(job);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted && (error as TensorwoodError).code === 'ERR_TENSORWOOD_ABORTED') throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

let loaded: Native | undefined;

/** The addon, loaded at the first call. Throws ERR_TENSORWOOD_BINARY with every path that was tried. */
export function native(): Native {
  loaded ??= translateErrors(loadAddon(addonPaths()));
  return loaded;
}

const target = `${process.platform}-${process.arch}`;

// lib/ and dist/ are both one level below the package; file tracers follow the first two expressions as they stand.
const places = {
  built: join(__dirname, '../build/Release/tensorwood.node'),
  prebuilt: join(__dirname, `../prebuilds/${process.platform}-${process.arch}/tensorwood.node`),
  beside: join(__dirname, 'tensorwood.node'),
};

/** Whether this file stands in its package, and not in the bundle of an application. */
const isPackaged = (): boolean => ['native.js', 'native.ts'].some((file) => existsSync(join(__dirname, file)));

/** Prebuilt addons below the project that runs: there bundlers put what they traced, which do not know where their bundle will stand. */
function placesOfProject(): string[] {
  const folders = nodeRequire(join(process.cwd(), 'package.json')).resolve.paths('tensorwood') ?? [];
  return folders.map((folder) => join(folder, 'tensorwood', 'prebuilds', target, 'tensorwood.node')).filter((path) => existsSync(path));
}

/** Where the addon may lie, best first. */
export const addonPaths = (): string[] =>
  isPackaged() ? [places.built, places.prebuilt] : [places.beside, places.prebuilt, ...placesOfProject()];

/** The first of `paths` that loads. */
export function loadAddon(paths: readonly string[]): Native {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      return nodeRequire(join(__dirname, 'native.js'))(path) as Native;
    } catch (error) {
      failures.push(`${path}: ${describeLoadFailure(error as NodeJS.ErrnoException)}`);
    }
  }
  const expected = `native library: expected a build for ${target}, got`;
  return fail(
    'ERR_TENSORWOOD_BINARY',
    `${expected}\n  ${failures.join('\n  ')}\n${isPackaged() ? 'Run: npx tensorwood build' : cureOfBundle()}`,
  );
}

function cureOfBundle(): string {
  const outside = 'This is a bundle: leave tensorwood out of it (its README says how under Bundlers)';
  return existsSync(__dirname)
    ? `${outside}, or copy node_modules/tensorwood/prebuilds/${target}/tensorwood.node to ${places.beside}`
    : outside;
}

function describeLoadFailure(error: NodeJS.ErrnoException): string {
  if (error.code === 'MODULE_NOT_FOUND') return 'no such file';
  if (error.code === 'ERR_DLOPEN_DISABLED') return 'addons are disabled; start Node without --no-addons, or with --allow-addons';
  return error.message.split('\n')[0]!;
}

/** Every function of the addon, answering with values of this realm, throwing and rejecting with its TensorwoodError; the stack is the caller's, across await too. */
function translateErrors(addon: Native): Native {
  const functions = Object.entries(addon).map(([name, call]) => [name, (...args: unknown[]) => translateCall(call, args)]);
  return Object.fromEntries(functions) as Native;
}

function translateCall(call: (...args: unknown[]) => unknown, args: unknown[]): unknown {
  let result: unknown;
  try {
    result = call(...args);
  } catch (error) {
    throw translate(error);
  }
  const { promise, job } = (result ?? {}) as Partial<Job<unknown>>;
  return promise !== undefined && types.isPromise(promise) ? { promise: translateSettled(promise), job } : adopt(result);
}

async function translateSettled(promise: Promise<unknown>): Promise<unknown> {
  try {
    return adopt(await promise);
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  return code !== undefined && Object.hasOwn(codes, code) ? new TensorwoodError(code as ErrorCode, message) : error;
}
