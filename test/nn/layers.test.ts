// Layers by themselves: names, shapes, modes, and the state of batch norm.
import { describe, expect, it } from 'vitest';
import { array, compile } from '../../lib/executor';
import { createBlock } from '../../lib/nn/block';
import { createConv } from '../../lib/nn/conv';
import { createEmbedding } from '../../lib/nn/embedding';
import { ones } from '../../lib/nn/init';
import { createLinear } from '../../lib/nn/linear';
import { countParameters, createScope, parameter, readState, statistic, trainable, within, writeState } from '../../lib/nn/module';
import { createBatchNorm, createLayerNorm } from '../../lib/nn/norm';
import { createGru } from '../../lib/nn/recurrent';
import type { Tensor } from '../../lib/tensor';

const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const evaluation = { training: false };

describe('scopes', () => {
  it('name variables by their place, and refuse a name twice', () => {
    const root = createScope();
    const place = within(within(root, 'blocks'), 3);
    expect(parameter(place, 'weight', [2], ones).name).toBe('blocks.3.weight');
    expect(() => parameter(place, 'weight', [2], ones)).toThrow(/'blocks.3.weight' is there twice/);
    expect([...root.variables.keys()]).toEqual(['blocks.3.weight']);
  });

  it('tell parameters from statistics', () => {
    const root = createScope();
    parameter(root, 'weight', [2, 3], ones);
    statistic(root, 'running_mean', [7], 0);
    expect(trainable(root.variables).map((v) => v.name)).toEqual(['weight']);
    expect(countParameters(root.variables)).toBe(6);
  });

  it('read and write state, all of it or nothing', async () => {
    const [from, to] = [createScope(1), createScope(2)];
    for (const scope of [from, to]) createLinear(scope, { inputs: 3, outputs: 2 });
    const state = await readState(from.variables);
    const before = await readState(to.variables);
    const part = new Map([...state].slice(0, 1));
    const refused = { code: 'ERR_TENSORWOOD_MODEL' };
    await expect(writeState('load', to.variables, part)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('none for bias'),
    });
    const more = new Map([...state, ['extra', state.get('bias')!]]);
    await expect(writeState('load', to.variables, more)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('got extra too'),
    });
    const wrong = new Map([...state, ['bias', { ...state.get('bias')!, shape: [1, 2] }]]);
    await expect(writeState('load', to.variables, wrong)).rejects.toMatchObject(refused);
    expect(await readState(to.variables)).toEqual(before);
    await writeState('load', to.variables, state);
    expect(await readState(to.variables)).toEqual(state);
  });
});

describe('layers', () => {
  it.each([
    ['linear', (s: ReturnType<typeof createScope>) => createLinear(s, { inputs: 4, outputs: 6 }), [2, 5, 4], [2, 5, 6]],
    ['layer norm', (s: ReturnType<typeof createScope>) => createLayerNorm(s, { dimension: 4 }), [2, 5, 4], [2, 5, 4]],
    [
      'conv',
      (s: ReturnType<typeof createScope>) => createConv(s, { inputs: 2, outputs: 3, kernel: 3, stride: 2 }),
      [1, 2, 7, 8],
      [1, 3, 4, 4],
    ],
    ['gru', (s: ReturnType<typeof createScope>) => createGru(s, { inputs: 3, hidden: 5, layers: 2 }), [2, 4, 3], [2, 4, 5]],
  ] as const)('%s: shape', (_, create, input, output) => {
    const layer = create(createScope());
    let shape: readonly number[] = [];
    using step = compile((x: Tensor) => {
      const y = layer(x);
      shape = y.shape;
      return y;
    });
    step.plan({ shape: input, dtype: 'f32' });
    expect(shape).toEqual(output);
  });

  it('an embedding gives the rows of its table', async () => {
    const scope = createScope();
    const embed = createEmbedding(scope, { count: 5, dimension: 2 });
    const table = scope.variables.get('weight')!;
    await table.write(Float32Array.from({ length: 10 }, (_, i) => i));
    using step = compile((x: Tensor) => embed(x));
    expect(await step(array(Int32Array.of(4, 0, 4), [3]))).toEqual(Float32Array.of(8, 9, 0, 1, 8, 9));
  });

  it('a block that drops everything is the identity in training, and is not otherwise', async () => {
    const block = createBlock(createScope(), { dimension: 8, heads: 2, hidden: 16, dropPath: 0.99 });
    const x = array(count(2 * 3 * 8), [2, 3, 8]);
    using training = compile((t: Tensor) => block(t, { training: true }));
    using still = compile((t: Tensor) => block(t, evaluation));
    expect(await training(x)).toEqual(x.data);
    expect(await still(x)).not.toEqual(x.data);
  });

  it('batch norm uses the batch in training and what it has seen otherwise', async () => {
    const scope = createScope();
    const norm = createBatchNorm(scope, { channels: 2, momentum: 0.5 });
    const data = Float32Array.of(1, 3, 10, 30, 5, 7, 50, 70); // (2, 2, 1, 2): channel 0 = 1 3 5 7, channel 1 = 10 30 50 70
    const x = array(data, [2, 2, 1, 2]);
    using training = compile((t: Tensor) => norm(t, { training: true }));
    using still = compile((t: Tensor) => norm(t, evaluation));
    const y = (await training(x)) as Float32Array;
    const root = Math.sqrt(5 + 1e-5);
    [-3, -1, 1, 3].forEach((v, i) => {
      expect(y[[0, 1, 4, 5][i]!]!).toBeCloseTo(v / root, 5);
    });
    const read = async (name: string) => [...((await scope.variables.get(name)!.read()) as Float32Array)];
    expect(await read('running_mean')).toEqual([2, 20]); // half way from 0 to 4 and 40
    const variances = await read('running_var');
    expect(variances[0]).toBeCloseTo(0.5 + 0.5 * (20 / 3), 5);
    expect(variances[1]).toBeCloseTo(0.5 + 0.5 * (2000 / 3), 3);
    const z = (await still(x)) as Float32Array;
    expect(z[0]).toBeCloseTo((1 - 2) / Math.sqrt(variances[0]! + 1e-5), 5);
    expect(await read('running_mean')).toEqual([2, 20]);
  });
});
