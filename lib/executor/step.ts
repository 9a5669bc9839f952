// Step functions: from tensors to tensors for the caller of compile(), from typed arrays to typed arrays for the caller of the step.

import { types } from 'node:util';
import type { CompileSettings } from '../compile/compile';
import { settingsSchema } from '../compile/compile';
import type { Arrays, Outline, Tensors } from '../compile/structure';
import { putArrays } from '../compile/structure';
import type { DataArray } from '../dtype';
import { convert } from '../dtype';
import { describe, fail } from '../errors';
import { native, runJob } from '../native';
import { disposal } from '../realm';
import type { Options } from '../schema';
import { checkIsOptions, checkSignal, integer, parse } from '../schema';
import { sizeOf } from '../shape';
import type { Signature, Tensor } from '../tensor';
import { engine } from '../tensor';
import type { StepInput } from './arrays';
import { shaped } from './arrays';
import type { LoadedProgram, StepPlan } from './executor';
import { Executor } from './executor';
import type { KernelTime, ProgramsOptions } from './programs';
import { Programs } from './programs';

/** The options of compile() that are values. */
export const stepSchema = {
  ...settingsSchema,
  programs: integer(
    64,
    [1, Number.MAX_SAFE_INTEGER],
    'combinations of input shapes and dtypes that stay compiled; the one unused for longest makes room',
  ),
};

export interface StepOptions extends Options<typeof stepSchema>, Pick<CompileSettings, 'observe'> {
  /** Default: defaultExecutor(). */
  readonly executor?: Executor;
}

export interface RunOptions {
  /** Stops the step before its next kernel call; it rejects with the signal's reason and no state has changed. */
  readonly signal?: AbortSignal;
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
  [disposal](): void;
}

interface Launch {
  readonly program: LoadedProgram;
  readonly result: Outline;
  readonly inputs: DataArray[];
  readonly outputs: DataArray[];
}

function prepare(programs: Programs, values: readonly StepInput[]): Launch {
  const given = values.map(shaped);
  const { program, result } = programs.for(given);
  for (const variable of program.variables) variable.checkUsable();
  const outputs = program.outputs.map(({ shape, dtype }) => convert(sizeOf(shape), dtype));
  return { program, result, inputs: program.inputs.map((i) => given[i]!.data), outputs };
}

async function run(programs: Programs, values: readonly StepInput[], options: RunOptions = {}): Promise<unknown> {
  checkIsOptions('step', options);
  const { signal } = options;
  checkSignal('step', signal);
  const { program, result, inputs, outputs } = prepare(programs, values);
  const begun = program.begin();
  begun.catch(() => {}); // reported when the run has ended
  await runJob(() => native().runProgram(program.handle, program.states, inputs, outputs), signal);
  await begun;
  return putArrays(result, outputs);
}

function runSync(programs: Programs, values: readonly StepInput[]): unknown {
  const { program, result, inputs, outputs } = prepare(programs, values);
  program.beginSync();
  native().runProgramSync(program.handle, program.states, inputs, outputs);
  return putArrays(result, outputs);
}

const signatureOf = (value: StepInput | Signature, position: number): Signature =>
  typeof value === 'object' && 'dtype' in value ? value : shaped(value, position);

function interpret(given: StepOptions): ProgramsOptions {
  checkIsOptions('compile', given);
  const { executor, observe, ...rest } = given;
  const { programs, ...settings } = parse('compile', stepSchema, rest);
  if (executor !== undefined && !(executor instanceof Executor))
    fail('ERR_TENSORWOOD_ARGUMENT', `compile: expected executor to be an Executor, got ${describe(executor)}`);
  return { executor, limit: programs, settings: { ...settings, observe } };
}

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
    fail('ERR_TENSORWOOD_ARGUMENT', `compile: expected a function that returns tensors at once, got ${describe(fn)}`);
  const programs = new Programs(fn, interpret(options));
  const dispose = () => programs.dispose();
  return Object.assign((...values: StepInput[]) => run(programs, values), {
    run: (values: readonly StepInput[], runOptions?: RunOptions) => run(programs, values, runOptions),
    runSync: (...values: StepInput[]) => runSync(programs, values),
    plan: (...like: (StepInput | Signature)[]) => programs.for(like.map(signatureOf)).program.plan,
    trace: (on: boolean) => programs.trace(on),
    dispose,
    [disposal]: dispose,
  }) as unknown as Step<T>; // the outline is T's
}

/** Computes several tensors together, sharing what they share. Each becomes a new typed array, row-major. */
export async function evaluate(...tensors: Tensor[]): Promise<DataArray[]> {
  const step = compile(() => tensors);
  try {
    return (await step()) as DataArray[];
  } finally {
    step.dispose();
  }
}

engine.evaluate = (tensors) => evaluate(...tensors);
