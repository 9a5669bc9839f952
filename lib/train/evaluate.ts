// A model on examples: mean loss, accuracy and confusion of a classifier, and the probabilities of each example.
import { checkIsExamples, type Examples } from '../data/examples';
import type { Executor } from '../executor';
import { compile } from '../executor';
import type { Model } from '../models/model';
import { integer, type Options, parse } from '../schema';
import { orderedBatches } from './batches';
import { checkCall, checkFields } from './check';
import { accuracyOf, countBatch, countLoss, createTally, lossOf } from './metrics';
import type { Stepper } from './step';

export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** confusion[actual][predicted] counts examples. */
  readonly confusion: readonly (readonly number[])[];
}

/** Runs all examples through a stepper, in order, and counts: of a classifier the metrics and confusion, of other models the loss alone. */
export async function evaluateModel(
  stepper: Stepper,
  model: Model,
  data: Examples,
  options: { batchSize: number; signal?: AbortSignal | undefined },
): Promise<Evaluation> {
  const classifies = model.classes !== undefined && model.fields.label !== undefined;
  const tally = createTally(classifies ? model.classes : 0);
  for (const batch of orderedBatches(data, options.batchSize)) {
    const { loss, outputs } = await stepper.evaluate(batch, options.signal);
    if (classifies) countBatch(tally, { loss, logits: outputs, labels: batch.label!.data });
    else countLoss(tally, loss, Object.values(batch)[0]!.shape[0]!);
  }
  return { loss: lossOf(tally), metrics: classifies ? { accuracy: accuracyOf(tally) } : {}, confusion: tally.confusion };
}

export const predictSchema = {
  batchSize: integer(256, [1, Number.POSITIVE_INFINITY], 'examples that run together'),
};

export interface PredictOptions extends Options<typeof predictSchema> {
  /** Default: defaultExecutor(). */
  readonly executor?: Executor | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Outputs of a model for examples, in order: of a classifier the logits, (examples, classes) row-major. Labels are not needed.
 * @throws ERR_TENSORWOOD_ARGUMENT when `data` are no examples or an option is unknown or out of its range, ERR_TENSORWOOD_MODEL when the examples do not
 *   fit the model; the reason of `signal` when it aborts
 */
export async function predict(model: Model, data: Examples, options: PredictOptions = {}): Promise<Float32Array> {
  checkCall('predict', model, options);
  const { executor, signal, ...rest } = options;
  const { batchSize } = parse('predict', predictSchema, rest);
  checkIsExamples('predict', data);
  checkFields('predict', model, data, ['x']);
  const forward = compile((x) => ({ outputs: model.forward(x, { training: false }) }), { executor });
  const parts: Float32Array[] = [];
  try {
    for (const batch of orderedBatches(data, batchSize)) {
      parts.push((await forward.run([batch.x!], { signal })).outputs as Float32Array);
    }
  } finally {
    forward.dispose();
  }
  const all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
