// The graph between passes: a schedule of nodes with what goes in and out of them, and the two ways in which every pass changes it.
import type { Shape } from '../shape';
import { contiguousStrides, sizeOf } from '../shape';
import type { Node, Signature, Tensor } from '../tensor';
import { createNode } from '../tensor';

/** At the end of the step `state` (a leaf) takes the elements of `value`. */
export interface Write {
  readonly state: Tensor;
  readonly value: Tensor;
}

export interface Graph {
  /** In order of execution; leaves are not listed. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly Signature[];
  readonly outputs: readonly Tensor[];
  readonly writes: readonly Write[];
}

export const isLeaf = (node: Node): boolean => node.operation.source !== undefined;

/** Tensors that must exist when the step ends. */
export const resultsOf = ({ outputs, writes }: Graph): Tensor[] => [...outputs, ...writes.map((w) => w.value)];

/** Nodes that `results` need and `done` lacks, leaves excluded, in order of creation. */
export function collectNodes(results: readonly Tensor[], done?: ReadonlySet<Node>): Node[] {
  const found = new Set<Node>();
  const stack = results.map((t) => t.node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (found.has(node) || done?.has(node) || isLeaf(node)) continue;
    found.add(node);
    for (const x of node.inputs) stack.push(x.node);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

/** The same application of other inputs; shapes and dtypes must be the same. */
export function withInputs(node: Node, inputs: readonly Tensor[]): Node {
  return inputs.every((x, i) => x === node.inputs[i]) ? node : createNode(node.operation, inputs, node.attributes, node.outputs);
}

/** What takes the place of a node whose inputs have been replaced already: its new outputs, or undefined to keep it. resolve() replaces any tensor. */
export type Visit = (node: Node, inputs: readonly Tensor[], resolve: (t: Tensor) => Tensor) => readonly Tensor[] | undefined;

/** Replaces nodes one by one, in order, then drops those that nothing needs. Nodes that `visit` creates run just before the first that reads them. */
export function rewriteGraph(graph: Graph, visit: Visit): Graph {
  const replaced = new Map<Tensor, Tensor>();
  const placed = new Set<Node>();
  const resolve = (t: Tensor): Tensor => replaced.get(t) ?? t;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(resolve);
    const outputs = visit(node, inputs, resolve) ?? withInputs(node, inputs).outputs;
    for (const created of collectNodes(outputs, placed)) placed.add(created);
    node.outputs.forEach((t, i) => {
      if (t !== outputs[i]) replaced.set(t, outputs[i]!);
    });
  }
  return prune({
    nodes: [...placed],
    inputs: graph.inputs,
    outputs: graph.outputs.map(resolve),
    writes: graph.writes.map(({ state, value }) => ({ state, value: resolve(value) })),
  });
}

/** The graph without nodes that no result needs. */
export function prune(graph: Graph): Graph {
  const needed = new Set(collectNodes(resultsOf(graph)));
  return { ...graph, nodes: graph.nodes.filter((node) => needed.has(node)) };
}

/** Where a tensor's elements lie: in the memory of `root`, which is no view. */
export interface Layout {
  readonly root: Tensor;
  readonly offset: number; // elements
  readonly strides: readonly number[]; // elements
}

const layouts = new WeakMap<Tensor, Layout | { readonly refused: true }>();

function findLayout(t: Tensor): Layout | { readonly refused: true } {
  const { operation, inputs, attributes } = t.node;
  if (!operation.view) return { root: t, offset: 0, strides: contiguousStrides(t.shape) };
  const source = layoutOf(inputs[0]!);
  const view = source && operation.view({ shape: inputs[0]!.shape, strides: source.strides }, t.shape, attributes);
  return view ? { root: source.root, offset: source.offset + view.offset, strides: view.strides } : { refused: true };
}

/** The layout of a tensor; undefined when its chain of views has no strides. */
export function layoutOf(t: Tensor): Layout | undefined {
  let layout = layouts.get(t);
  if (!layout) {
    layout = findLayout(t);
    layouts.set(t, layout);
  }
  return 'root' in layout ? layout : undefined;
}

/** The tensor that owns the memory of `t`. Views must have been lowered. */
export const rootOf = (t: Tensor): Tensor => (t.node.operation.view ? layoutOf(t)!.root : t);

/** Row-major without gaps, as far as axes longer than 1 can tell. */
export function isDense(shape: Shape, strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return sizeOf(shape) === 0 || shape.every((n, i) => n === 1 || strides[i] === expected[i]);
}

/** Whether an output may take the memory of this operand: all of it, in the same order. */
export function covers(output: Tensor, operand: Tensor): boolean {
  const { root, offset, strides } = layoutOf(operand)!;
  const size = sizeOf(output.shape);
  const whole = sizeOf(root.shape) === size && sizeOf(operand.shape) === size && offset === 0;
  return whole && output.dtype === operand.dtype && isDense(operand.shape, strides);
}
