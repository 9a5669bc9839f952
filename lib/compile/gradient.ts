// Reverse-mode differentiation, graph to graph: the rules are in the operation tables, so a gradient can be differentiated again where its rules can.
// Griewank and Walther, Evaluating Derivatives, 2008, chapter 3.

import { isFloating } from '../dtype';
import { fail } from '../errors';
import { add, full } from '../ops/elementwise';
import { sameShape, showShape, sizeOf } from '../shape';
import type { Node, Operation, Signature } from '../tensor';
import { apply, Tensor } from '../tensor';

type None = Record<string, never>;

const identity = (name: string, gradient: Operation<None>['gradient']): Operation<None> => ({
  name,
  infer: ([x]) => [x!],
  view: ({ strides }) => ({ offset: 0, strides }),
  gradient,
});

/** Views that only gradient() sees: lib/compile/trace.ts removes them. */
export const stopOperation = identity('stop_gradient', () => [undefined]);
export const boundaryOperation = identity('boundary', (_, [g]) => [g]);

/** x, through which no gradient flows. */
export const stopGradient = (x: Tensor): Tensor => apply(stopOperation, [x], {})[0]!;

/** Sum of two or more tensors of one shape and dtype: where gradients of several uses meet. */
export const accumulateOperation: Operation<None> = {
  name: 'accumulate',
  infer([first, ...rest]): Signature[] {
    for (const { shape, dtype } of rest) {
      if (!sameShape(shape, first!.shape) || dtype !== first!.dtype) {
        fail(
          'ERR_TENSORWOOD_SHAPE',
          `accumulate: expected ${first!.dtype} of shape ${showShape(first!.shape)}, got ${dtype} ${showShape(shape)}`,
        );
      }
    }
    return [first!];
  },
  compose: ([first, ...rest]) => [rest.reduce((total, x) => add(total, x), first!)],
  gradient: ({ inputs }, [g]) => inputs.map(() => g),
};

const accumulate = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : apply(accumulateOperation, parts, {})[0]!);

const ends = (node: Node, sources: ReadonlySet<Tensor>): boolean => node.operation === boundaryOperation && sources.has(node.outputs[0]!);

/** Nodes on a path from `sources` to `results`, in topological order. A boundary among the sources ends the search. */
function pathNodes(results: readonly Tensor[], sources: ReadonlySet<Tensor>): Node[] {
  const seen = new Set<Node>();
  const stack = results.map((t) => t.node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    if (!ends(node, sources)) for (const x of node.inputs) stack.push(x.node);
  }
  const active = new Set<Tensor>(sources);
  return [...seen]
    .sort((a, b) => a.id - b.id)
    .filter((node) => {
      const reached = !ends(node, sources) && node.inputs.some((x) => active.has(x));
      if (reached) for (const y of node.outputs) active.add(y);
      return reached;
    });
}

/** Gradients of `of` given those of `results` (undefined = zero). */
function propagate(results: readonly Tensor[], seeds: readonly (Tensor | undefined)[], of: readonly Tensor[]): (Tensor | undefined)[] {
  const parts = new Map<Tensor, Tensor[]>();
  const give = (to: Tensor, gradient: Tensor | undefined) => {
    if (!gradient) return;
    const list = parts.get(to);
    if (list) list.push(gradient);
    else parts.set(to, [gradient]);
  };
  const take = (t: Tensor): Tensor | undefined => {
    const list = parts.get(t);
    if (!list) return undefined;
    const total = accumulate(list);
    parts.set(t, [total]);
    return total;
  };
  results.forEach((t, i) => {
    give(t, seeds[i]);
  });
  const sources = new Set(of);
  for (const node of pathNodes(results, sources).reverse()) {
    const gradients = node.outputs.map(take);
    if (gradients.every((g) => g === undefined)) continue;
    const given = inputGradients(node, gradients);
    node.inputs.forEach((x, i) => {
      if (isFloating(x.dtype)) give(x, given[i]);
    });
  }
  return of.map(take);
}

function inputGradients(node: Node, gradients: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
  const { operation } = node;
  if (operation.gradient) return operation.gradient(node, gradients);
  if (!operation.compose) return node.inputs.map(() => undefined);
  const inner = node.inputs.map((x) => apply(boundaryOperation, [x], {})[0]!);
  return propagate(operation.compose(inner, node.attributes), gradients, inner);
}

/**
 * Gradients of a scalar `loss` with respect to tensors: variables, inputs, or anything between. The result is graph like any other and can be
 * differentiated again. Throws ERR_TENSORWOOD_ARGUMENT for what is no tensor, ERR_TENSORWOOD_GRADIENT when the loss is not one floating-point element or does not depend on one of `of`.
 */
export function gradient(loss: Tensor, of: Tensor): Tensor;
export function gradient(loss: Tensor, of: readonly Tensor[]): Tensor[];
export function gradient(loss: Tensor, of: Tensor | readonly Tensor[]): Tensor | Tensor[] {
  const sources = checkTensors(loss, of);
  if (sizeOf(loss.shape) !== 1 || !isFloating(loss.dtype)) {
    fail('ERR_TENSORWOOD_GRADIENT', `gradient: expected a loss of one f32 element, got ${loss.dtype} of shape ${showShape(loss.shape)}`);
  }
  const gradients = propagate([loss], [full(loss.shape, 1, loss.dtype)], sources).map((g, i) => g ?? missing(sources[i]!, i));
  return 'length' in of ? gradients : gradients[0]!;
}

/** What to differentiate by, as a list. */
function checkTensors(loss: unknown, of: unknown): readonly Tensor[] {
  const refuse = (wanted: string, got: unknown): never => fail('ERR_TENSORWOOD_ARGUMENT', `gradient: expected ${wanted}, got ${got}`);
  if (!(loss instanceof Tensor)) return refuse('the loss to be a tensor', loss);
  const sources: readonly unknown[] = Array.isArray(of) ? of : [of];
  for (const source of sources)
    if (!(source instanceof Tensor)) refuse('tensors to differentiate by, such as gradient(loss, [weight])', source);
  return sources as readonly Tensor[];
}

function missing(source: Tensor, position: number): never {
  const name = (source as { name?: string }).name ?? `tensor ${position}`;
  return fail(
    'ERR_TENSORWOOD_GRADIENT',
    `gradient: expected a loss that depends on ${name} through differentiable operations, got one that does not`,
  );
}
