// What training and prediction refuse before they begin, in words that name the cure.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Examples } from '../../lib/data/examples';
import { examples } from '../../lib/data/examples';
import { definition as embeddingClassifier } from '../../lib/models/embedding-classifier';
import { definition as mlp } from '../../lib/models/mlp';
import type { Model } from '../../lib/models/model';
import { createModel } from '../../lib/models/model';
import { checkExamples } from '../../lib/train/check';
import { predict } from '../../lib/train/evaluate';
import { train } from '../../lib/train/loop';
import { countTurns, setClock } from '../event-loop';
import { syntheticExamples } from '../models/synthetic';

afterEach(() => vi.restoreAllMocks());

const small = (): Model => createModel(mlp, { inputs: 12, hidden: [16], classes: 4 });
const dataFor = (model: Model): Examples => syntheticExamples(model, { size: 50, classes: 4 });

describe('training and prediction', () => {
  it('refuses listeners and executors that are none', async () => {
    using model = small();
    const call = (options: object) => train(model, dataFor(model), { steps: 1, batchSize: 10, ...options });
    await expect(call({ listeners: () => {} })).rejects.toThrow('train: expected listeners to be a list of functions, got Function');
    await expect(call({ executor: {} })).rejects.toThrow('train: expected executor to be an Executor, got Object');
    await expect(train(model, dataFor(model), [] as never)).rejects.toThrow('train: expected options as an object, got Array');
  });

  it('refuses what are no examples', async () => {
    using model = small();
    const refusal = (subject: string, got: string) => `${subject}: expected examples, got ${got}; make them by examples(`;
    await expect(train(model, [1, 2] as never)).rejects.toThrow(refusal('train', 'Array'));
    const validation = { x: [1] } as never;
    await expect(train(model, dataFor(model), { validation })).rejects.toThrow(refusal('train (validation)', 'Object'));
    await expect(predict(model, undefined as never)).rejects.toThrow(refusal('predict', 'undefined'));
  });

  it('refuses what is no model, no options, no signal or no seed', async () => {
    using model = small();
    const data = dataFor(model);
    const refused = (message: string) => ({ code: 'ERR_TENSORWOOD_ARGUMENT', message: expect.stringContaining(message) });
    for (const [subject, call] of [
      ['train', train],
      ['predict', predict],
    ] as const) {
      await expect(call({} as never, data)).rejects.toMatchObject(
        refused(`${subject}: expected a model, got Object; make one by createModel`),
      );
      await expect(call(mlp as never, data)).rejects.toMatchObject(refused(`${subject}: expected a model, got Object`));
      await expect(call(model, null as never)).rejects.toMatchObject(refused(`${subject}: expected examples, got null`));
      await expect(call(model, data, null as never)).rejects.toMatchObject(refused(`${subject}: expected options as an object, got null`));
      await expect(call(model, data, { signal: {} } as never)).rejects.toMatchObject(
        refused(`${subject}: expected signal to be an AbortSignal, got Object`),
      );
    }
    expect(() => createModel(mlp, mlp.tiny, { seed: -1.5 })).toThrow('createModel: expected seed to be an integer in [0,');
  });

  it('predicts neither for other fields than the model has, nor with options that it lacks', async () => {
    using model = small();
    await expect(predict(model, examples({ y: { data: [1, 2] } }))).rejects.toThrow("predict: expected a field 'x' for mlp, got y");
    const short = examples({ x: { data: new Float32Array(22), shape: [11] } });
    await expect(predict(model, short)).rejects.toThrow("predict: expected 'x' to be f32 (12,) for mlp, got f32 (11,)");
    const unlabelled = examples({ x: { data: new Float32Array(24), shape: [12] } });
    for (const batchSize of [0, -1, 1.5, Number.NaN])
      await expect(predict(model, unlabelled, { batchSize })).rejects.toThrow('predict: expected batchSize to be an integer of at least 1');
    await expect(predict(model, unlabelled, { batchsize: 3 } as object)).rejects.toThrow("did you mean 'batchSize'?");
    expect(await predict(model, unlabelled, { batchSize: 1 })).toEqual(await predict(model, unlabelled));
  });
});

describe('checkExamples', () => {
  const count = 100_000;
  /** Examples that are read several times, and how often they have been. */
  function countReads(heard: (reads: number) => void = () => {}): { data: Examples; reads: () => number } {
    const large = examples({ x: { data: new Float32Array(12 * count), shape: [12] }, label: { data: new Int32Array(count) } });
    let reads = 0;
    const read: Examples['read'] = (indices, draw) => {
      heard(++reads);
      return large.read(indices, draw);
    };
    return { data: { ...large, read }, reads: () => reads };
  }

  it('leaves the event loop free between reads that take long', async () => {
    using model = small();
    const { data, reads } = countReads();
    setClock(5);
    const turns = await countTurns(() => checkExamples('test', model, data));
    expect(reads()).toBeGreaterThan(3);
    expect(turns).toBeGreaterThanOrEqual(reads() - 1);
  });

  it('stops at the read in which it is told to', async () => {
    using model = small();
    const controller = new AbortController();
    const reason = new Error('enough');
    const { data, reads } = countReads((read) => read === 2 && controller.abort(reason));
    await expect(checkExamples('test', model, data, controller.signal)).rejects.toBe(reason);
    expect(reads()).toBe(2);
  });

  const given = (model: Model, change: (x: Float32Array, label: Int32Array) => void): Examples => {
    const { x, label } = dataFor(model).read(
      Int32Array.from({ length: 50 }, (_, i) => i),
      { seed: 0, stream: 0 },
    );
    change(x as Float32Array, label as Int32Array);
    return examples({ x: { data: x!, shape: [12] }, label: { data: label! } });
  };

  it('labels that are no class and numbers that are not finite: name the example', async () => {
    using model = small();
    const options = { steps: 1, batchSize: 10 };
    const data = { code: 'ERR_TENSORWOOD_DATA' };
    await expect(
      train(
        model,
        given(model, (_, label) => label.fill(4, 17, 18)),
        options,
      ),
    ).rejects.toMatchObject({
      ...data,
      message: "train: expected 'label' in [0, 3], got 4 at example 17",
    });
    await expect(
      train(
        model,
        given(model, (_, label) => label.fill(-1, 2, 3)),
        options,
      ),
    ).rejects.toMatchObject(data);
    await expect(
      train(
        model,
        given(model, (x) => x.fill(Number.NaN, 12 * 31 + 5, 12 * 31 + 6)),
        options,
      ),
    ).rejects.toMatchObject({
      ...data,
      message: "train: expected finite numbers in 'x', got NaN at example 31",
    });
  });

  it('fields that do not fit the model, and too few examples', async () => {
    using model = small();
    const label = { data: new Int32Array(50) };
    const refused = { code: 'ERR_TENSORWOOD_MODEL' };
    await expect(train(model, examples({ x: { data: new Float32Array(600), shape: [12] } }))).rejects.toMatchObject(refused);
    await expect(train(model, examples({ x: { data: new Float32Array(550), shape: [11] }, label }))).rejects.toMatchObject(refused);
    await expect(train(model, examples({ x: { data: new Int32Array(600), shape: [12] }, label }))).rejects.toMatchObject(refused);
    await expect(train(model, dataFor(model), { batchSize: 51 })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_DATA',
      message: expect.stringContaining('the 51 examples of one step, got 50; lower { batchSize }'),
    });
    await expect(train(model, dataFor(model), { learningRte: 1 } as object)).rejects.toThrow(/did you mean 'learningRate'/);
  });
});

describe('tokens', () => {
  it('that are none of the vocabulary are named before training', async () => {
    using model = createModel(embeddingClassifier, { vocabulary: 20, length: 3, classes: 2 });
    const data = examples({ x: { data: Int32Array.of(1, 2, 3, 4, 20, 6), shape: [3] }, label: { data: [0, 1] } });
    await expect(train(model, data, { steps: 1, batchSize: 2 })).rejects.toThrow("train: expected 'x' in [0, 19], got 20 at example 1");
  });
});
