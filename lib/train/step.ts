// The compiled steps of a run: forward, gradient, update in one program; with accumulation, several programs that add gradients before one that updates.
import { gradient } from '../compile/gradient';
import type { Executor, ShapedArray } from '../executor';
import { compile } from '../executor';
import type { Batch, Model } from '../models/model';
import { trainable } from '../nn/module';
import { add, full, mul } from '../ops/elementwise';
import { assign, Variable } from '../ops/state';
import { clipFactor, globalNorm } from '../ops/update';
import type { OptimizerOptions } from '../optim/optimizer';
import { createOptimizer, optimizerSchema } from '../optim/optimizer';
import { pick } from '../schema';
import type { Tensor } from '../tensor';
import { createAverage } from './ema';

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

type Scalars = readonly [learningRate: Tensor, step: Tensor];

/** Compiles the steps for a model; nothing runs yet. */
export function createStepper(model: Model, options: StepperOptions, executor: Executor): Stepper {
  const names = Object.keys(model.fields);
  const parameters = trainable(model.variables);
  const optimizer = createOptimizer(parameters, pick(optimizerSchema, options));
  const average = options.average > 0 ? createAverage(parameters, options.average) : undefined;
  const sums =
    options.accumulate > 1 ? parameters.map((p) => new Variable({ name: `sum.${p.name}`, shape: p.shape, trainable: false })) : [];

  const batchOf = (inputs: readonly Tensor[]): Batch => Object.fromEntries(names.map((name, i) => [name, inputs[i]!]));
  const differentiate = (inputs: readonly Tensor[]): { loss: Tensor; gradients: Tensor[] } => {
    const { loss } = model.loss(batchOf(inputs), { training: true });
    return { loss, gradients: gradient(loss, parameters) };
  };
  const update = (gradients: readonly Tensor[], [learningRate, step]: Scalars): Tensor => {
    const norm = globalNorm(gradients);
    const gradientScale = clipFactor(norm, options.clip > 0 ? options.clip : Number.POSITIVE_INFINITY);
    const updated = optimizer.update({ gradients, learningRate, step, gradientScale });
    average?.follow(updated, step);
    return norm;
  };

  const share = 1 / options.accumulate;
  const accumulate = compile(
    (...inputs: Tensor[]) => {
      const { loss, gradients } = differentiate(inputs);
      gradients.forEach((g, i) => {
        assign(sums[i]!, add(sums[i]!, mul(g, share)));
      });
      return { loss };
    },
    { executor },
  );
  const finish = compile(
    (...inputs: Tensor[]) => {
      const { loss, gradients } = differentiate(inputs);
      const total = gradients.map((g, i) => (sums[i] ? add(sums[i], mul(g, share)) : g));
      for (const sum of sums) assign(sum, full(sum.shape, 0));
      const scalars: Scalars = [inputs[names.length]!, inputs[names.length + 1]!];
      return { loss, norm: update(total, scalars) };
    },
    { executor },
  );
  const evaluate = compile(
    (...inputs: Tensor[]) => {
      const { loss, outputs } = model.loss(batchOf(inputs), { training: false });
      return { loss, outputs };
    },
    { executor },
  );
  const swap = compile(
    () => {
      average!.swap();
      return undefined;
    },
    { executor },
  );
  const arraysOf = (batch: Arrays): ShapedArray[] => names.map((name) => batch[name]!);

  return {
    variables: new Map([...optimizer.variables, ...(average?.variables ?? [])]),
    async step(batches, { learningRate, step }, signal) {
      // An update of several batches is not torn apart: it ends before an abort takes effect.
      const run = { signal: batches.length === 1 ? signal : undefined };
      let total = 0;
      for (const batch of batches.slice(0, -1)) total += (await accumulate.run(arraysOf(batch))).loss[0]!;
      const { loss, norm } = await finish.run([...arraysOf(batches.at(-1)!), learningRate, step], run);
      return { loss: (total + loss[0]!) * share, gradientNorm: norm[0]! };
    },
    async evaluate(batch, signal) {
      const { loss, outputs } = await evaluate.run(arraysOf(batch), { signal });
      return { loss: loss[0]!, outputs: outputs as Float32Array };
    },
    async withAverages(use) {
      if (!average) return use();
      await swap();
      try {
        return await use();
      } finally {
        await swap();
      }
    },
    dispose() {
      for (const step of [accumulate, finish, evaluate, swap]) step.dispose();
      for (const variable of [...optimizer.variables.values(), ...(average?.variables.values() ?? []), ...sums]) variable.dispose();
    },
  };
}
