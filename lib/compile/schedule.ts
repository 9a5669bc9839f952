// Fifth pass: the final order. Writes of state come last, after every reader of the old value, so that an aborted step happened whole or not at all; an
// update writes straight into its variable where that is safe and is copied there at the end where not.

import type { InPlace, Node, Tensor } from '../tensor';
import { copyCall } from './fuse';
import type { Graph, Write } from './graph';
import { covers, prune, rootOf } from './graph';

/** Which outputs may lie over which inputs. */
export function inPlacePairs({ operation, inputs, outputs, attributes }: Node): InPlace {
  const { inPlace } = operation;
  return (typeof inPlace === 'function' ? inPlace(inputs, outputs, attributes) : inPlace) ?? [];
}

/** Whether a node reads states that the step writes only where it may overwrite them. */
function readsSafely(node: Node, writes: ReadonlyMap<Tensor, Tensor>): boolean {
  const allowed = new Set(inPlacePairs(node).map(([output, input]) => `${output} ${input}`));
  return node.inputs.every((x, i) => {
    const written = writes.get(rootOf(x));
    return !written || (written.node === node && allowed.has(`${written.index} ${i}`) && covers(written, x));
  });
}

/** Nodes that run after the first write: the writers and what depends on them. */
function findTail(nodes: readonly Node[], writers: ReadonlySet<Node>): Set<Node> {
  const tail = new Set(writers);
  for (const node of nodes) if (node.inputs.some((x) => tail.has(x.node))) tail.add(node);
  return tail;
}

/** Position of the last reader of each memory, views aside. */
export function findLastReaders(order: readonly Node[]): Map<Tensor, number> {
  const last = new Map<Tensor, number>();
  order.forEach((node, position) => {
    if (!node.operation.view) for (const x of node.inputs) last.set(rootOf(x), position);
  });
  return last;
}

/** The order of execution, and the variable that each direct update writes to. */
export interface Schedule {
  readonly graph: Graph;
  readonly states: ReadonlyMap<Tensor, Tensor>; // value -> state
}

export function schedule(graph: Graph): Schedule {
  const writes = new Map(graph.writes.map(({ state, value }) => [state, value]));
  const writers = new Set(graph.writes.map(({ value }) => value.node));
  const safe = new Set([...writers].filter((node) => readsSafely(node, writes)));
  const tail = findTail(graph.nodes, safe);
  const order = [...graph.nodes.filter((node) => !tail.has(node)), ...graph.nodes.filter((node) => tail.has(node))];
  const positions = new Map(order.map((node, i) => [node, i]));
  const last = findLastReaders(order);
  const finish = ({ state, value }: Write): Write => {
    const direct = safe.has(value.node) && (last.get(state) ?? -1) <= positions.get(value.node)!;
    return { state, value: direct ? value : copyCall(value).outputs[0]! };
  };
  const finished = graph.writes.map(finish);
  const nodes = [...new Set([...order, ...finished.map(({ value }) => value.node)])];
  return { graph: prune({ ...graph, nodes, writes: finished }), states: new Map(finished.map(({ state, value }) => [value, state])) };
}
