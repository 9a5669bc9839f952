// What public operations refuse at their door. The list of operations is the public one, so that a new one cannot forget.
import { describe, expect, it } from 'vitest';
import { array } from '../../lib/executor';
import { classifier } from '../../lib/models/model';
import { createLinear } from '../../lib/nn/linear';
import { createScope } from '../../lib/nn/module';
import * as operations from '../../lib/ops';
import { add, argmax, concat, gelu, layerNorm, linear, maxPool2d, mul, pow, softmax, sum, tensor } from '../../lib/ops';

// What takes no tensor, or takes them in records and lists.
const others = ['Variable', 'arange', 'assign', 'bernoulli', 'full', 'gru', 'randomNormal', 'randomUniform', 'tensor'];
const takers = Object.entries(operations).filter(([name]) => !others.includes(name)) as [string, (...values: unknown[]) => unknown][];

describe('operations refuse what is no tensor', () => {
  it.each(takers)('%s', (_, operation) => {
    const wrong = [[1, 2], new Float32Array(2), array(new Float32Array(2)), undefined, null, '1', Promise.resolve(1)];
    for (const value of wrong) {
      expect(() => operation(value, value, value)).toThrow(expect.objectContaining({ code: 'ERR_TENSORWOOD_ARGUMENT' }));
    }
  });

  it('in the second place too, with the cure', () => {
    const x = tensor([1, 2]);
    const refused = (value: unknown) => () => add(x, value as number);
    expect(refused([1, 2])).toThrow('add: expected a tensor or a number, got Array; use tensor(...)');
    expect(refused(new Float32Array(2))).toThrow('add: expected a tensor or a number, got Float32Array; use tensor(...)');
    expect(refused(undefined)).toThrow('add: expected a tensor or a number, got undefined');
    expect(refused('1')).toThrow("add: expected a tensor or a number, got '1'");
    expect(refused(x.data())).toThrow('add: expected a tensor or a number, got Promise; await it first');
    expect(() => pow(x, null as unknown as number)).toThrow('pow: expected a tensor or a number, got null');
    expect(() => mul([1] as unknown as number, 2)).toThrow('mul: expected a tensor or a number, got Array; use tensor(...)');
    expect(() => linear(x, [[1]] as unknown as typeof x)).toThrow('linear: expected a tensor, got Array; use tensor(...)');
    expect(() => concat(x as unknown as [typeof x])).toThrow('concat: expected a list of tensors, got Tensor');
  });
});

describe('operations refuse options that they do not have', () => {
  const x = tensor([[1, 2]]);
  const calls: [string, () => unknown][] = [
    ["sum: unknown option 'axis', did you mean 'axes'?", () => sum(x, { axis: 1 } as object)],
    ["argmax: unknown option 'axes', did you mean 'axis'?", () => argmax(x, { axes: 1 } as object)],
    ['softmax: expected options as an object, got 1', () => softmax(x, 1 as unknown as object)],
    ["gelu: unknown option 'tanh'; it takes approximation", () => gelu(x, { tanh: true } as object)],
    ['layer_norm: expected options as an object, got Tensor', () => layerNorm(x, x as object)],
    ["layer_norm: unknown option 'eps'; it takes weight, bias, epsilon", () => layerNorm(x, { eps: 1e-6 } as object)],
    ['max_pool2d: expected options as an object, got undefined', () => maxPool2d(x, undefined as never)],
  ];
  it.each(calls)('%s', (message, call) => {
    expect(call).toThrow(message);
  });
});

it('a linear layer is a layer, and fuses what it is given', async () => {
  const layer = createLinear(createScope(), { inputs: 2, outputs: 2, initializer: () => Float32Array.of(1, 0, 0, -1) });
  const network = classifier(layer);
  expect(await network.forward(tensor([[1, 2]]), { training: true }).data()).toEqual(Float32Array.of(1, -2));
  expect(await layer(tensor([[1, 2]]), { activation: 'relu' }).data()).toEqual(Float32Array.of(1, 0));
});
