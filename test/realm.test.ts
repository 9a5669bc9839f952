// Values of another realm: what Jest, vitest's vm pools and libraries in contexts of node:vm hand in. Each is taken as one of this realm is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import * as tw from '../lib';
import { adopt, isAbortSignal, throwIfAborted, typedArrayName } from '../lib/realm';

const folder = mkdtempSync(join(tmpdir(), 'tensorwood-realm-'));
afterAll(() => rmSync(folder, { recursive: true }));

const context = createContext();
const other = <T>(code: string): T => runInContext(code, context) as T;

const floats = other<Float32Array>('Float32Array.of(1, 2, 3, 4)');
const doubles = other<Float64Array>('Float64Array.of(1, 2, 3, 4)');
const integers = other<Int32Array>('Int32Array.of(0, 1, 0, 1)');
const bytes = other<Uint8Array>('Uint8Array.of(0, 1, 0, 1)');
const halves = other<Uint16Array>('Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080)');
const list = other<number[]>('[1, 2, 3, 4]');

describe('typed arrays and lists of another realm', () => {
  it.each([
    ['Float32Array', floats, 'f32'],
    ['Float64Array', doubles, 'f32'],
    ['Int32Array', integers, 'i32'],
    ['Uint8Array', bytes, 'u8'],
    ['Uint16Array', halves, 'bf16'],
    ['Array', list, 'f32'],
  ])('%s: array, tensor, a step', async (_, data, dtype) => {
    expect(data).not.toBeInstanceOf(Float32Array);
    expect(tw.array(data, [2, 2])).toMatchObject({ dtype, shape: [2, 2] });
    expect(tw.tensor(data).dtype).toBe(dtype);
    expect([...(await tw.tensor(data).data())]).toEqual([...data]);
    using step = tw.compile((x) => ({ x: tw.reshape(x, [4]) }));
    expect([...(await step(tw.array(data, [2, 2]))).x]).toEqual([...data]);
  });

  it('are examples, with labels', async () => {
    for (const label of [integers, bytes, doubles.map((v) => v % 2), list.map((v) => v % 2)]) {
      const data = tw.examples({ x: { data: floats, shape: [1] }, label: { data: label } });
      expect(data.fields).toMatchObject({ x: { dtype: 'f32' }, label: { dtype: 'i32' } });
      expect(tw.subset(data, other('Int32Array.of(0, 2)')).size).toBe(2);
    }
    expect(() => tw.subset(tw.examples({ x: { data: floats } }), other('Uint8Array.of(1, 0, 1, 0)'))).toThrow(/a mask of 4/);
  });

  it('are columns, matrices, labels and rows of trees', async () => {
    const categories = other<string[]>("['a', 'b']");
    const options = { objective: 'binary', trees: 2, minRowsInLeaf: 1 } as const;
    for (const features of [
      { x: floats, town: { codes: integers, categories } },
      { x: list, town: other<string[]>("['a', 'b', 'a', 'b']") },
    ]) {
      using dataset = await tw.createDataset(features, { label: integers, weight: floats });
      using forest = await tw.trainTrees(dataset, options);
      expect(await forest.predict(features)).toHaveLength(4);
      expect(() => forest.predictRow(other("({ x: 1, town: 'a' })"))).not.toThrow();
    }
    using dataset = await tw.createDataset({ values: floats, columns: 1 }, { label: integers });
    using forest = await tw.trainTrees(dataset, options);
    expect(forest.predictRow(other('Float32Array.of(2)'))).toBe((await forest.predict({ values: floats, columns: 1 }))[1]);
    const parts = other<Float32Array>('Float32Array.of(.5, 1, 0, 1)');
    using named = await tw.createDataset({ town: { codes: integers, categories: 2 } }, { label: integers });
    using byCode = await tw.trainTrees(named, options);
    await expect(byCode.predict({ town: { codes: parts, categories: 2 } })).rejects.toThrow(/integers in column 'town', got 0.5/);
  });

  it('are written as safetensors and into variables', async () => {
    const path = join(folder, 'one.safetensors');
    await tw.writeSafetensors(path, new Map([['x', { dtype: 'f32', shape: [4], data: floats }]]));
    expect((await tw.readSafetensors(path)).tensors.get('x')!.data).toEqual(new Float32Array([1, 2, 3, 4]));
    using variable = new tw.Variable({ name: 'v', shape: [4] });
    await variable.write(floats);
    expect([...(await variable.read())]).toEqual([1, 2, 3, 4]);
  });

  it('of a kind that nothing reads are refused by name', async () => {
    const odd = other<never>('BigUint64Array.of(1n)');
    await expect(tw.createDataset({ x: odd }, { label: integers })).rejects.toThrow(/BigUint64Array/);
    expect(() => tw.array(odd)).toThrow(/got BigUint64Array/);
    expect(typedArrayName(other('new DataView(new ArrayBuffer(8))'))).toBeUndefined();
    expect(typedArrayName(Buffer.alloc(1))).toBe('Uint8Array');
  });
});

describe('adopt', () => {
  it('makes answers of another realm answers of this one, and leaves others as they are', () => {
    const answer = other(
      '({ bytes: 1, list: [{ x: Float64Array.of(1, 2).subarray(1) }], text: Uint8Array.of(7), none: undefined, on: true })',
    );
    const expected = { bytes: 1, list: [{ x: Float64Array.of(2) }], text: Uint8Array.of(7), none: undefined, on: true };
    expect(adopt(answer)).toStrictEqual(expected);
    expect(adopt(expected)).toBe(expected);
  });
});

describe('promises and functions of another realm', () => {
  it('get the same cures', async () => {
    const promise = other<never>('Promise.resolve(1)');
    expect(() => tw.sum(promise)).toThrow(/got Promise; await it first/);
    await expect(tw.trainTrees(promise)).rejects.toThrow(/got a promise; await it/);
    expect(() => tw.compile(other('(async () => {})'))).toThrow(/a function that returns tensors at once, got AsyncFunction/);
  });
});

describe('signals of another realm', () => {
  /** As jsdom has them: an AbortSignal that is not Node's, and in old versions without a reason. */
  const signalOf = (reason?: Error): AbortSignal =>
    other<(reason: unknown) => AbortSignal>('(reason) => ({ aborted: true, reason, addEventListener() {}, removeEventListener() {} })')(
      reason,
    );

  it('stop a job with their reason, or with one of ours', async () => {
    using dataset = await tw.createDataset({ x: floats }, { label: integers });
    const options = { objective: 'binary', trees: 1 } as const;
    await expect(tw.createDataset({ x: floats }, { label: integers, signal: signalOf(new Error('enough')) })).rejects.toThrow('enough');
    using forest = await tw.trainTrees(dataset, options);
    await expect(forest.predict({ x: floats }, { signal: signalOf() })).rejects.toMatchObject({ code: 'ERR_TENSORWOOD_ABORTED' });
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(isAbortSignal({})).toBe(false);
  });
});
