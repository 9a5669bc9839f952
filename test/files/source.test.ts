// Every reader x every kind of source: the same answer, or the same refusal.
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createDataset,
  createModel,
  inspectSafetensors,
  loadForest,
  loadModel,
  loadWeights,
  mlp,
  parseForest,
  readCsv,
  readIdx,
  readIdxImages,
  readParquet,
  readSafetensors,
  readTable,
  saveModel,
  trainTrees,
} from '../../lib';
import { idxBytes } from '../../lib/data/images';
import { openSource, type Source } from '../../lib/files/source';
import { countTurns, setClock } from '../event-loop';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-sources-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Reader {
  readonly file: string;
  /** What it answers, as something that can be compared. */
  readonly read: (source: Source, options?: { signal?: AbortSignal }) => Promise<unknown>;
}

const model = () => createModel(mlp, mlp.tiny);

const readers: Record<string, Reader> = {
  readCsv: { file: 'table.csv', read: readCsv },
  readTable: { file: 'table.csv', read: readTable },
  'readTable of Parquet': { file: 'nested.parquet', read: (source, options) => readTable(source, { ...options, columns: ['x', 'y'] }) },
  readParquet: { file: 'nested.parquet', read: (source, options) => readParquet(source, { ...options, columns: ['x', 'y'] }) },
  readIdx: { file: 'labels.idx', read: readIdx },
  'readIdx of gzip': { file: 'labels.idx.gz', read: readIdx },
  readIdxImages: { file: 'images.idx', read: (source, options) => readIdxImages(source, join(folder, 'labels.idx'), options) },
  'readIdxImages, labels': { file: 'labels.idx', read: (source, options) => readIdxImages(join(folder, 'images.idx'), source, options) },
  readSafetensors: { file: 'model.safetensors', read: readSafetensors },
  inspectSafetensors: { file: 'model.safetensors', read: inspectSafetensors },
  loadModel: {
    file: 'model.safetensors',
    async read(source, options) {
      using loaded = (await loadModel(source, options)).model;
      return loaded.variables.values().next().value!.read();
    },
  },
  loadWeights: {
    file: 'model.safetensors',
    async read(source, options) {
      using into = model();
      await loadWeights(source, into, options);
      return into.variables.values().next().value!.read();
    },
  },
  loadForest: {
    file: 'forest.json',
    async read(source, options) {
      using forest = await loadForest(source, options);
      return forest.toJSONText();
    },
  },
  parseForest: {
    file: 'forest.json',
    async read(source, options) {
      using forest = await parseForest(source, options);
      return forest.toJSONText();
    },
  },
};

async function* pieces(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

let pipes = 0;

/** A pipe that somebody writes the file into. */
function pipeOf(path: string): string {
  const pipe = join(folder, `pipe-${pipes++}`);
  execFileSync('mkfifo', [pipe]);
  writeFile(pipe, readFileSync(path)).catch(() => undefined);
  return pipe;
}

function sharedBytes(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

const exact = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** Kinds of sources, all of the same bytes. */
const kinds: Record<string, (path: string, bytes: Buffer) => Source> = {
  'a path': (path) => path,
  'a file URL': (path) => pathToFileURL(path),
  'the text of a file URL': (path) => pathToFileURL(path).href,
  'a Buffer': (_, bytes) => bytes,
  'a Uint8Array in the middle of its buffer': (_, bytes) => new Uint8Array(exact(Buffer.concat([Buffer.alloc(3), bytes]))).subarray(3),
  'an ArrayBuffer': (_, bytes) => exact(bytes),
  'shared memory': (_, bytes) => sharedBytes(bytes),
  'an ArrayBuffer of another realm': (_, bytes) =>
    runInNewContext('Uint8Array.from(values).buffer', { values: [...bytes.subarray(0, 300_000)] }),
  'a Blob': (_, bytes) => new Blob([bytes]),
  'a Readable': (_, bytes) => Readable.from(pieces(bytes, 4096)),
  'a stream of a file': (path) => createReadStream(path),
  'a web stream': (_, bytes) => new Blob([bytes]).stream() as never,
  'an async iterable': (_, bytes) => pieces(bytes, 4096),
  'a pipe': (path) => pipeOf(path),
};

beforeAll(async () => {
  const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content);
  write('table.csv', 'name,n\nÅse,1\n😀,2.5\n');
  const labels = idxBytes({ shape: [5], data: Uint8Array.from([0, 1, 2, 1, 0]) });
  write('labels.idx', labels);
  write('labels.idx.gz', gzipSync(labels));
  write('images.idx', idxBytes({ shape: [5, 2, 2], data: Uint8Array.from({ length: 20 }, (_, i) => 12 * i) }));
  write('nested.parquet', readFileSync(join(__dirname, 'nested.parquet'))); // x f32, l lists of i64, y i32; 60 rows
  using made = model();
  await saveModel(join(folder, 'model.safetensors'), made);
  using dataset = await createDataset(
    { x: Float32Array.from({ length: 200 }, (_, i) => i) },
    { label: Float32Array.from({ length: 200 }, (_, i) => i % 7) },
  );
  using forest = await trainTrees(dataset, { trees: 3 });
  await forest.save(join(folder, 'forest.json'));
});

describe.each(Object.entries(readers))('%s', (name, { file, read }) => {
  const path = join(folder, file);
  const isText = /csv|json/.test(file);

  it.each(Object.entries(kinds))('reads %s', async (_kind, make) => {
    expect(await read(make(path, readFileSync(path)))).toEqual(await read(path));
  });

  it.runIf(isText)('reads { text }, text in pieces that cut letters, and text in pieces of bytes that do', async () => {
    const text = readFileSync(path, 'utf8');
    const expected = await read(path);
    expect(await read({ text })).toEqual(expected);
    expect(await read(Readable.from(text.split('')))).toEqual(expected);
    expect(await read(pieces(readFileSync(path), 1))).toEqual(expected);
  });

  it('refuses what is no source, a path with a NUL, no path, another URL, and a folder', async () => {
    for (const wrong of [undefined, null, 3, {}, '', new Float32Array(4), new Map()])
      await expect(read(wrong as never)).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_ARGUMENT',
        message: expect.stringMatching(/: expected a path, a file: URL, bytes, \{ text \} or a stream, got /),
      });
    await expect(read(`${path}\0.csv`)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_ARGUMENT',
      message: expect.stringContaining(`: expected a path without a NUL, got '${path}\\0.csv'`),
    });
    await expect(read(new URL(`file://${path}%00.csv`))).rejects.toThrow('expected a path without a NUL');
    await expect(read(new URL('https://example.org/x.csv'))).rejects.toThrow('expected a file: URL');
    await expect(read(folder)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringContaining(`cannot read '${folder}'`),
    });
    await expect(read(join(folder, 'none'))).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringMatching(/cannot read '.*none': there is no such file/),
    });
  });

  it('tells the error of a stream that fails, of pieces that are none, and of what was read before', async () => {
    const failing = new Readable({ read: () => failing.destroy(new Error('the line is down')) });
    await expect(read(failing)).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringContaining("'<stream>': the line is down"),
    });
    await expect(read(Readable.from([3, 4]) as never)).rejects.toThrow("expected bytes or text from '<stream>', got 3");
    const used = new Blob(['a']).stream();
    used.getReader();
    await expect(read(used as never)).rejects.toThrow('which was read before');
  });

  it.skipIf(/Safetensors$/.test(name))('refuses options that it does not have, and a signal that is none', async () => {
    for (const [options, message] of [
      [{ sgnal: 1 }, /^\w+: unknown option 'sgnal'/],
      [{ bogus: 1 }, /: unknown option 'bogus'/],
      [{ signal: 5 }, /: expected signal to be an AbortSignal, got 5$/],
    ] as const)
      await expect(read(path, options as never)).rejects.toMatchObject({
        code: 'ERR_TENSORWOOD_ARGUMENT',
        message: expect.stringMatching(message),
      });
  });

  it('refuses what is empty, in its own words', async () => {
    for (const nothing of [new Uint8Array(), { text: '' }, Readable.from([]), new Blob([])])
      await expect(read(nothing as Source)).rejects.toMatchObject({ code: expect.stringMatching(/_(FORMAT|DATA)$/) });
  });

  it('stops waiting at an abort, and tells the stream', async () => {
    const controller = new AbortController();
    const silent = new Readable({ read: () => controller.abort(new Error('enough')) });
    await expect(read(silent, { signal: controller.signal })).rejects.toThrow('enough');
    expect(silent.destroyed).toBe(true);
    await expect(read(path, { signal: controller.signal })).rejects.toThrow('enough');
    await expect(read(path, { signal: 3 as never })).rejects.toThrow('expected signal to be an AbortSignal, got 3');
  });
});

describe('a stream', () => {
  afterEach(() => vi.restoreAllMocks());

  async function* repeated<T>(piece: T, count = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
    for (let i = 0; i < count; i++) yield piece;
  }

  it('without end is refused where the memory would end', async () => {
    vi.spyOn(process, 'availableMemory').mockReturnValue(1e8);
    await expect(readCsv(repeated(new Uint8Array(2 ** 22)))).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_MEMORY',
      message: expect.stringMatching(/^readCsv: expected '<stream>' to end, got \d+ bytes and no memory for more$/),
    });
  });

  it.each<[string, () => Source, number]>([
    ['very many tiny pieces', () => repeated('1\n', 2000), 1000],
    ['a Readable of very many', () => Readable.from(Array.from({ length: 2000 }, () => '1\n')), 1000],
    ['one large piece', () => repeated(Buffer.alloc(2 ** 25, '1\n'), 1), 8],
    ['one long text', () => ({ text: '1\n'.repeat(2 ** 23) }), 8],
    ['shared memory', () => sharedBytes(Buffer.alloc(2 ** 25, '1\n')), 7],
  ])('lets others have their turn: %s', async (_, make, least) => {
    const source = make();
    setClock(5);
    expect(await countTurns(() => openSource('test', source))).toBeGreaterThanOrEqual(least);
  });

  it.each(['1\n', '', new Uint8Array(), Uint8Array.of(10)])('that always has a piece (%j) hears an abort', async (piece) => {
    setClock(5);
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(openSource('test', repeated<Uint8Array | string>(piece), { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('may cut a letter of two units wherever it is long', async () => {
    const text = `${'a'.repeat(2 ** 14 - 1)}😀`.repeat(5);
    for (const first of [2 ** 14 - 1, 2 ** 14, 2 ** 14 + 1])
      expect(
        Buffer.from(await (await openSource('test', Readable.from([text.slice(0, first), text.slice(first)]))).bytes('test')).toString(),
      ).toBe(text);
  });

  it('may fill the same memory again for each piece', async () => {
    const memory = new Uint8Array(3);
    async function* reuse(): AsyncGenerator<Uint8Array> {
      for (const line of ['ab\n', '1,2', '\n', '3,4']) yield memory.subarray(0, new TextEncoder().encodeInto(line, memory).written);
    }
    expect(Buffer.from(await (await openSource('test', reuse())).bytes('test')).toString()).toBe('ab\n1,2\n3,4');
  });

  it('may answer without promises, and its own error is the one that is told', async () => {
    const plain = (pieces: unknown[], end: () => unknown) => ({
      [Symbol.asyncIterator]: () => ({ next: () => ({ done: pieces.length === 0, value: pieces.shift() }), return: end }),
    });
    const read = (pieces: unknown[], end: () => unknown) => openSource('test', plain(pieces, end) as never);
    expect((await read(['a', 'b'], () => undefined)).content).toEqual(new TextEncoder().encode('ab'));
    for (const end of [
      () => ({ done: true }),
      () => Promise.reject(new Error('late')),
      () => {
        throw new Error('late');
      },
    ])
      await expect(read([3], end)).rejects.toThrow("expected bytes or text from '<stream>', got 3");
  });

  it('is called by its path, and standard input by its own name', async () => {
    const path = join(folder, 'empty.csv');
    writeFileSync(path, '');
    await expect(readCsv(createReadStream(path))).rejects.toThrow(`'${path}'`);
    await expect(readCsv(Object.assign(Readable.from([]), { fd: 0 }))).rejects.toThrow("'<stdin>'");
  });
});

it('lets others have their turn while categories and text become values', async () => {
  const text = `name\n${Array.from({ length: 100_000 }, (_, i) => `n${i}`).join('\n')}`;
  setClock(5);
  expect(await countTurns(() => readCsv({ text }))).toBeGreaterThan(10);
  vi.restoreAllMocks();
});

it('reads the same source twice where it stays: bytes, and a file', async () => {
  const bytes = readFileSync(join(folder, 'table.csv'));
  const [one, two] = await Promise.all([readCsv(bytes), readCsv(bytes)]);
  expect(two).toEqual(one);
});

it('says what to give in place of a response, and of a generator', async () => {
  function* lines(): Generator<string> {
    yield 'a\n1\n';
  }
  await expect(readCsv(new Response('a\n1\n') as never)).rejects.toThrow(/a stream, got Response; give its body$/);
  expect(await readCsv(new Response('a\n1\n').body as never)).toMatchObject({ rows: 1 });
  await expect(readCsv(lines() as never)).rejects.toThrow(/a stream, got Generator; make a stream of it by Readable\.from\(\)$/);
  expect(await readCsv(Readable.from(lines()))).toMatchObject({ rows: 1 });
  await expect(readCsv(Object.create(null) as never)).rejects.toThrow(/a stream, got an object$/);
});

it('reads text itself only when it is told so', async () => {
  await expect(readCsv('a,b\n1,2\n')).rejects.toThrow('there is no such file; to read text itself give { text }');
});
