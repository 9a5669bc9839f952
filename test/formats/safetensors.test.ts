// safetensors: what is written comes back, and every malformed file is refused with its reason.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { StoredTensor } from '../../lib/formats/safetensors';
import { inspectSafetensors, readSafetensors, writeSafetensors } from '../../lib/formats/safetensors';
import { countTurns, setClock } from '../event-loop';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
let count = 0;
const fresh = (): string => join(folder, `${count++}.safetensors`);

/** A file from raw parts; a header that is no string becomes JSON. */
function craft(header: unknown, data: Uint8Array = new Uint8Array(0), headerLength?: bigint): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(headerLength ?? BigInt(text.length));
  const path = fresh();
  writeFileSync(path, Buffer.concat([prefix, text, data]));
  return path;
}

const refused = (path: string, reason: RegExp) =>
  expect(readSafetensors(path)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT', message: expect.stringMatching(reason) });
const two = (a: [number, number], b: [number, number]) => ({
  a: { dtype: 'U8', shape: [a[1] - a[0]], data_offsets: a },
  b: { dtype: 'U8', shape: [b[1] - b[0]], data_offsets: b },
});

describe('round trip', () => {
  const tensors: [string, StoredTensor][] = [
    ['blocks.0.weight', { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, 3.5, Number.POSITIVE_INFINITY, 1e-40) }],
    ['half', { dtype: 'bf16', shape: [3], data: Uint16Array.of(0x3f80, 0, 0xffff) }],
    ['long', { dtype: 'i64', shape: [1, 2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) }],
    ['steps', { dtype: 'i32', shape: [], data: Int32Array.of(-7) }],
    ['"bytes"\n\u00e9', { dtype: 'u8', shape: [3, 1], data: Uint8Array.of(0, 128, 255) }],
    ['mask', { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) }],
    ['empty', { dtype: 'f32', shape: [4, 0], data: new Float32Array(0) }],
    ['__proto__', { dtype: 'u8', shape: [1], data: Uint8Array.of(9) }],
    ['0', { dtype: 'u8', shape: [1], data: Uint8Array.of(8) }],
  ];

  it('returns every type, shape, name and the metadata', async () => {
    const path = fresh();
    await writeSafetensors(path, tensors, { metadata: { format: 'pt', quote: '"{}' } });
    const read = await readSafetensors(path);
    expect(read.metadata).toEqual({ format: 'pt', quote: '"{}' });
    expect(read.tensors).toEqual(new Map(tensors));
  });

  it('writes equal bytes for equal contents, aligned, and reads a part', async () => {
    const [first, second] = [fresh(), fresh()];
    await writeSafetensors(first, tensors);
    await writeSafetensors(second, [...tensors].reverse());
    expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
    const { entries, dataStart } = await inspectSafetensors(first);
    expect(
      entries.filter((e) => (dataStart + e.begin) % (({ F32: 4, BF16: 2, I64: 8, I32: 4 } as Record<string, number>)[e.code] ?? 1) !== 0),
    ).toEqual([]);
    expect([...(await readSafetensors(first, { accept: (n) => n === 'half' })).tensors.keys()]).toEqual(['half']);
  });

  it('takes a typed array that is a part of a larger one', async () => {
    const path = fresh();
    const whole = Float32Array.of(1, 2, 3, 4);
    await writeSafetensors(path, [['x', { dtype: 'f32', shape: [2], data: whole.subarray(1, 3) }]]);
    expect((await readSafetensors(path)).tensors.get('x')!.data).toEqual(Float32Array.of(2, 3));
  });

  it('widens f16 exactly', async () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x8000, 0x7c00, 0xfc00, 0x7e00);
    const path = craft({ h: { dtype: 'F16', shape: [9], data_offsets: [0, 18] } }, new Uint8Array(bits.buffer));
    const tensor = (await readSafetensors(path)).tensors.get('h')!;
    expect(tensor.dtype).toBe('f32');
    expect([...tensor.data]).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      2 ** -14,
      -0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });
});

describe('every type of the format', () => {
  const bytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  const big = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values);
  const inf = Number.POSITIVE_INFINITY;
  const cases: [code: string, data: ArrayBufferView, dtype: string, read: unknown][] = [
    ['F64', Float64Array.of(0.1, -inf), 'f32', Float32Array.of(0.1, -inf)],
    ['F32', Float32Array.of(0.1, 2), 'f32', Float32Array.of(0.1, 2)],
    ['F16', Uint16Array.of(0x3c00, 1), 'f32', Float32Array.of(1, 2 ** -24)],
    ['BF16', Uint16Array.of(0x3f80, 1), 'bf16', Uint16Array.of(0x3f80, 1)],
    [
      'F8_E5M2',
      Uint8Array.of(0x3c, 0x7b, 0x7c, 0xfc, 0x7e, 1, 0x80),
      'f32',
      Float32Array.of(1, 57344, inf, -inf, Number.NaN, 2 ** -16, -0),
    ],
    [
      'F8_E4M3',
      Uint8Array.of(0x38, 0x7e, 0x78, 0xff, 1, 0x08, 0x80),
      'f32',
      Float32Array.of(1, 448, 256, Number.NaN, 2 ** -9, 2 ** -6, -0),
    ],
    ['I64', big(-1n, 2n), 'i64', big(-1n, 2n)],
    ['U64', big(0n, 2n ** 63n - 1n), 'i64', big(0n, 2n ** 63n - 1n)],
    ['I32', Int32Array.of(-1, 2), 'i32', Int32Array.of(-1, 2)],
    ['U32', Uint32Array.of(1, 2 ** 32 - 1), 'i64', big(1n, 2n ** 32n - 1n)],
    ['I16', Int16Array.of(-1, 2), 'i32', Int32Array.of(-1, 2)],
    ['U16', Uint16Array.of(65535, 2), 'i32', Int32Array.of(65535, 2)],
    ['I8', Int8Array.of(-1, 2), 'i32', Int32Array.of(-1, 2)],
    ['U8', Uint8Array.of(255, 2), 'u8', Uint8Array.of(255, 2)],
    ['BOOL', Uint8Array.of(1, 0), 'bool', Uint8Array.of(1, 0)],
  ];

  it.each(cases)('%s is read', async (code, data, dtype, read) => {
    const shape = [bytes(data).length / (data as Uint8Array).BYTES_PER_ELEMENT];
    const path = craft({ x: { dtype: code, shape, data_offsets: [0, data.byteLength] } }, bytes(data));
    expect((await inspectSafetensors(path)).entries).toEqual([{ name: 'x', code, dtype, shape, begin: 0, end: data.byteLength }]);
    expect((await readSafetensors(path)).tensors.get('x')).toEqual({ dtype, shape, data: read });
  });

  it.each([
    ['F4', [3, 2], 3],
    ['F6_E2M3', [4], 3],
    ['F6_E3M2', [8], 6],
    ['F8_E8M0', [3], 3],
    ['F8_E4M3FNUZ', [2], 2],
    ['F8_E5M2FNUZ', [2], 2],
    ['C64', [2], 16],
    ['F128_OF_SOME_DAY', [2], 32],
  ])('%s is listed and skipped, and refused by name where it is asked for', async (dtype, shape, size) => {
    const header = { w: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, odd: { dtype, shape, data_offsets: [1, 1 + size] } };
    const path = craft(header, new Uint8Array(1 + size));
    const { entries } = await inspectSafetensors(path);
    expect(entries.map(({ name, code, begin, end }) => [name, code, end - begin])).toEqual([
      ['w', 'U8', 1],
      ['odd', dtype, size],
    ]);
    const { tensors, skipped } = await readSafetensors(path);
    expect([[...tensors.keys()], skipped.map(({ name }) => name)]).toEqual([['w'], ['odd']]);
    expect((await readSafetensors(path, { accept: (name) => name === 'w' })).tensors.size).toBe(1);
    await expect(readSafetensors(path, { accept: () => true })).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FORMAT',
      message: expect.stringMatching(new RegExp(`'odd' of dtype ${dtype}, which cannot be read.*accept`)),
    });
  });

  it('elements that do not fill their last byte, and integers beyond i64, are refused', async () => {
    await refused(craft({ x: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, new Uint8Array(2)), /do not hold F4 \(3,\)/);
    await refused(craft({ x: { dtype: 'F6_E2M3', shape: [3], data_offsets: [0, 3] } }, new Uint8Array(3)), /do not hold F6/);
    const beyond = craft({ x: { dtype: 'U64', shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8).fill(255));
    await refused(beyond, /'x', which holds 18446744073709551615, which is beyond i64/);
  });
});

describe('a header of many pieces', () => {
  const many = (count: number): [string, StoredTensor][] =>
    Array.from({ length: count }, (_, i) => [
      `a.long.name.of.layer.${i}.weight`,
      { dtype: 'u8', shape: [1], data: Uint8Array.of(i & 255) },
    ]);

  it('is read as one', async () => {
    const path = fresh();
    await writeSafetensors(path, [...many(5000), ['0', { dtype: 'u8', shape: [1], data: Uint8Array.of(9) }]], {
      metadata: { note: '{,}"[' },
    });
    const { tensors, metadata } = await readSafetensors(path);
    expect([tensors.size, metadata, tensors.get('a.long.name.of.layer.4711.weight')!.data[0]]).toEqual([
      5001,
      { note: '{,}"[' },
      4711 & 255,
    ]);
  });

  it('is refused where a piece is malformed, or repeats a name of another', async () => {
    const path = fresh();
    await writeSafetensors(path, many(5000));
    const file = readFileSync(path);
    const text = file
      .subarray(8, 8 + Number(file.readBigUInt64LE()))
      .toString()
      .trimEnd();
    const again = `,"a.long.name.of.layer.0.weight":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`;
    await refused(craft(text.slice(0, -1) + again, new Uint8Array(5000)), /the key 'a.long.name.of.layer.0.weight' twice/);
    for (const end of [',}', '}}', ']', '},', ',,"x":1}', '} x'])
      await refused(craft(text.slice(0, -1) + end, new Uint8Array(5000)), /a header that is not/);
  });

  it('stops between two pieces, with the reason', async () => {
    const path = fresh();
    await writeSafetensors(path, many(20_000));
    const controller = new AbortController();
    const refusal = expect(inspectSafetensors(path, { signal: controller.signal })).rejects.toThrow('enough');
    setImmediate(() => controller.abort(new Error('enough')));
    await refusal;
  });
});

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);
const text = 'é\\ud83d\ude00\n"'.repeat(100_000);

describe('a large header leaves other events their turn', () => {
  const backwards = Object.fromEntries(
    names(40_000).map((name, i) => [name, { dtype: 'U8', shape: [1], data_offsets: [39_999 - i, 40_000 - i] }]),
  );
  it.each<[string, Record<string, unknown>, number, number]>([
    ['of many notes', { __metadata__: Object.fromEntries(names(200_000).map((name) => [name, name])) }, 0, 150],
    ['of one long note', { __metadata__: { a: 'b', ['long'.repeat(9000)]: 'c', text, z: '' } }, 0, 30],
    ['of tensors in no order', backwards, 40_000, 120],
  ])('%s', async (_, header, dataBytes, turns) => {
    const path = craft(header, new Uint8Array(dataBytes));
    setClock(5);
    let found: Awaited<ReturnType<typeof inspectSafetensors>> | undefined;
    const counted = await countTurns(async () => {
      found = await inspectSafetensors(path);
    });
    expect(counted).toBeGreaterThan(turns);
    expect(found!.metadata).toEqual(header.__metadata__ ?? {});
    expect(found!.entries.map(({ begin }) => begin)).toEqual(Array.from({ length: dataBytes }, (_, i) => i));
  });

  it('refuses in it what it refuses in a small one', async () => {
    const notes = Array.from({ length: 9000 }, (_, i) => `"${i}":"${i}"`).join(',');
    const long = (inside: string): string => craft(`{"__metadata__":{${notes}${inside}}}`);
    await refused(long(',"5":"twice"'), /key '5' twice/);
    await refused(long(`,${' '.repeat(80)}`), /not JSON/);
    await refused(long(',"x":{}'), /metadata that is not text/);
    await refused(long(`,"x":[${'1,'.repeat(40_000)}1]`), /metadata that is not text/);
    await refused(long(`,"x":"${'x'.repeat(40_000)}\t"`), /not JSON/);
    await refused(craft(`{"x":${' '.repeat(40_000)}{}}`), /has 2 bytes for what it says of tensor 'x'/);
    await refused(craft(`{${notes.replaceAll('"', '')}}`), /not JSON/);
  });
});

describe('refuses', () => {
  it('a file that ends too early', async () => {
    const short = fresh();
    writeFileSync(short, Buffer.alloc(5));
    await refused(short, /truncated: 5 bytes/);
    await refused(craft('{}', undefined, 50n), /truncated: a header of 50 bytes expected, 2 there/);
    await refused(
      craft({ x: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }, new Uint8Array(15)),
      /truncated: 16 bytes of data expected, 15/,
    );
  });

  it('a huge header, without reading it', async () => {
    await refused(craft('{}', undefined, 2n ** 63n), /header of 9223372036854775808 bytes/);
    await refused(craft('{}', undefined, 100_000_001n), /header of 100000001 bytes/);
  });

  it('a header that is not a JSON object in UTF-8', async () => {
    for (const text of ['', '[]', '{"a":', 'null', ' {}']) await refused(craft(text), /a header that is not/);
    const path = craft('{"ab":1}');
    const bytes = readFileSync(path);
    bytes[10] = 0xff;
    writeFileSync(path, bytes);
    await refused(path, /not JSON/);
    const entries = Array.from({ length: 2000 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(',');
    for (const end of [',', `,${' '.repeat(80)}`, ',,"a":{}', ']', '}{']) await refused(craft(`{${entries}${end}}`), /not JSON/);
    await refused(craft('['.repeat(2_000_000)), /a header that is not/);
    await refused(craft(`{"a":${'['.repeat(2_000_000)}}`), /not JSON/);
  });

  it('an unknown or missing type', async () => {
    for (const dtype of ['f32', 'toString', '', 7, undefined])
      await refused(craft({ x: { dtype, shape: [], data_offsets: [0, 0] } }), /of dtype/);
    await refused(craft({ x: 5 }), /of dtype undefined/);
  });

  it('shapes and offsets that are no counts or do not fit each other', async () => {
    const entry = (shape: unknown, data_offsets: unknown) => craft({ x: { dtype: 'U8', shape, data_offsets } }, new Uint8Array(4));
    for (const shape of [[-1], [1.5], '4', [2 ** 60], null]) await refused(entry(shape, [0, 4]), /malformed shape/);
    for (const offsets of [[0], [0, 4, 4], [-4, 0], [0, 1e300], ['0', '4'], null])
      await refused(entry([4], offsets), /malformed data_offsets/);
    for (const offsets of [
      [0, 3],
      [4, 0],
      [0, 5],
    ])
      await refused(entry([4], offsets), /do not hold U8 \(4,\)/);
    await refused(entry([2 ** 30, 2 ** 30, 2 ** 30], [0, 4]), /do not hold/);
  });

  it('overlaps, holes, data out of range, and bytes of no tensor', async () => {
    const data = new Uint8Array(4);
    await refused(craft(two([0, 3], [2, 4]), data), /overlapping data before tensor 'b'/);
    await refused(craft(two([0, 2], [0, 2]), data), /overlapping data/);
    await refused(craft(two([0, 1], [2, 4]), data), /a hole in the data before tensor 'b'/);
    await refused(craft(two([1, 2], [2, 4]), data), /a hole in the data before tensor 'a'/);
    await refused(craft(two([0, 2], [2, 9]), data), /truncated: 9 bytes/);
    await refused(craft(two([0, 2], [2, 3]), data), /1 bytes that belong to no tensor/);
  });

  it('a key that is there twice, however it is escaped', async () => {
    const x = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
    await refused(craft(`{"x":${x},"\\u0078":${x}}`, new Uint8Array(1)), /the key 'x' twice/);
    await refused(craft('{"x":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /the key 'dtype' twice/);
  });

  it('metadata that is not text, and a bool that is none', async () => {
    await refused(craft({ __metadata__: { a: 1 } }), /metadata that is not text/);
    await refused(craft({ __metadata__: 'text' }), /metadata that is not text/);
    await refused(craft({ m: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] } }, Uint8Array.of(2)), /a bool that is not 0 or 1/);
  });

  it('any one changed byte of a header, or accepts it with the same data', async () => {
    const path = fresh();
    await writeSafetensors(path, [['w', { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) }]]);
    const good = readFileSync(path);
    const headerEnd = 8 + Number(good.readBigUInt64LE());
    for (let at = 0; at < headerEnd; at++) {
      for (const flip of [1, 0x20, 0x80]) {
        const bytes = Buffer.from(good);
        bytes[at]! ^= flip;
        writeFileSync(path, bytes);
        const outcome = await readSafetensors(path).catch((error) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_TENSORWOOD_FORMAT' });
        else for (const tensor of outcome.tensors.values()) expect(tensor.data.byteLength).toBe(8);
      }
    }
  });

  it('a file that is not there, and names the path', async () => {
    await expect(readSafetensors(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'ERR_TENSORWOOD_FILE',
      message: expect.stringContaining("absent': there is no such file"),
    });
  });
});

describe('writing', () => {
  const tensor = (length: number): StoredTensor => ({ dtype: 'f32', shape: [length], data: new Float32Array(length).fill(7) });

  it('refuses data that does not fit its shape or type, and a name used twice', async () => {
    const path = fresh();
    await expect(writeSafetensors(path, [['x', { ...tensor(2), shape: [3] }]])).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_SHAPE' });
    await expect(writeSafetensors(path, [['x', { ...tensor(2), dtype: 'i32' }]])).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_DTYPE' });
    const twice = [tensor(1), tensor(1)].map((t) => ['x', t] as const);
    await expect(writeSafetensors(path, twice)).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
    await expect(writeSafetensors(path, [['__metadata__', tensor(1)]])).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ARGUMENT' });
  });

  it('replaces a file whole and leaves no temporary one', async () => {
    const path = join(folder, 'deep', 'er', 'model.safetensors');
    await writeSafetensors(path, [['x', tensor(1000)]]);
    await writeSafetensors(path, [['x', tensor(3)]]);
    expect((await readSafetensors(path)).tensors.get('x')!.data).toEqual(tensor(3).data);
    expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['model.safetensors']);
  });
});
