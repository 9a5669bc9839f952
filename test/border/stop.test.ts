// Every public function that takes a signal, stopped while it provably runs: it rejects with the reason, leaves nothing behind, and can be called again
// at once with the same answer as before.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readCsv } from '../../lib/data/csv';
import type { Examples } from '../../lib/data/examples';
import { examples } from '../../lib/data/examples';
import { readDigits, readIdx, readIdxImages } from '../../lib/data/images';
import { readParquet } from '../../lib/data/parquet';
import { type Column, numbersOf, type Table } from '../../lib/data/table';
import { readTable } from '../../lib/data/table-file';
import { array, compile, Executor, memoryUsage } from '../../lib/executor';
import { gather } from '../../lib/files/gather';
import { inspectSafetensors, readSafetensors } from '../../lib/formats/safetensors';
import { definition as mlp } from '../../lib/models/mlp';
import { createModel } from '../../lib/models/model';
import { native } from '../../lib/native';
import { mul } from '../../lib/ops/elementwise';
import { sum } from '../../lib/ops/reduce';
import { assign, Variable } from '../../lib/ops/state';
import type { Tensor } from '../../lib/tensor';
import { predict } from '../../lib/train/evaluate';
import { type TrainOptions, train } from '../../lib/train/loop';
import { loadModel, loadWeights } from '../../lib/train/model-file';
import { trainTrees } from '../../lib/trees/booster';
import { createDataset } from '../../lib/trees/dataset';
import { loadForest, parseForest } from '../../lib/trees/forest';
import { setClock } from '../event-loop';
import { holdMemory, holdPipe, holdSource, holdThreads, isOpen, type Latch, stopAtLatch } from './latch';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-stop-'));
afterAll(() => rmSync(folder, { recursive: true }));

const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(0.37 * (i + 1)));
const rows = 10_000;
const columns = 4;
const newFeatures = () => ({ values: wave(columns * rows), columns });
const label = Int32Array.from(newFeatures().values.subarray(0, rows), (value) => Number(value > 0.1));

interface Scene extends AsyncDisposable {
  /** Makes the next act come to a latch. */
  hold(): Latch | Promise<Latch>;
  /** Answers the same each time. */
  act(options: { signal?: AbortSignal }): Promise<unknown>;
}

const owning = (owned: Disposable) => ({ [Symbol.asyncDispose]: async () => owned[Symbol.dispose]() });
const nothing = { [Symbol.asyncDispose]: async () => {} };

/** Examples, and how to hold a step: of the reads that follow, number `count` answers with memory that the step then waits for. */
function createHeldExamples(): { data: Examples; holdRead(count: number): Latch } {
  const [width, size] = [4096, 40];
  const data = examples({
    x: { data: wave(size * width), shape: [width] },
    label: { data: Int32Array.from({ length: size }, (_, i) => i % 2) },
  });
  let left = 0;
  let memory: Latch | undefined;
  const read: Examples['read'] = (indices, draw) => {
    const batch = data.read(indices, draw);
    if (--left === 0) memory = holdMemory(batch.x as Float32Array);
    return batch;
  };
  const open = (): void => memory?.open();
  const holdRead = (count: number): Latch => {
    left = count;
    return { arrived: () => memory?.arrived() ?? false, open, [Symbol.dispose]: open };
  };
  return { data: { ...data, read }, holdRead };
}

const checks = 2; // reads by which all examples are looked at before the first step
const network = { inputs: 4096, hidden: [4], classes: 2 };

/** A training that is held at a read of its examples, or of those that it is evaluated on. Its answer are the weights. */
function createTraining(options: TrainOptions, held: { read: number; validation?: true }): Scene {
  const executor = new Executor({ threads: 2 });
  const [training, validation] = [createHeldExamples(), createHeldExamples()];
  return {
    hold: () => (held.validation ? validation : training).holdRead(checks + held.read),
    async act({ signal }) {
      using model = createModel(mlp, network);
      const given = { batchSize: 10, steps: 4, executor, ...(held.validation && { validation: validation.data }), ...options };
      await train(model, training.data, signal ? { ...given, signal } : given);
      return Promise.all([...model.variables.values()].map((variable) => variable.read()));
    },
    ...owning(executor),
  };
}

/** A table of numbers in few words. */
async function digest(reading: Promise<Table>): Promise<unknown> {
  const { rows, columns } = await reading;
  const sumOf = ({ name }: Column): number => {
    let total = 0;
    for (const value of numbersOf({ rows, columns }, name)) total += value;
    return total;
  };
  return [rows, columns.map((column) => [column.name, sumOf(column)])];
}

function written(name: string, lines: number): string {
  const path = join(folder, name);
  writeFileSync(path, `a,b\n${'1.25,2.5\n'.repeat(lines)}`);
  return path;
}

/** A reader of text in several blocks, which threads share that are held. */
function createParsing(read: (path: string, options: { signal?: AbortSignal }) => Promise<Table>): Scene {
  const path = written('blocks.csv', 400_000);
  let held: Awaited<ReturnType<typeof holdThreads>>;
  return {
    async hold() {
      held = await holdThreads();
      return { ...held, arrived: () => isOpen(path) };
    },
    act: (options) => digest(read(path, options)),
    async [Symbol.asyncDispose]() {
      await held.ended;
    },
  };
}

const scenes: Record<string, () => Scene | Promise<Scene>> = {
  'readCsv, at a pipe': () => {
    const [path, pipe] = [written('few.csv', 2), join(folder, 'pipe')];
    return { hold: () => holdPipe(pipe), act: (options) => digest(readCsv(options.signal ? pipe : path, options)), ...nothing };
  },
  'readCsv, where it parses': () => createParsing((path, options) => readCsv(path, { threads: 2, ...options })),
  'readTable, where it parses': () => createParsing((path, options) => readTable(path, { threads: 2, ...options })),

  'readCsv, where it fills the columns': () => {
    const path = written('columns.csv', 10_000);
    let memory: Latch | undefined;
    const hold = (): Latch => {
      const fill = native().readCsv;
      const spy = vi.spyOn(native(), 'readCsv').mockImplementationOnce((...call) => {
        memory = holdMemory(call[2][0]!);
        return fill(...call);
      });
      const open = (): void => {
        memory?.open();
        spy.mockRestore();
      };
      return { arrived: () => memory?.arrived() ?? false, open, [Symbol.dispose]: open };
    };
    return { hold, act: (options) => digest(readCsv(path, options)), ...nothing };
  },

  'readParquet, at its first bytes': () => {
    const path = join(__dirname, '../golden/doors.parquet');
    return { hold: holdSource, act: (options) => digest(readParquet(path, { columns: ['double'], ...options })), ...nothing };
  },

  'readDigits, at its first piece': () => {
    const hold = (): Latch => {
      setClock(5); // a turn after each piece
      const parse = vi.spyOn(JSON, 'parse');
      const arrived = (): boolean => parse.mock.calls.some(([text]) => text.startsWith('['));
      return { arrived, open: () => {}, [Symbol.dispose]: () => vi.restoreAllMocks() };
    };
    const act: Scene['act'] = async (options) => {
      const { count, fields } = await readDigits(options);
      return [count, fields.x.data.subarray(0, 784), fields.label.data];
    };
    return { hold, act, ...nothing };
  },

  'parseForest, where it parses': async () => {
    using dataset = await createDataset(newFeatures(), { label, threads: 2 });
    using forest = await trainTrees(dataset, { trees: 30 });
    const text = new TextEncoder().encode(await forest.toJSONText());
    const act: Scene['act'] = async (options) => {
      using read = await parseForest(text, options);
      return read.predictSync(newFeatures());
    };
    return { hold: () => holdMemory(text), act, ...nothing };
  },

  createDataset: () => {
    const features = newFeatures();
    const act: Scene['act'] = async (options) => {
      using dataset = await createDataset(features, { label, threads: 2, ...options });
      return dataset.describe();
    };
    return { hold: () => holdMemory(features.values), act, ...nothing };
  },

  'trainTrees, at its evaluation set': async () => {
    const dataset = await createDataset(newFeatures(), { label, threads: 2 });
    const test = { features: newFeatures(), label };
    const act: Scene['act'] = async (options) => {
      using forest = await trainTrees(dataset, { trees: 3, evaluation: { test }, ...options });
      return forest.predictSync(newFeatures());
    };
    return { hold: () => holdMemory(test.features.values), act, ...owning(dataset) };
  },

  'predict of a forest': async () => {
    using dataset = await createDataset(newFeatures(), { label, threads: 2 });
    const forest = await trainTrees(dataset, { trees: 3 });
    const features = newFeatures();
    const act: Scene['act'] = (options) => forest.predict(features, options);
    return { hold: () => holdMemory(features.values), act, ...owning(forest) };
  },

  'run of a step': () => {
    const executor = new Executor({ threads: 2 });
    const state = new Variable({ name: 'state', shape: [], initial: [0] });
    const step = compile(
      (x: Tensor) => {
        assign(state, sum(x));
        return { twice: sum(mul(x, 2)) };
      },
      { executor },
    );
    const x = wave(40_000);
    const act: Scene['act'] = async (options) => [await step.run([array(x)], options), await state.read()];
    return { hold: () => holdMemory(x), act, ...owning(executor) };
  },

  'predict of a network': () => {
    const executor = new Executor({ threads: 2 });
    const { data, holdRead } = createHeldExamples();
    const model = createModel(mlp, network);
    const act: Scene['act'] = (options) => predict(model, data, { batchSize: 10, executor, ...options });
    return { hold: () => holdRead(2), act, ...owning(executor) };
  },

  'train, in a step': () => createTraining({}, { read: 2 }),
  'train, in an update of several batches': () => createTraining({ accumulate: 2 }, { read: 3 }),
  'train, in an evaluation': () => createTraining({ evaluateEvery: 2 }, { read: 1, validation: true }),
  'train, in its last step': () => createTraining({}, { read: 4 }),
};

describe('a function that is stopped while it runs', () => {
  it.each(Object.entries(scenes))('%s', async (_, open) => {
    const before = memoryUsage();
    {
      await using scene = await open();
      const expected = await scene.act({});
      {
        using latch = await scene.hold();
        await stopAtLatch(latch, (signal) => scene.act({ signal }));
      }
      expect(await scene.act({})).toEqual(expected);
    }
    expect(memoryUsage()).toEqual(before);
  });
});

type Read = (path: string, options: { signal: AbortSignal }) => Promise<unknown>;

const readers: Record<string, Read> = {
  readCsv,
  readTable,
  readParquet,
  readIdx,
  readIdxImages: (path, options) => readIdxImages(path, path, options),
  readSafetensors,
  inspectSafetensors,
  loadModel,
  loadWeights: async (path, options) => {
    using model = createModel(mlp, mlp.tiny);
    await loadWeights(path, model, options);
  },
  loadForest,
  parseForest,
};

describe('a reader that is stopped while it waits for the bytes of a pipe', () => {
  it.each(Object.entries(readers))('%s', async (name, read) => {
    const pipe = join(folder, `pipe of ${name}`);
    const before = memoryUsage();
    {
      using latch = holdPipe(pipe);
      await stopAtLatch(latch, (signal) => read(pipe, { signal }));
    }
    await vi.waitUntil(() => !isOpen(pipe), 30_000);
    expect(memoryUsage()).toEqual(before);
  });

  it('stops a stream that was opened when the abort had come', async () => {
    const stream = new Readable({ read() {} });
    const reason = new Error('enough');
    await expect(gather(stream, { subject: 'test', name: 'stream', signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(stream.destroyed).toBe(true);
  });
});
