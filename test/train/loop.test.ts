// The training loop: what it leaves behind, how it stops, and that an interrupted and resumed run ends with the same bits.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { shiftImages } from '../../lib/data/augment';
import type { Examples } from '../../lib/data/examples';
import { examples } from '../../lib/data/examples';
import { Executor } from '../../lib/executor';
import { inspectSafetensors, readSafetensors, writeSafetensors } from '../../lib/formats/safetensors';
import { definition as mlp } from '../../lib/models/mlp';
import type { Model, ModelDefinition, Network } from '../../lib/models/model';
import { createModel } from '../../lib/models/model';
import { definition as vit } from '../../lib/models/vit';
import { createLinear } from '../../lib/nn/linear';
import type { Layer } from '../../lib/nn/module';
import { square, sub } from '../../lib/ops/elementwise';
import { mean } from '../../lib/ops/reduce';
import type { TrainEvent } from '../../lib/train/events';
import { readEvents } from '../../lib/train/events';
import { type TrainOptions, train } from '../../lib/train/loop';
import { syntheticExamples } from '../models/synthetic';

const root = mkdtempSync(join(tmpdir(), 'train-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const freshFolder = (): string => join(root, String(folders++));

const small = (): Model => createModel(mlp, { inputs: 12, hidden: [16], classes: 4, dropout: 0.2 }, { seed: 7 });
const dataFor = (model: Model, seed?: number): Examples => syntheticExamples(model, { size: 50, classes: 4, seed });
const elementsOf = (model: Model) => Promise.all([...model.variables.values()].map((v) => v.read()));
const latest = (folder: string): string => join(folder, 'checkpoints', readdirSync(join(folder, 'checkpoints')).sort().at(-1)!);

describe('train', () => {
  it('leaves events, the model and the newest checkpoints', async () => {
    const folder = freshFolder();
    using model = small();
    const heard: TrainEvent[] = [];
    const listeners = [(event: TrainEvent) => void heard.push(event)];
    const options = { epochs: 4, batchSize: 10, learningRate: 0.02, logEvery: 3, folder, listeners, notes: { classes: 'abcd' } };
    const result = await train(model, dataFor(model), { ...options, validation: dataFor(model, 2) });
    expect(result).toMatchObject({ steps: 20, reason: 'completed' });
    expect(result.evaluation!.metrics.accuracy).toBeGreaterThan(0.9);

    const events = readEvents(join(folder, 'events.jsonl'));
    expect(events.map(({ time: _, ...event }) => event)).toEqual(JSON.parse(JSON.stringify(heard)));
    expect(heard.map((e) => e.event).join(' ')).toMatch(/^start step evaluation checkpoint step .*evaluation checkpoint end$/);
    expect(heard.filter((e) => e.event === 'step').map((e) => e.step)).toEqual([3, 6, 9, 12, 15, 18, 20]);
    expect(heard.at(-1)).toMatchObject({ reason: 'completed', step: 20, epoch: 4, best: result.best });
    expect(readdirSync(join(folder, 'checkpoints'))).toEqual(['step-00000015.safetensors', 'step-00000020.safetensors']);
    const { metadata, entries } = await inspectSafetensors(join(folder, 'model.safetensors'));
    expect(metadata).toMatchObject({ 'tensorwood.model': 'mlp', classes: 'abcd' });
    expect(entries.map((e) => e.name).sort()).toEqual([...model.variables.keys()].sort());
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const run = async (seed: number) => {
      using model = small();
      await train(model, dataFor(model), { steps: 6, batchSize: 10, seed });
      return elementsOf(model);
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it('refuses a second training on an executor in use, and takes one on another', async () => {
    const run = async (executor?: Executor) => {
      using model = small();
      await train(model, dataFor(model), { steps: 6, batchSize: 10, ...(executor && { executor }) });
      return elementsOf(model);
    };
    const alone = await run();
    const first = run();
    await expect(run()).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: expect.stringContaining('train: expected an executor that trains nothing else, got one in use; await'),
    });
    using other = new Executor();
    expect(await Promise.all([first, run(other)])).toEqual([alone, alone]);
    expect(await run()).toEqual(alone);
  });

  it('stops early when accuracy no longer rises, and keeps the best model', async () => {
    const folder = freshFolder();
    using model = small();
    const validation = dataFor(model, 2);
    const result = await train(model, dataFor(model), { epochs: 50, batchSize: 10, learningRate: 1e-12, patience: 3, folder, validation });
    expect(result).toMatchObject({ reason: 'stopped', steps: 20, best: { step: 5 } });
    expect(readEvents(join(folder, 'events.jsonl')).at(-1)).toMatchObject({ event: 'end', reason: 'stopped' });
  });

  it('counts the time of steps alone in the examples a second', async () => {
    using model = small();
    const rates: number[] = [];
    const listeners = [(event: TrainEvent) => void (event.event === 'step' && rates.push(event.examplesPerSecond))];
    const quick = dataFor(model, 2);
    const read = vi.fn(quick.read); // of an hour each
    const now = performance.now.bind(performance);
    using _clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_600_000 * read.mock.calls.length);
    const options = { steps: 4, batchSize: 50, evaluateEvery: 1, logEvery: 1, listeners, validation: { ...quick, read } };
    await train(model, dataFor(model), options);
    expect(Math.min(...rates)).toBeGreaterThan(50 / 3600);
  });

  it('sets the earlier run of a folder aside, once', async () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'previous'), { recursive: true });
    writeFileSync(join(folder, 'previous', 'notes.txt'), 'mine');
    for (const steps of [7, 5, 3]) {
      using model = small();
      await train(model, dataFor(model), { steps, batchSize: 10, folder });
    }
    expect(readdirSync(join(folder, 'previous')).sort()).toEqual(['checkpoints', 'events.jsonl', 'model.safetensors', 'notes.txt']);
    expect(readdirSync(folder).sort()).toEqual(['checkpoints', 'events.jsonl', 'model.safetensors', 'previous']);
    expect(latest(folder)).toMatch(/step-00000003/);
    expect(latest(join(folder, 'previous'))).toMatch(/step-00000005/);
    expect(readEvents(join(folder, 'previous', 'events.jsonl')).at(-1)).toMatchObject({ event: 'end', step: 5 });
  });

  it('touches nothing when its signal is aborted before it begins', async () => {
    const folder = freshFolder();
    using model = small();
    const data = dataFor(model);
    await train(model, data, { steps: 2, batchSize: 10, folder });
    const found = async () => [await elementsOf(model), readdirSync(folder), readFileSync(join(folder, 'events.jsonl'), 'utf8')];
    const before = await found();
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborting: Examples = {
      ...data,
      read(indices, draw) {
        controller.abort(reason);
        return data.read(indices, draw);
      },
    };
    const settings = { steps: 2, batchSize: 10, folder };
    await expect(train(model, data, { ...settings, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(train(model, aborting, { ...settings, signal: controller.signal })).rejects.toBe(reason);
    expect(await found()).toEqual(before);
  });

  it('judges a model without classes by its loss', async () => {
    const regression: ModelDefinition = {
      name: 'line',
      doc: '',
      schema: {},
      tiny: {},
      fields: () => ({ x: { shape: [1], dtype: 'f32' }, y: { shape: [1], dtype: 'f32' } }),
      build(scope) {
        const line = createLinear(scope, { inputs: 1, outputs: 1 });
        const forward: Layer = (x) => line(x);
        const loss: Network['loss'] = ({ x, y }, mode) => {
          const outputs = forward(x!, mode);
          return { loss: mean(square(sub(outputs, y!))), outputs };
        };
        return { forward, loss };
      },
    };
    using model = createModel(regression);
    const numbers = Float32Array.from({ length: 40 }, (_, i) => i / 20 - 1);
    const data = examples({ x: { data: numbers, shape: [1] }, y: { data: numbers.map((v) => 2 * v), shape: [1] } });
    const losses: number[] = [];
    const listeners = [(event: TrainEvent) => void (event.event === 'evaluation' && losses.push(event.loss))];
    const result = await train(model, data, { epochs: 5, batchSize: 10, learningRate: 0.05, validation: data, listeners });
    expect(losses[4]).toBeLessThan(losses[0]!);
    expect(result.evaluation).toEqual({ loss: losses[4], metrics: {}, confusion: [] });
    expect(result.best).toEqual({ step: 20, loss: losses[4] });
  });

  it('saves the average where there is one', async () => {
    const folder = freshFolder();
    using model = small();
    await train(model, dataFor(model), { steps: 5, batchSize: 10, average: 0.9, folder });
    const saved = (await readSafetensors(join(folder, 'model.safetensors'))).tensors;
    const kept = (await readSafetensors(latest(folder))).tensors;
    expect(saved.get('head.weight')!.data).toEqual(kept.get('ema.head.weight')!.data);
    expect(await model.variables.get('head.weight')!.read()).toEqual(kept.get('model.head.weight')!.data);
  });
});

describe('an interrupted run', () => {
  const options: TrainOptions = {
    epochs: 4,
    batchSize: 12,
    accumulate: 2,
    average: 0.99,
    checkpointEvery: 3,
    learningRate: 0.01,
    warmup: 3,
    seed: 11,
  };

  it('resumed after its end evaluates once and changes nothing', async () => {
    const folder = freshFolder();
    const run = async () => {
      using model = small();
      const options = { steps: 6, batchSize: 10, folder, resume: true, validation: dataFor(model, 2) };
      return { result: await train(model, dataFor(model), options), weights: await elementsOf(model) };
    };
    const [once, again] = [await run(), await run()];
    expect(again.result).toMatchObject({ steps: 6, evaluation: once.result.evaluation!, best: once.result.best! });
    expect(again.weights).toEqual(once.weights);
  });

  it('resumed after an early stop stays where it stopped', async () => {
    const folder = freshFolder();
    const settings = { epochs: 50, batchSize: 10, learningRate: 1e-12, evaluateEvery: 2, checkpointEvery: 1000, patience: 3 };
    const run = async () => {
      using model = small();
      const result = await train(model, dataFor(model), { ...settings, folder, resume: true, validation: dataFor(model, 2) });
      return { result, weights: await elementsOf(model) };
    };
    const [once, again] = [await run(), await run()];
    expect(once.result).toMatchObject({ steps: 8, reason: 'stopped' });
    expect(latest(folder)).toMatch(/step-00000008/);
    expect(again.result).toMatchObject({ steps: 8, reason: 'stopped', evaluation: once.result.evaluation!, best: once.result.best! });
    expect(again.weights).toEqual(once.weights);
  });

  it.each([1, 4, 7])('aborted after step %d leaves a checkpoint there, and resumed ends with the same bits', async (k) => {
    const uninterrupted = freshFolder();
    using whole = small();
    await train(whole, dataFor(whole), { ...options, folder: uninterrupted });

    const folder = freshFolder();
    const controller = new AbortController();
    const reason = new Error('enough');
    const stop = (event: TrainEvent): void => {
      if (event.event === 'step' && event.step === k) controller.abort(reason);
    };
    const abortable = { ...options, folder, logEvery: 1, listeners: [stop], signal: controller.signal };
    using first = small();
    await expect(train(first, dataFor(first), abortable)).rejects.toBe(reason);
    expect(latest(folder)).toMatch(new RegExp(`step-0*${k}\\.safetensors$`));
    expect(readEvents(join(folder, 'events.jsonl')).at(-1)).toMatchObject({ event: 'end', reason: 'aborted', step: k });

    using second = small();
    await train(second, dataFor(second), { ...options, folder, resume: true });
    expect(await elementsOf(second)).toEqual(await elementsOf(whole));
    expect((await readSafetensors(latest(folder))).tensors).toEqual((await readSafetensors(latest(uninterrupted))).tensors);
  });

  it('aborted before an evaluation makes up for it when it is resumed', async () => {
    const evaluations: TrainEvent[] = [];
    const run = async (given: TrainOptions) => {
      using model = small();
      const listeners = [...(given.listeners ?? []), (event: TrainEvent) => void (event.event === 'evaluation' && evaluations.push(event))];
      const settings = { steps: 10, batchSize: 10, learningRate: 0.02, logEvery: 1, validation: dataFor(model, 2) };
      return await train(model, dataFor(model), { ...settings, ...given, listeners });
    };
    const whole = await run({});
    const expected = evaluations.splice(0);
    const folder = freshFolder();
    const controller = new AbortController();
    const stop = (event: TrainEvent): void => {
      if (event.event === 'step' && event.step === 5) controller.abort();
    };
    await expect(run({ folder, listeners: [stop], signal: controller.signal })).rejects.toBeDefined();
    const resumed = await run({ folder, resume: true });
    expect(evaluations).toEqual(expected);
    expect(resumed.best).toEqual(whole.best);
  });

  it('evaluates once what it makes up for, however often it is resumed', async () => {
    const folder = freshFolder();
    const controller = new AbortController();
    const evaluations: number[] = [];
    const hear = (event: TrainEvent): void => {
      if (event.event === 'step') controller.abort();
      if (event.event === 'evaluation') evaluations.push(event.step);
    };
    const run = async (given: TrainOptions) => {
      using model = small();
      const settings = { steps: 5, batchSize: 10, logEvery: 5, folder, listeners: [hear], validation: dataFor(model, 2) };
      return await train(model, dataFor(model), { ...settings, ...given });
    };
    await expect(run({ signal: controller.signal })).rejects.toBeDefined();
    const [first, second] = [await run({ resume: true }), await run({ resume: true })];
    expect(evaluations).toEqual([5]);
    expect(second).toMatchObject({ evaluation: first.evaluation!, best: first.best! });
  });

  it('aborted before its first evaluation saves the weights as they are', async () => {
    const folder = freshFolder();
    const controller = new AbortController();
    const stop = (event: TrainEvent): void => {
      if (event.event === 'step') controller.abort();
    };
    using model = small();
    const settings = { batchSize: 10, logEvery: 1, folder, listeners: [stop], signal: controller.signal, validation: dataFor(model, 2) };
    await expect(train(model, dataFor(model), settings)).rejects.toBeDefined();
    const saved = (await readSafetensors(join(folder, 'model.safetensors'))).tensors;
    expect(await model.variables.get('head.weight')!.read()).toEqual(saved.get('head.weight')!.data);
  });

  it('whose checkpoint cannot be saved says so, and saves the rest', async () => {
    const folder = freshFolder();
    const controller = new AbortController();
    const reason = new Error('enough');
    const block = (event: TrainEvent): void => {
      if (event.event !== 'step') return;
      writeFileSync(join(folder, 'checkpoints'), '');
      controller.abort(reason);
    };
    using model = small();
    const running = train(model, dataFor(model), { batchSize: 10, logEvery: 1, folder, listeners: [block], signal: controller.signal });
    await expect(running).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      cause: reason,
      message: expect.stringMatching(/^train: stopped, but not all could be saved: .*checkpoints/),
    });
    expect(readdirSync(folder)).toContain('model.safetensors');
    expect(readEvents(join(folder, 'events.jsonl')).at(-1)).toMatchObject({ event: 'end', reason: 'aborted', step: 1 });
  });

  it('with augmentation and stochastic depth too, with SGD', async () => {
    const config = { ...vit.tiny, dropout: 0.1, dropPath: 0.1, depth: 2 };
    const settings: TrainOptions = { steps: 6, batchSize: 8, optimizer: 'sgd', learningRate: 0.01, checkpointEvery: 1 };
    const run = async (given: TrainOptions) => {
      using model = createModel(vit, config);
      const data = shiftImages(syntheticExamples(model, { size: 40, classes: 10 }));
      await train(model, data, { ...settings, ...given });
      return elementsOf(model);
    };
    const folder = freshFolder();
    const controller = new AbortController();
    const stop = (event: TrainEvent): void => {
      if (event.event === 'checkpoint' && event.step === 3) controller.abort();
    };
    await expect(run({ folder, signal: controller.signal, listeners: [stop] })).rejects.toBeDefined();
    expect(await run({ folder, resume: true })).toEqual(await run({}));
  });

  it('is not gone on with under other settings, another model or other data', async () => {
    const folder = freshFolder();
    using model = small();
    await train(model, dataFor(model), { steps: 2, batchSize: 10, folder });
    const history = readFileSync(join(folder, 'events.jsonl'), 'utf8');
    const again = async (other: Model, data: Examples, given: TrainOptions) =>
      train(other, data, { steps: 4, batchSize: 10, folder, resume: true, ...given });
    const refused = { code: 'ERR_TENSORWOOD_MODEL' };
    await expect(again(model, dataFor(model), { learningRate: 0.5 })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('expected learningRate to be 0.001 as in the checkpoint'),
    });
    await expect(again(model, syntheticExamples(model, { size: 60, classes: 4 }), {})).rejects.toMatchObject(refused);
    using wider = createModel(mlp, { inputs: 12, hidden: [17], classes: 4, dropout: 0.2 });
    await expect(again(wider, dataFor(wider), {})).rejects.toMatchObject(refused);
    for (const contents of ['no JSON', 'null', '{"version":1}', '{"version":1,"settings":{},"state":{"step":"1"}}']) {
      await writeSafetensors(latest(folder), [], { metadata: { 'tensorwood.checkpoint': contents } });
      await expect(again(model, dataFor(model), {})).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT' });
    }
    const later = JSON.stringify({ version: 2, settings: {}, state: { step: 2 } });
    await writeSafetensors(latest(folder), [], { metadata: { 'tensorwood.checkpoint': later } });
    await expect(again(model, dataFor(model), {})).rejects.toThrow(/checkpoint: expected version 1 in .*, got 2/);
    writeFileSync(latest(folder), 'no checkpoint');
    await expect(again(model, dataFor(model), {})).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT' });
    expect(readFileSync(join(folder, 'events.jsonl'), 'utf8')).toBe(history);
  });
});

describe('bad input', () => {
  const given = (model: Model, change: (x: Float32Array, label: Int32Array) => void): Examples => {
    const { x, label } = dataFor(model).read(
      Int32Array.from({ length: 50 }, (_, i) => i),
      { seed: 0, stream: 0 },
    );
    change(x as Float32Array, label as Int32Array);
    return examples({ x: { data: x!, shape: [12] }, label: { data: label! } });
  };

  it('a loss that is not finite: says where, keeps the last good checkpoint and finite weights', async () => {
    const folder = freshFolder();
    using model = createModel(mlp, { inputs: 12, hidden: [], classes: 4 });
    const data = given(model, (x) => {
      x[12 * 49] = 3e38;
      x[12 * 48] = 3e38;
    });
    const options = { epochs: 9, batchSize: 1, checkpointEvery: 1, learningRate: 0.1, clip: 0, folder, seed: 3 };
    const error = await train(model, data, options).catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_TENSORWOOD_NOT_FINITE' });
    const [, step, path] = /at step (\d+); the last good checkpoint is '([^']+)'/.exec(error.message)!;
    expect(latest(folder)).toBe(path);
    expect(path).toContain(String(Number(step) - 1).padStart(8, '0'));
    for (const elements of await elementsOf(model)) expect(elements.every((w) => Number.isFinite(w))).toBe(true);
    expect(readEvents(join(folder, 'events.jsonl')).at(-1)).toMatchObject({ event: 'end', reason: 'failed', message: error.message });
  });

  it('a folder that cannot be written', async () => {
    const file = freshFolder();
    writeFileSync(file, '');
    using model = small();
    await expect(train(model, dataFor(model), { steps: 1, batchSize: 10, folder: file })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
    });
  });
});
