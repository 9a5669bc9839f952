// First pass: what a step function recorded becomes a graph. Nodes that no result needs are dropped, identities of lib/compile/gradient.ts removed, and
// equal nodes merged unless they have an effect.
import { fail } from '../errors';
import { add, elementwiseOperations } from '../ops/elementwise';
import { tensor } from '../ops/source';
import { assignOperation, randomState } from '../ops/state';
import type { Node, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import { boundaryOperation, stopOperation } from './gradient';
import type { Graph, Write } from './graph';
import { collectNodes, resultsOf, rewriteGraph, withInputs } from './graph';

const identities = new WeakMap<object, number>();
let identityCount = 0;

function identify(value: object): number {
  let id = identities.get(value);
  if (id === undefined) {
    id = identityCount++;
    identities.set(value, id);
  }
  return id;
}

/** Text that is equal only for equal attributes: plain values by content, everything else by identity. */
function keyOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Object.is(value, -0)) return '-0';
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  if (Array.isArray(value)) return `[${value.map(keyOf).join(',')}]`;
  if (Object.getPrototypeOf(value) !== Object.prototype) return `#${identify(value)}`;
  return `{${Object.entries(value)
    .map(([k, v]) => `${k}:${keyOf(v)}`)
    .join(',')}}`;
}

const nodeKey = (node: Node, inputs: readonly Tensor[]): string =>
  `${identify(node.operation)} ${inputs.map((x) => `${identify(x.node)}.${x.index}`).join(' ')} ${keyOf(node.attributes)}`;

/** A view of a constant is a constant. */
const spread = (constant: Tensor, { shape }: Signature): readonly Tensor[] =>
  apply(elementwiseOperations.constant, [], { ...constant.node.attributes, shape });

/** Merges equal nodes and removes identities. */
export function simplify(graph: Graph): Graph {
  const known = new Map<string, readonly Tensor[]>();
  return rewriteGraph(graph, (node, inputs) => {
    const { operation } = node;
    if (operation === stopOperation || operation === boundaryOperation) return inputs;
    if (operation === assignOperation) return [inputs[1]!];
    if (operation.view && inputs[0]!.node.operation === elementwiseOperations.constant) return spread(inputs[0]!, node.outputs[0]!);
    if (operation.effect) return undefined;
    const key = nodeKey(node, inputs);
    const same = known.get(key);
    if (same) return same;
    const kept = withInputs(node, inputs).outputs;
    known.set(key, kept);
    return kept;
  });
}

function findWrites(assignments: readonly Tensor[]): Write[] {
  const writes = new Map<Tensor, Tensor>();
  for (const { node } of new Set(assignments)) {
    const [state, value] = node.inputs as [Tensor, Tensor];
    if (writes.has(state)) {
      const { name } = state as unknown as { name: string };
      fail('ERR_TENSORWOOD_ARGUMENT', `assign: expected at most one write of variable ${name} in a step, got two`);
    }
    writes.set(state, value);
  }
  return [...writes].map(([state, value]) => ({ state, value }));
}

/** The step after this one draws other random numbers. */
function advanceRandom(nodes: readonly Node[]): Write[] {
  const state = randomState();
  const random = nodes.some((node) => node.inputs.includes(state));
  return random ? [{ state, value: add(state, tensor([0, 0, 1, 0], [4], { dtype: 'i32' })) }] : [];
}

/** The graph of `outputs` and of the writes recorded beside them. */
export function traceGraph(inputs: readonly Signature[], outputs: readonly Tensor[], assignments: readonly Tensor[]): Graph {
  const recorded = collectNodes([...outputs, ...assignments]);
  const evaluated = recorded.filter((node) => node.operation === assignOperation).map((node) => node.outputs[0]!);
  const writes = [...findWrites([...assignments, ...evaluated]), ...advanceRandom(recorded)];
  const graph: Graph = { nodes: [], inputs, outputs, writes };
  return simplify({ ...graph, nodes: collectNodes(resultsOf(graph)) });
}
