// The functions of lib/ops/elementwise.ts: numbers beside tensors, broadcasting, the sentences of their errors.
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../lib/executor';
import {
  add,
  cast,
  clamp,
  div,
  elementwiseOperations,
  full,
  gelu,
  instructions,
  maximum,
  mul,
  pow,
  sub,
  where,
} from '../../lib/ops/elementwise';
import { tensor } from '../../lib/ops/source';
import type { Tensor } from '../../lib/tensor';

const values = async (x: Tensor) => [...(await evaluate(x))[0]!];
const row = () => tensor([1, 2, 3]);
const whole = () => tensor([1, 2, 3], [3], { dtype: 'i32' });

describe('numbers beside tensors', () => {
  it('take the dtype and the shape of the tensor', async () => {
    expect(await values(sub(10, row()))).toEqual([9, 8, 7]);
    expect(add(whole(), 1).dtype).toBe('i32');
    expect(await values(mul(whole(), 2))).toEqual([2, 4, 6]);
    expect(await values(clamp(row(), 2, 2.5))).toEqual([2, 2, 2.5]);
  });
  it('must be whole beside whole numbers', () => {
    expect(() => add(whole(), 0.5)).toThrow('full: expected an integer for dtype i32, got 0.5');
  });
  it('need one tensor', () => {
    expect(() => add(1, 2)).toThrow('add: expected at least one tensor, got 1 and 2');
  });
});

describe('broadcasting', () => {
  it('follows NumPy', async () => {
    const column = tensor([[10], [20]]);
    expect(add(column, row()).shape).toEqual([2, 3]);
    expect(await values(add(column, row()))).toEqual([11, 12, 13, 21, 22, 23]);
    expect(await values(where(tensor([1, 0], [2, 1], { dtype: 'bool' }), row(), -1))).toEqual([1, 2, 3, -1, -1, -1]);
  });
  it('refuses shapes that do not fit', () => {
    expect(() => add(row(), tensor([1, 2]))).toThrow('add: expected shapes that broadcast, got (3,) and (2,)');
  });
});

it('types are not mixed silently', () => {
  expect(() => maximum(row(), whole())).toThrow('maximum: expected one dtype, got f32 and i32; use cast');
  expect(() => div(whole(), 2)).toThrow('div: expected dtype f32, bf16, got i32');
  expect(cast(row(), 'f32')).toBeInstanceOf(Object);
  expect(() => where(row(), 1, row())).toThrow('where: expected dtype bool, got f32');
});

it('pow of common exponents is a cheaper operation', () => {
  const operationOf = (exponent: number) => pow(row(), exponent).node.operation.name;
  expect([2, 0.5, -0.5, -1, 3].map(operationOf)).toEqual(['square', 'sqrt', 'rsqrt', 'reciprocal', 'pow']);
});

it('gelu has both forms, 4.7e-4 apart at most', async () => {
  const x = tensor(Float32Array.from({ length: 801 }, (_, i) => i / 100 - 4));
  const [exact, tanh] = await evaluate(gelu(x), gelu(x, { approximation: 'tanh' }));
  const gap = Math.max(...exact!.map((y, i) => Math.abs(y - tanh![i]!)));
  expect(gap).toBeGreaterThan(1e-4);
  expect(gap).toBeLessThan(5e-4);
});

it('every instruction has a code of its own and an operation', () => {
  const codes = Object.values(instructions).map(({ code }) => code);
  expect(codes).toEqual(codes.map((_, i) => i));
  expect(Object.keys(elementwiseOperations).sort()).toEqual(Object.keys(instructions).sort());
});

it('full makes an array of one value', async () => {
  expect(await values(full([2, 2], true, 'bool'))).toEqual([1, 1, 1, 1]);
});
