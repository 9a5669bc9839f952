// The programs of a step function: one for each combination of shapes and dtypes of its inputs, compiled when it first comes.
import type { CompileSettings } from '../compile/compile';
import type { Outline, Tensors } from '../compile/structure';
import { takeTensors } from '../compile/structure';
import { fail } from '../errors';
import { native } from '../native';
import { input } from '../ops/source';
import { record } from '../ops/state';
import type { Signature, Tensor } from '../tensor';
import type { Executor, LoadedProgram } from './executor';
import { defaultExecutor } from './executor';

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

interface Loaded {
  readonly program: LoadedProgram;
  readonly result: Outline;
}

export interface ProgramsOptions {
  /** Default: the default one at the time of compiling. */
  readonly executor: Executor | undefined;
  /** How many are kept: the one unused for longest makes room. */
  readonly limit: number;
  readonly settings: CompileSettings;
}

const keyOf = (signatures: readonly Signature[]): string => signatures.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();

const refuseCount = (wanted: number, got: number): never =>
  fail('ERR_TENSORWOOD_ARGUMENT', `step: expected ${wanted} inputs, one for each parameter of its function, got ${got}`);

export class Programs {
  private readonly fn: (...inputs: Tensor[]) => Tensors;
  private readonly options: ProgramsOptions;
  private readonly loaded = new Map<string, Loaded>(); // in order of last use
  private tracing = false;
  private times: KernelTime[] = []; // of programs that made room
  private disposed = false;

  constructor(fn: (...inputs: Tensor[]) => Tensors, options: ProgramsOptions) {
    this.fn = fn;
    this.options = options;
  }

  for(signatures: readonly Signature[]): Loaded {
    if (this.disposed) fail('ERR_TENSORWOOD_DISPOSED', 'step: expected one in use, got one that was disposed of');
    const key = keyOf(signatures);
    const before = this.loaded.get(key);
    const now = before && !before.program.owner.disposed ? before : this.load(signatures);
    this.loaded.delete(key);
    this.loaded.set(key, now);
    if (this.loaded.size > this.options.limit) this.makeRoom();
    return now;
  }

  /** The times since the last call, if tracing was on. */
  trace(on: boolean): KernelTime[] {
    const alive = [...this.loaded.values()].filter(({ program }) => !program.owner.disposed);
    const times = alive.flatMap(({ program }) => native().traceProgram(program.handle, on));
    const all = sumTimes([...this.times, ...times]);
    this.times = [];
    this.tracing = on;
    return all;
  }

  dispose(): void {
    this.disposed = true;
    for (const { program } of this.loaded.values()) program.dispose();
    this.loaded.clear();
  }

  private load(signatures: readonly Signature[]): Loaded {
    const { fn, options } = this;
    if (signatures.length < fn.length) refuseCount(fn.length, signatures.length);
    const { result, recording } = record(() => fn(...signatures.map((signature, i) => input(i, signature))));
    const { tensors, outline } = takeTensors(result);
    const program = (options.executor ?? defaultExecutor()).load(signatures, tensors, recording.assignments, options.settings);
    // A function with a rest parameter may take more than its length says: then it reads them.
    if (signatures.length > fn.length && fn.length > 0 && !program.inputs.some((i) => i >= fn.length)) {
      program.dispose();
      refuseCount(fn.length, signatures.length);
    }
    if (this.tracing) native().traceProgram(program.handle, true);
    return { program, result: outline };
  }

  // What runs goes on: native memory is freed when its last job ends.
  private makeRoom(): void {
    const [key, { program }] = this.loaded.entries().next().value!;
    if (this.tracing && !program.owner.disposed) this.times.push(...native().traceProgram(program.handle, false));
    program.dispose();
    this.loaded.delete(key);
  }
}
