// The compiled steps of a run: forward, gradient, update in one program; with accumulation, several programs that add gradients before one that updates.
import { gradient } from '../compile/gradient';
import type { Executor, ShapedArray } from '../executor';
import { compile } from '../executor';
import type { Batch, Loss, Model } from '../models/model';
import { trainable } from '../nn/module';
import { add, full, mul } from '../ops/elementwise';
import { assign, Variable } from '../ops/state';
import { clipFactor, globalNorm } from '../ops/update';
import type { Optimizer, OptimizerOptions } from '../optim/optimizer';
import { createOptimizer, optimizerSchema } from '../optim/optimizer';
import { pick } from '../schema';
import type { Tensor } from '../tensor';
import { type Average, createAverage } from './ema';

/** The arrays of a batch by field. */
export type Arrays = Readonly<Record<string, ShapedArray>>;

export interface StepperOptions extends OptimizerOptions {
  /** Largest norm of all gradients together; 0 = no limit. */
  readonly clip: number;
  /** Batches whose gradients are averaged before an update. */
  readonly accumulate: number;
  /** Decay of the moving average of parameters; 0 = none. */
  readonly average: number;
}

export interface Stepper {
  /** What an interrupted run needs besides the model: moments, averages. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** One update from `accumulate` batches. The gradient's norm is that before clipping. When loss or norm is not finite, parameters stay as they are. */
  step(
    batches: readonly Arrays[],
    rate: { learningRate: number; step: number },
    signal?: AbortSignal,
  ): Promise<{ loss: number; gradientNorm: number }>;
  evaluate(batch: Arrays, signal?: AbortSignal): Promise<{ loss: number; outputs: Float32Array }>;
  /** Runs `use` with the averages as the model's parameters, when there are averages. */
  withAverages<T>(use: () => Promise<T>): Promise<T>;
  dispose(): void;
}

/** What the programs of a run are made from. */
interface Parts {
  readonly model: Model;
  readonly options: StepperOptions;
  /** Fields of a batch, in the order of the programs' inputs. */
  readonly names: readonly string[];
  readonly parameters: readonly Variable[];
  readonly optimizer: Optimizer;
  readonly average: Average | undefined;
  /** Gradients of the batches before the last; empty without accumulation. */
  readonly sums: readonly Variable[];
}

function partsOf(model: Model, options: StepperOptions): Parts {
  const parameters = trainable(model.variables);
  const sum = (p: Variable): Variable => new Variable({ name: `sum.${p.name}`, shape: p.shape, trainable: false });
  return {
    ...{ model, options, parameters },
    names: Object.keys(model.fields),
    optimizer: createOptimizer(parameters, pick(optimizerSchema, options)),
    average: options.average > 0 ? createAverage(parameters, options.average) : undefined,
    sums: options.accumulate > 1 ? parameters.map(sum) : [],
  };
}

function lossOf({ model, names }: Parts, inputs: readonly Tensor[], training: boolean): Loss {
  const batch: Batch = Object.fromEntries(names.map((name, i) => [name, inputs[i]!]));
  return model.loss(batch, { training });
}

/** The loss of a batch, and its part of the mean gradient of all batches added to that of those before. */
function differentiate(parts: Parts, inputs: readonly Tensor[]): { loss: Tensor; gradients: Tensor[] } {
  const { parameters, sums, options } = parts;
  const { loss } = lossOf(parts, inputs, true);
  const own = gradient(loss, parameters);
  return { loss, gradients: own.map((g, i) => (sums[i] ? add(sums[i], mul(g, 1 / options.accumulate)) : g)) };
}

function accumulate(parts: Parts, inputs: readonly Tensor[]): { loss: Tensor } {
  const { loss, gradients } = differentiate(parts, inputs);
  gradients.forEach((g, i) => {
    assign(parts.sums[i]!, g);
  });
  return { loss };
}

function finish(parts: Parts, inputs: readonly Tensor[]): { loss: Tensor; norm: Tensor } {
  const { options, names, optimizer, average, sums } = parts;
  const { loss, gradients } = differentiate(parts, inputs);
  for (const sum of sums) assign(sum, full(sum.shape, 0));
  const [learningRate, step] = inputs.slice(names.length) as [Tensor, Tensor];
  const norm = globalNorm(gradients);
  const gradientScale = clipFactor(norm, options.clip > 0 ? options.clip : Number.POSITIVE_INFINITY);
  const updated = optimizer.update({ gradients, learningRate, step, gradientScale });
  average?.follow(updated, step);
  return { loss, norm };
}

function evaluate(parts: Parts, inputs: readonly Tensor[]): { loss: Tensor; outputs: Tensor } {
  const { loss, outputs } = lossOf(parts, inputs, false);
  return { loss, outputs };
}

function swap({ average }: Parts): undefined {
  average!.swap();
}

/** Compiles the steps for a model; nothing runs yet. */
export function createStepper(model: Model, options: StepperOptions, executor: Executor): Stepper {
  const parts = partsOf(model, options);
  const { names, optimizer, average, sums } = parts;
  const programs = {
    accumulate: compile((...inputs: Tensor[]) => accumulate(parts, inputs), { executor }),
    finish: compile((...inputs: Tensor[]) => finish(parts, inputs), { executor }),
    evaluate: compile((...inputs: Tensor[]) => evaluate(parts, inputs), { executor }),
    swap: compile(() => swap(parts), { executor }),
  };
  const arraysOf = (batch: Arrays): ShapedArray[] => names.map((name) => batch[name]!);

  return {
    variables: new Map([...optimizer.variables, ...(average?.variables ?? [])]),
    async step(batches, { learningRate, step }, signal) {
      // An update of several batches is not torn apart: it ends before an abort takes effect.
      const run = { signal: batches.length === 1 ? signal : undefined };
      let total = 0;
      for (const batch of batches.slice(0, -1)) total += (await programs.accumulate.run(arraysOf(batch))).loss[0]!;
      const { loss, norm } = await programs.finish.run([...arraysOf(batches.at(-1)!), learningRate, step], run);
      return { loss: (total + loss[0]!) / options.accumulate, gradientNorm: norm[0]! };
    },
    async evaluate(batch, signal) {
      const { loss, outputs } = await programs.evaluate.run(arraysOf(batch), { signal });
      return { loss: loss[0]!, outputs: outputs as Float32Array };
    },
    async withAverages(use) {
      if (!average) return use();
      await programs.swap();
      try {
        return await use();
      } finally {
        await programs.swap();
      }
    },
    dispose() {
      for (const program of Object.values(programs)) program.dispose();
      for (const variable of [...optimizer.variables.values(), ...(average?.variables.values() ?? []), ...sums]) variable.dispose();
    },
  };
}
