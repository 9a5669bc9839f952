// Every writer x every kind of target: the same bytes, or the same refusal.
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDataset,
  createModel,
  eventWriter,
  examples,
  type Forest,
  type Model,
  mlp,
  readEvents,
  saveModel,
  train,
  trainTrees,
  writeSafetensors,
} from '../../lib';
import { writePage } from '../../lib/dashboard/page';
import { type NodeTarget, type Target, writeTo } from '../../lib/files/target';
import { compileLib } from '../compiled';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-targets-'));
let forest: Forest;
let model: Model;
let compiled: ReturnType<typeof compileLib>;
afterAll(() => {
  compiled.remove();
  forest.dispose();
  model.dispose();
  rmSync(folder, { recursive: true });
});

beforeAll(async () => {
  compiled = compileLib();
  const x = Float32Array.from({ length: 100 }, (_, i) => i);
  using dataset = await createDataset({ x }, { label: x });
  forest = await trainTrees(dataset, { trees: 2 });
  model = createModel(mlp, mlp.tiny);
});

const large = Float32Array.from({ length: 700_000 }, (_, i) => i);

const writers: Record<string, (target: Target) => Promise<void>> = {
  'forest.save': (target) => forest.save(target),
  saveModel: (target) => saveModel(target, model),
  writeSafetensors: (target) => writeSafetensors(target, [['large', { dtype: 'f32', shape: [large.length], data: large }]]),
  writePage: (target) => writePage(target, { title: 'a report', state: 'completed', summary: '', figures: [], panels: [] }),
};

let files = 0;
const free = (): string => join(folder, `written-${files++}`);

/** Kinds of targets, and how to get at what was written. */
const kinds: Record<string, () => { target: Target; written: () => Promise<Buffer> }> = {
  'a path': () => at(free(), (path) => path),
  'a path in a folder that is missing': () => at(join(free(), 'file'), (path) => path),
  'a file URL': () => at(free(), (path) => pathToFileURL(path)),
  'the text of a file URL': () => at(free(), (path) => pathToFileURL(path).href),
  'a stream of a file': () => at(free(), createWriteStream),
  'a slow Writable'() {
    const stream = new PassThrough({ highWaterMark: 100 });
    const written = buffer(stream);
    return { target: stream, written: () => written };
  },
  'a web stream'() {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const written = buffer(readable as never);
    return { target: writable as never, written: () => written };
  },
  'a pipe'() {
    const path = free();
    execFileSync('mkfifo', [path]);
    const written = readFile(path);
    return { target: path, written: () => written };
  },
};

const at = (path: string, make: (path: string) => Target) => ({ target: make(path), written: () => readFile(path) });

describe.each(Object.entries(writers))('%s', (_, write) => {
  it.each(Object.entries(kinds))('writes to %s', async (_kind, make) => {
    const plain = free();
    await write(plain);
    const { target, written } = make();
    await write(target);
    expect((await written()).equals(readFileSync(plain))).toBe(true);
  });

  it('refuses what is no target, a NUL, no path, another URL, and a folder, before it touches anything', async () => {
    for (const wrong of [undefined, null, 3, {}, Buffer.from('path')])
      await expect(write(wrong as never)).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_ARGUMENT',
        message: expect.stringMatching(/: expected a path/),
      });
    const path = free();
    await expect(write(`${path}\0.json`)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: expect.stringContaining(`: expected a path without a NUL, got '${path}\\0.json'`),
    });
    expect(existsSync(path)).toBe(false);
    await expect(write('')).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
    await expect(write(new URL('https://example.org/x'))).rejects.toThrow('expected a file: URL');
    mkdirSync(path);
    await expect(write(path)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE', message: expect.stringContaining(`'${path}'`) });
  });

  it('tells the error of a stream that fails or is closed', async () => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('no'), { code: 'ENOSPC' })) });
    await expect(write(failing)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringContaining("'<stream>': the disk is full"),
    });
    const closed = new PassThrough();
    closed.destroy();
    await expect(write(closed)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE' });
    const refusing = new WritableStream({ write: () => Promise.reject(new Error('not today')) });
    await expect(write(refusing)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FILE', message: expect.stringContaining('not today') });
  });
});

describe('a stream', () => {
  const bytes = new Uint8Array(3 * 2 ** 20).fill(7);

  it('needs no more than what its type says', async () => {
    const written: Uint8Array[] = [];
    const listeners = new Map<string, () => void>();
    const least: Target = {
      write: (chunk) => {
        written.push(chunk);
        setImmediate(() => listeners.get('drain')?.());
        return false;
      },
      end: () => setImmediate(() => listeners.get('finish')?.()),
      on: (event, listener) => listeners.set(event, listener),
      removeListener: (event) => listeners.delete(event),
    };
    await writeTo('test', least, [bytes]);
    expect([Buffer.concat(written).equals(bytes), listeners.size]).toEqual([true, 0]);
    const { removeListener: _, ...less } = least as NodeTarget;
    await expect(writeTo('test', less as never, [bytes])).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });

  it.each<[string, (stream: Writable) => unknown]>([
    ['was destroyed', (stream) => stream.destroy()],
    ['was ended', (stream) => stream.end()],
    ['failed before', (stream) => stream.on('error', () => undefined).destroy(new Error('no'))],
    ['is closed meanwhile', (stream) => setImmediate(() => stream.destroy())],
    ['is ended by another meanwhile', (stream) => setImmediate(() => stream.end())],
  ])('that %s is refused, and left without listeners', async (_, spoil) => {
    const slow = new Writable({ write: (_chunk, _encoding, done) => void setTimeout(done, 5) });
    for (const stream of [createWriteStream(free()), slow]) {
      const count = (): number[] => ['drain', 'finish', 'error', 'close'].map((event) => stream.listenerCount(event));
      spoil(stream);
      const before = count();
      await expect(writeTo('test', stream, Array(40).fill(bytes))).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_FILE',
        message: expect.stringMatching(/^test: cannot write to '<stream>': ./),
      });
      expect(count()).toEqual(before);
    }
  });

  it.each(['stdout', 'stderr'] as const)('of the process, %s, stays open and keeps its listeners', async (name) => {
    const program = `
      const { writeTo } = require(${JSON.stringify(join(compiled.folder, 'files', 'target.js'))});
      const stream = process.${name};
      const count = () => stream.eventNames().reduce((sum, event) => sum + stream.listenerCount(event), 0);
      (async () => {
        const before = count();
        for (let i = 0; i < 20; i++) await writeTo('test', stream, [Buffer.from('line\\n')]);
        stream.write(count() - before + ' more\\n');
      })();`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect([stdout, stderr].sort()).toEqual(['', `${'line\n'.repeat(20)}0 more\n`]);
  });
});

describe('other functions that take a path', () => {
  const data = examples({ x: { data: new Float32Array(4 * 784), shape: [784] }, label: { data: new Int32Array(4) } });

  it.each<[string, (path: never) => unknown]>([
    ['train, folder', (path) => train(model, data, { epochs: 1, batchSize: 2, folder: path })],
    ['eventWriter', async (path) => eventWriter(path)],
    ['readEvents', async (path) => readEvents(path)],
  ])('%s: refuses a NUL, no path, and what is none', async (_, use) => {
    await expect(use(`${folder}/a\0b` as never)).rejects.toThrow(`expected a path without a NUL, got '${folder}/a\\0b'`);
    for (const wrong of ['', 3, null]) await expect(use(wrong as never)).rejects.toThrow(/: expected .*a path/);
  });

  it('take file URLs', async () => {
    const url = pathToFileURL(join(folder, 'run with spaces'));
    await train(model, data, { epochs: 1, batchSize: 2, folder: url });
    expect(readEvents(new URL('events.jsonl', `${url.href}/`)).at(-1)).toMatchObject({ event: 'end' });
  });
});

describe('what holds native memory', () => {
  it('is never copied without it, and no JSON without it', async () => {
    using dataset = await createDataset({ x: new Float32Array(3) });
    for (const [value, cure] of [
      [forest, 'send the text of await forest.toJSONText() instead'],
      [model, 'write it by saveModel() instead'],
      [dataset, 'send its columns instead'],
    ] as const)
      expect(() => structuredClone(value)).toThrow(cure);
    expect(() => JSON.stringify({ model })).toThrow(
      'model: expected saveModel() to write it, got JSON.stringify(), which would leave out the weights',
    );
    expect(() => JSON.stringify([dataset])).toThrow('dataset: expected its columns for JSON.stringify()');
  });
});
