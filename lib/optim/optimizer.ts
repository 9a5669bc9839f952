// Optimizers as the training loop uses them: the state they keep, and the writes that one step records. The formulas are the operations of
// lib/ops/update.ts; which parameters decay is decided here.
import { describe, fail } from '../errors';
import { full } from '../ops/elementwise';
import { assign, Variable } from '../ops/state';
import { adamw, sgd, type UpdateInputs } from '../ops/update';
import type { Options, Values } from '../schema';
import { belowOne, boolean, choice, many, number, parse } from '../schema';
import { Tensor } from '../tensor';

export const optimizerSchema = {
  optimizer: choice(['adamw', 'sgd'], 'adamw', 'AdamW, or stochastic gradient descent with momentum'),
  learningRate: number(0.001, [Number.MIN_VALUE, many], 'highest learning rate'),
  weightDecay: number(0.05, [0, many], 'decay of weights; biases, norms, class tokens and positions are exempt'),
  beta1: number(0.9, [0, belowOne], 'AdamW: memory of the mean of the gradient'),
  beta2: number(0.999, [0, belowOne], 'AdamW: memory of the mean of its square'),
  epsilon: number(1e-8, [Number.MIN_VALUE, 1], 'AdamW: added to the root of the mean square'),
  momentum: number(0.9, [0, 1], 'SGD: memory of the direction'),
  nesterov: boolean(false, 'SGD: look ahead along the direction (Nesterov)'),
};

/** Any of the optimizer's options; the others have their defaults. */
export type OptimizerOptions = Options<typeof optimizerSchema>;
type Settings = Values<typeof optimizerSchema>;

export interface OptimizerStep {
  /** Of the parameters, in their order. */
  readonly gradients: readonly Tensor[];
  /** f32 (), or a number, which then is the same at every step. Default: the optimizer's. */
  readonly learningRate?: Tensor | number;
  /** f32 (), counted from 1: an input of the compiled function, since a number would be the same at every step. */
  readonly step: Tensor;
  /** f32 () or a number: factor on all gradients; NaN = change nothing. Default 1. */
  readonly gradientScale?: Tensor | number;
}

export interface Optimizer {
  /** Its state by name: `moment1.head.weight`. */
  readonly variables: ReadonlyMap<string, Variable>;
  /**
   * Records the writes to parameters and state in the step being traced. Returns the new parameters.
   * @throws ERR_TENSORWOOD_ARGUMENT when gradients or step are missing or something else
   */
  update(step: OptimizerStep): readonly Tensor[];
}

const exempt = /(^|\.)(cls_token|pos_embed)$/;

/** The default rule: what has two axes or more decays, except class tokens and position embeddings (timm's rule for ViT). */
export const decays = ({ name, shape }: Variable): boolean => shape.length >= 2 && !exempt.test(name);

const beside = (parameters: readonly Variable[], name: string): Variable[] =>
  parameters.map((p) => new Variable({ name: `${name}.${p.name}`, shape: p.shape, trainable: false }));

const assignAll = (variables: readonly Variable[], values: readonly Tensor[]): Tensor[] => values.map((v, i) => assign(variables[i]!, v));
const byName = (variables: readonly Variable[]): Map<string, Variable> => new Map(variables.map((v) => [v.name, v]));

const scalar = (value: Tensor | number): Tensor => (typeof value === 'number' ? full([], value) : value);

/** The step with its defaults, numbers as tensors. */
function interpretStep(given: OptimizerStep, options: Settings): Omit<UpdateInputs, 'parameters'> & { readonly step: Tensor } {
  const { gradients, step, learningRate = options.learningRate, gradientScale = 1 } = given ?? {};
  const refuse = (name: string, wanted: string, got: unknown): never =>
    fail('ERR_TENSORWOOD_ARGUMENT', `optimizer: expected ${name} to be ${wanted}, got ${describe(got)}`);
  if (!Array.isArray(gradients) || !gradients.every((g) => g instanceof Tensor))
    refuse('gradients', 'tensors in the order of the parameters, as gradient() returns them', gradients);
  if (!(step instanceof Tensor)) refuse('step', 'a tensor that counts from 1, an input of the compiled function', step);
  for (const [name, value] of Object.entries({ learningRate, gradientScale }))
    if (!(value instanceof Tensor) && typeof value !== 'number') refuse(name, 'a number or a tensor', value);
  return { gradients, step, learningRate: scalar(learningRate), gradientScale: scalar(gradientScale) };
}

function createAdamW(parameters: readonly Variable[], decay: readonly number[], options: Settings): Optimizer {
  const first = beside(parameters, 'moment1');
  const second = beside(parameters, 'moment2');
  const settings = { betas: [options.beta1, options.beta2] as const, epsilon: options.epsilon, decay };
  return {
    variables: byName([...first, ...second]),
    update(step) {
      const next = adamw({ parameters, first, second, ...interpretStep(step, options) }, settings);
      assignAll(first, next.first);
      assignAll(second, next.second);
      return assignAll(parameters, next.parameters);
    },
  };
}

function createSgd(parameters: readonly Variable[], decay: readonly number[], options: Settings): Optimizer {
  const velocities = beside(parameters, 'velocity');
  const settings = { momentum: options.momentum, nesterov: options.nesterov, decay };
  return {
    variables: byName(velocities),
    update(step) {
      const { step: _, ...inputs } = interpretStep(step, options);
      const next = sgd({ parameters, velocities, ...inputs }, settings);
      assignAll(velocities, next.velocities);
      return assignAll(parameters, next.parameters);
    },
  };
}

/**
 * The optimizer that `options` names, for these parameters. SGD adds its decay to the gradient; AdamW decays the weight itself.
 * @throws ERR_TENSORWOOD_ARGUMENT when there are no parameters, or an option is unknown or out of its range
 */
export function createOptimizer(parameters: readonly Variable[], options: OptimizerOptions = {}): Optimizer {
  const settings = parse('createOptimizer', optimizerSchema, options);
  if (parameters.length === 0) fail('ERR_TENSORWOOD_ARGUMENT', 'optimizer: expected at least one trainable variable, got none');
  const decay = parameters.map((p) => (decays(p) ? settings.weightDecay : 0));
  return (settings.optimizer === 'adamw' ? createAdamW : createSgd)(parameters, decay, settings);
}
