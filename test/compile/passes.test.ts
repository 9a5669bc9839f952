// Each pass alone on graphs of a few nodes, shown as text: what it does, and what it leaves alone.
import { describe, expect, it } from 'vitest';
import { compileGraph } from '../../lib/compile/compile';
import { fuse } from '../../lib/compile/fuse';
import { gradient, stopGradient } from '../../lib/compile/gradient';
import type { Graph } from '../../lib/compile/graph';
import { lower } from '../../lib/compile/lower';
import { fusePatterns, trimOutputs } from '../../lib/compile/patterns';
import { lowerPrecision } from '../../lib/compile/precision';
import { schedule } from '../../lib/compile/schedule';
import { showGraph, showPlan } from '../../lib/compile/show';
import { traceGraph } from '../../lib/compile/trace';
import type { DType } from '../../lib/dtype';
import { add, cast, exp, full, gelu, greater, mul, neg, relu, square, sub, tanh, where } from '../../lib/ops/elementwise';
import { expand, permute, reshape, slice, transpose } from '../../lib/ops/layout';
import { linear, matmul } from '../../lib/ops/matmul';
import { layerNorm } from '../../lib/ops/norm';
import { dropout } from '../../lib/ops/random';
import { mean, sum } from '../../lib/ops/reduce';
import { input, tensor } from '../../lib/ops/source';
import { assign, record, Variable } from '../../lib/ops/state';
import { adamw } from '../../lib/ops/update';
import type { Operation, Tensor } from '../../lib/tensor';
import { apply } from '../../lib/tensor';

const always = () => true;
const x = (position = 0, shape: number[] = [4, 4], dtype: DType = 'f32') => input(position, { shape, dtype });
const variable = (name: string, shape: number[] = [4, 4]) => new Variable({ name, shape });
const lines = (graph: Graph): string[] => showGraph(graph).split('\n');
const names = (graph: Graph): string[] => graph.nodes.map((node) => node.operation.name);
const calls = (graph: Graph): string[] => lines(graph).filter((line) => line.includes('= elementwise'));

/** What a step function records, traced. */
function trace(step: () => readonly Tensor[]): Graph {
  const { result, recording } = record(step);
  return traceGraph([], result, recording.assignments);
}
const lowered = (step: () => readonly Tensor[]): Graph => lower(trace(step), always);
const fused = (step: () => readonly Tensor[]): Graph => fuse(trimOutputs(fusePatterns(lowered(step))));

describe('trace', () => {
  it('drops what no result needs and merges what is equal', () => {
    const graph = trace(() => {
      const a = x();
      exp(a);
      return [add(square(a), 1), mul(square(a), 2), add(square(a), 1)];
    });
    expect(lines(graph)).toEqual([
      '%0 = square input0 (4, 4) f32',
      '%1 = constant {value: 1, shape: [4,4], dtype: f32} (4, 4) f32',
      '%2 = add %0, %1 (4, 4) f32',
      '%3 = constant {value: 2, shape: [4,4], dtype: f32} (4, 4) f32',
      '%4 = mul %0, %3 (4, 4) f32',
      'return %2, %4, %2',
    ]);
  });

  it('tells numbers apart that look alike', () => {
    const values = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(names(trace(() => values.map((value) => full([2], value))))).toHaveLength(5);
    expect(names(trace(() => [Number.NaN, Number.NaN].map((value) => full([2], value))))).toHaveLength(1);
  });

  it('never merges operations with an effect, and advances the random counter', () => {
    const graph = trace(() => {
      const a = x();
      return [dropout(a, 0.5), dropout(a, 0.5)];
    });
    expect(names(graph).filter((name) => name === 'dropout')).toHaveLength(2);
    expect(lines(graph).at(-1)).toMatch(/^random_state <- %/);
    expect(trace(() => [exp(x())]).writes).toEqual([]);
  });

  it('numbers random streams anew in each step function', () => {
    const streams = () => trace(() => [dropout(x(), 0.5), dropout(x(), 0.1)]).nodes.map((node) => node.attributes.stream);
    expect(streams().filter((s) => s !== undefined)).toEqual([0, 1]);
    expect(streams()).toEqual(streams());
  });

  it('removes identities and views of constants', () => {
    expect(names(trace(() => [exp(stopGradient(x()))]))).toEqual(['exp']);
    expect(lines(trace(() => [mul(x(), expand(full([1, 4], 3), [4, 4]))]))[0]).toBe(
      '%0 = constant {value: 3, shape: [4,4], dtype: f32} (4, 4) f32',
    );
  });
});

describe('precision', () => {
  const large = (position = 0) => x(position, [64, 32]);
  const narrowed = (step: () => readonly Tensor[]) => lowerPrecision(trace(step), 'bf16', always);

  it('leaves an f32 step alone', () => {
    const graph = trace(() => [exp(large())]);
    expect(lowerPrecision(graph, 'f32', always)).toBe(graph);
  });

  it('stores large activations in bf16, and casts weights once', () => {
    const w = variable('w', [32, 32]);
    const graph = narrowed(() => [sum(square(linear(linear(large(), w), w)))]);
    expect(lines(graph)).toEqual([
      '%0 = cast_bf16 input0 (64, 32) bf16',
      '%1 = cast_bf16 w (32, 32) bf16',
      '%2 = linear %0, %1 {activation: none} (64, 32) bf16',
      '%3 = cast_bf16 w (32, 32) bf16',
      '%4 = linear %2, %3 {activation: none} (64, 32) bf16',
      '%5 = square %4 (64, 32) bf16',
      '%6 = cast_f32 %5 (64, 32) f32',
      '%7 = sum %6 {axes: [0,1]} (1, 1) f32',
      '%8 = reshape %7 {shape: []} () f32',
      'return %8',
    ]);
    expect(names(lower(graph, always)).filter((name) => name === 'cast_bf16')).toHaveLength(2); // merged by the next pass
  });

  it('keeps small tensors, results, what has no bf16 kernel and what depends on variables alone', () => {
    const w = variable('w', [64, 32]);
    expect(narrowed(() => [square(exp(w))]).nodes.every((node) => node.outputs[0]!.dtype === 'f32')).toBe(true);
    expect(narrowed(() => [tanh(x())]).nodes.every((node) => node.outputs[0]!.dtype === 'f32')).toBe(true);
    expect(narrowed(() => [tanh(large())]).outputs[0]!.dtype).toBe('f32');
    const without = lowerPrecision(
      trace(() => [matmul(large(), transpose(large(1)))]),
      'bf16',
      (_, dtype) => dtype === 'f32',
    );
    expect(names(without)).toEqual(['permute', 'matmul']);
  });
});

describe('lower', () => {
  const squareSum: Operation<Record<string, never>> = {
    name: 'square_sum',
    infer: ([a]) => [{ shape: [], dtype: a!.dtype }],
    compose: ([a]) => [sum(square(a!))],
    kernel: () => ({ name: 'square_sum' }),
  };

  it('expands compositions that the device has no kernel for', () => {
    const graph = trace(() => [apply(squareSum, [x()], {})[0]!]);
    expect(names(lower(graph, always))).toEqual(['square_sum']);
    expect(names(lower(graph, (name) => name !== 'square_sum'))).toEqual(['square', 'sum']);
  });

  it('says what the device cannot do', () => {
    const bare: Operation<Record<string, never>> = { name: 'bare', infer: ([a]) => [a!], kernel: () => ({ name: 'bare' }) };
    const graph = trace(() => [apply(bare, [x()], {})[0]!]);
    expect(() => lower(graph, () => false)).toThrow('bare: expected a kernel for f32 on this device, got none');
  });

  it('copies operands whose strides the kernel does not take, and no others', () => {
    const dense = lowered(() => [linear(transpose(x(0)), transpose(x(1)))]);
    expect(names(dense)).toEqual(['permute', 'permute', 'copy', 'linear']);
    expect(names(lowered(() => [matmul(transpose(x(0)), slice(x(1), { axis: 1, step: 2, stop: 4 }))]))).toEqual([
      'permute',
      'slice',
      'matmul',
    ]);
    expect(names(lowered(() => [tanh(transpose(x()))]))).toEqual(['permute', 'tanh']);
  });

  it('copies before a view that has no strides', () => {
    expect(names(lowered(() => [exp(reshape(transpose(x()), [16]))]))).toEqual(['permute', 'copy', 'reshape', 'exp']);
    expect(names(lowered(() => [exp(reshape(permute(x(0, [2, 1, 4]), [1, 0, 2]), [8]))]))).toEqual(['permute', 'reshape', 'exp']);
  });

  it('gives results memory of their own', () => {
    const a = x();
    expect(names(lowered(() => [a, exp(a)]))).toEqual(['exp', 'copy']);
    const y = lowered(() => {
      const e = exp(a);
      return [e, e, reshape(e, [16]), transpose(e)];
    });
    expect(names(y)).toEqual(['exp', 'reshape', 'permute', 'copy', 'copy', 'copy']);
    expect(names(lowered(() => [reshape(exp(a), [16])]))).toEqual(['exp']);
  });
});

describe('fuse', () => {
  it('computes a chain in one call, constants inside', () => {
    expect(calls(fused(() => [mul(add(exp(x()), x(1)), 0.5)]))).toEqual([
      expect.stringMatching(/^%0 = elementwise input1, input0 \{exp add 0.5 mul\} \(4, 4\) f32$/),
    ]);
  });

  it('keeps what a kernel or a result reads, once', () => {
    const graph = fused(() => {
      const e = exp(x());
      return [e, neg(e), sum(e)];
    });
    expect(calls(graph).map((line) => line.match(/\{(.*)\}/)![1])).toEqual(['exp', 'neg']);
  });

  it('computes cheap nodes again in each reader, dear ones once', () => {
    const readers = (shared: Tensor) => [matmul(neg(shared), x(1)), matmul(square(shared), x(1))];
    expect(calls(fused(() => readers(add(x(), 1))))).toHaveLength(2);
    expect(calls(fused(() => readers(exp(x()))))).toHaveLength(3);
  });

  it('reads broadcast operands in place', () => {
    const graph = fused(() => [add(mul(x(), x(1, [4])), x(2, [4, 1]))]);
    expect(names(graph)).toEqual(['expand', 'expand', 'elementwise']);
  });

  it('splits at the limits of the machine', () => {
    const many = fused(() => [Array.from({ length: 20 }, (_, i) => tanh(x(i))).reduce((a, b) => add(a, b))]);
    expect(calls(many).length).toBeGreaterThan(1);
    for (const node of many.nodes) expect(node.inputs.length).toBeLessThanOrEqual(16);
    const long = fused(() => [Array.from({ length: 100 }).reduce<Tensor>((a) => tanh(a), x())]);
    for (const node of long.nodes) expect(node.attributes.integers[0]).toBeLessThanOrEqual(64);
  });

  it('converts without instructions where lanes and stores do it', () => {
    const call = (y: Tensor) => calls(fused(() => [y]))[0]!.match(/\{(.*)\}/)![1];
    expect(call(cast(exp(x(0, [4], 'bf16')), 'f32'))).toBe('exp');
    expect(call(cast(exp(x()), 'bf16'))).toBe('exp');
    expect(call(cast(greater(x(), 0), 'f32'))).toBe('0 greater cast_f32');
    expect(call(where(greater(x(), 0), x(1), 0))).toBe('0 greater where');
  });

  it('puts activations and residuals into the linear before them', () => {
    const bias = variable('bias', [4]);
    const both = fused(() => [add(gelu(linear(x(), x(1), bias)), x(2))]);
    expect(lines(both)).toEqual([
      '%0 = linear input0, input1, bias, input2 {activation: gelu, bias: true, residual: true} (4, 4) f32',
      'return %0',
    ]);
    expect(names(fused(() => [relu(matmul(x(), x(1)))]))).toEqual(['matmul', 'elementwise']);
  });

  it('keeps the input of the activation when the gradient reads it', () => {
    const w = variable('w');
    const graph = fused(() => [gradient(sum(gelu(linear(x(), w))), w)]);
    expect(names(graph)).toEqual(['linear', 'elementwise', 'linear_weight_gradient']); // the slope, times the gradient of sum
    expect(graph.nodes[0]!.outputs).toHaveLength(1);
  });

  it('leaves a residual alone that comes later or that is not the only reader', () => {
    const later = fused(() => {
      const y = linear(x(), x(1));
      return [add(y, exp(matmul(x(2), x(3))))];
    });
    expect(names(later)).toEqual(['linear', 'matmul', 'elementwise']);
    expect(names(fused(() => [add(linear(x(), x(1)), transpose(x(2)))]))).toEqual(['linear', 'permute', 'elementwise']);
    const shared = fused(() => {
      const y = linear(x(), x(1));
      return [add(y, x(2)), y];
    });
    expect(names(shared)).toEqual(['linear', 'elementwise']);
  });
});

describe('fuse, on the way back', () => {
  it('multiplies by the slope of an activation in the product before it', () => {
    const [w, v] = [variable('w'), variable('v')];
    const graph = fused(() => [gradient(sum(square(linear(gelu(linear(x(), w)), v))), w)]);
    expect(names(graph).filter((name) => !['permute', 'elementwise'].includes(name))).toEqual([
      'linear',
      'linear',
      'linear_slope',
      'linear_weight_gradient',
    ]);
  });

  it('adds what a residual sum gives back in the gradient of the norm', () => {
    const w = variable('w');
    const graph = fused(() => {
      const h = square(x());
      return [gradient(sum(square(add(h, linear(layerNorm(h), w)))), h)];
    });
    const norm = graph.nodes.find((node) => node.operation.name === 'layer_norm_gradient')!;
    expect(norm.attributes.residual).toBe(true);
    expect(graph.outputs[0]!.node).toBe(norm);
  });
});

describe('schedule', () => {
  const scheduled = (step: () => readonly Tensor[]) => schedule(fused(step));
  const wrote = ({ states }: ReturnType<typeof schedule>) =>
    [...states.keys()].map(({ node }) => node.attributes.steps ?? node.operation.name);

  it('writes in place after the last reader of the old value', () => {
    const v = variable('v');
    const plan = scheduled(() => {
      assign(v, sub(v, exp(x())));
      return [matmul(v, v)];
    });
    expect(names(plan.graph)).toEqual(['matmul', 'elementwise']);
    expect(wrote(plan)).toEqual(['exp sub']);
  });

  it('copies when the update reads the variable in another order', () => {
    const v = variable('v');
    expect(wrote(scheduled(() => [assign(v, add(v, transpose(v)))].slice(1)))).toEqual(['copy']);
    expect(wrote(scheduled(() => [assign(v, matmul(v, v))].slice(1)))).toEqual(['copy']);
  });

  it('copies when another write needs the old value later', () => {
    const [a, b] = [variable('a'), variable('b')];
    const plan = scheduled(() => {
      assign(a, b);
      assign(b, a);
      return [];
    });
    expect(names(plan.graph)).toEqual(['elementwise', 'elementwise', 'elementwise', 'elementwise']);
    const text = showGraph(plan.graph).split('\n');
    expect(text.slice(0, 4).map((line) => line.match(/elementwise (\S+)/)![1])).toEqual(['b', 'a', '%0', '%1']);
  });

  it('lets an update of many tensors write all of them in place', () => {
    const sets = ['p', 'm', 'v'].map((kind) => [variable(`${kind}0`), variable(`${kind}1`, [4])]);
    const [parameters, first, second] = sets as [Variable[], Variable[], Variable[]];
    const plan = compileGraph(
      trace(() => {
        const loss = mean(square(linear(x(), parameters[0]!, parameters[1]!)));
        const after = adamw(
          { parameters, gradients: gradient(loss, parameters), first, second, learningRate: x(1, []), step: x(2, []) },
          { betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01 },
        );
        for (const [old, now] of [
          [parameters, after.parameters],
          [first, after.first],
          [second, after.second],
        ] as const) {
          for (const [i, state] of old.entries()) assign(state, now[i]!);
        }
        return [loss];
      }),
    ).plan;
    expect(names(plan.graph).at(-1)).toBe('adamw');
    expect(showPlan(plan)).toMatch(/adamw .* in p0, .* in p1, .* in m0, .* in m1, .* in v0, .* in v1\n/);
  });

  it('runs what reads the new value after the write', () => {
    const [v, average] = [variable('v'), variable('average')];
    const plan = scheduled(() => {
      const now = assign(v, add(v, x()));
      assign(average, add(mul(average, 0.9), mul(matmul(now, now), 0.1)));
      return [sum(now)];
    });
    expect(wrote(plan)).toEqual(['add', expect.stringContaining('mul')]);
    expect(names(plan.graph)[0]).toBe('elementwise');
  });
});

describe('compileGraph', () => {
  it('shows every pass in order', () => {
    const passes: string[] = [];
    compileGraph(
      trace(() => [exp(tensor([1, 2]))]),
      { observe: (pass, show) => passes.push(`${pass}: ${show().split('\n')[0]}`) },
    );
    expect(passes).toEqual([
      'trace: %0 = exp literal(2,) (2,) f32',
      'precision: %0 = exp literal(2,) (2,) f32',
      'lower: %0 = exp literal(2,) (2,) f32',
      'fuse: %0 = elementwise literal(2,) {exp} (2,) f32',
      'schedule: %0 = elementwise literal(2,) {exp} (2,) f32',
      'memory: %0 = elementwise literal(2,) {exp} (2,) f32',
      expect.stringMatching(/^program: \d+ bytes, 0 states, inputs $/),
    ]);
  });
});
