// Third pass: every node becomes one that the device can run. Compositions are expanded where there is no kernel; views become strides of the operands
// that read them, or a copy where the reader does not take such strides; results get memory of their own.
import type { DType } from '../dtype';
import { fail } from '../errors';
import type { Node, Operation, Signature, Tensor } from '../tensor';
import { apply } from '../tensor';
import type { Graph } from './graph';
import { covers, isDense, isLeaf, layoutOf, prune, rewriteGraph, withInputs } from './graph';
import { simplify } from './trace';

/** Whether the device has a kernel of this name whose first output has this dtype. */
export type HasKernel = (name: string, dtype: DType) => boolean;

/** The same elements in row-major order, in memory of their own. */
const copyOperation: Operation<Record<string, never>> = {
  name: 'copy',
  elementwise: 'copy',
  infer: ([x]): Signature[] => [x!],
  gradient: (_, [g]) => [g],
};

const copy = (x: Tensor): Tensor => apply(copyOperation, [x], {})[0]!;

function acceptsStrides(rule: Operation['strides'], input: number, x: Tensor): boolean {
  const layout = layoutOf(x);
  if (!layout) return false;
  const accepted = (typeof rule === 'function' ? rule(input) : rule) ?? 'dense';
  if (accepted === 'any' || isDense(x.shape, layout.strides)) return true;
  return accepted === 'rows' && (x.shape.length === 0 || x.shape.at(-1) === 1 || layout.strides.at(-1) === 1);
}

function hasOwnKernel({ operation, inputs, outputs, attributes }: Node, hasKernel: HasKernel): boolean {
  return operation.kernel !== undefined && hasKernel(operation.kernel(inputs, outputs, attributes).name, outputs[0]!.dtype);
}

const needsExpansion = (node: Node, hasKernel: HasKernel): boolean =>
  !node.operation.view && !node.operation.elementwise && !hasOwnKernel(node, hasKernel);

function expandNode({ operation, outputs, attributes }: Node, inputs: readonly Tensor[]): readonly Tensor[] {
  if (operation.compose) return operation.compose(inputs, attributes);
  return fail('ERR_TENSORWOOD_DEVICE', `${operation.name}: expected a kernel for ${outputs[0]!.dtype} on this device, got none`);
}

/** Expands compositions level by level. */
function expandCompositions(graph: Graph, hasKernel: HasKernel): Graph {
  const expandable = new Set(graph.nodes.filter((node) => needsExpansion(node, hasKernel)));
  if (expandable.size === 0) return graph;
  return expandCompositions(
    rewriteGraph(graph, (node, inputs) => (expandable.has(node) ? expandNode(node, inputs) : undefined)),
    hasKernel,
  );
}

function fitView(node: Node, x: Tensor): readonly Tensor[] {
  const outputs = withInputs(node, [x]).outputs;
  return layoutOf(outputs[0]!) ? outputs : withInputs(node, [copy(x)]).outputs;
}

/** The node, with copies of the inputs whose strides it does not take. */
function fitNode(node: Node, inputs: readonly Tensor[]): readonly Tensor[] {
  if (node.operation.view) return fitView(node, inputs[0]!);
  const rule = node.operation.elementwise ? 'any' : node.operation.strides;
  const fitted = inputs.map((x, i) => (acceptsStrides(rule, i, x) ? x : copy(x)));
  return withInputs(node, fitted).outputs;
}

/** The tensor that owns exactly the bytes of a result, or the result itself. */
function ownerOf(t: Tensor): Tensor {
  const { root } = layoutOf(t)!;
  return covers(root, t) ? root : t;
}

/** Gives each result memory of its own: copies those that are views or leaves, or that are results twice. */
function separateResults(graph: Graph): Graph {
  const taken = new Set<Tensor>();
  const own = (t: Tensor): Tensor => {
    const owner = ownerOf(t);
    const separate = isLeaf(owner.node) || owner.node.operation.view !== undefined || taken.has(owner) ? copy(t) : owner;
    taken.add(separate);
    return separate;
  };
  const outputs = graph.outputs.map(own);
  const writes = graph.writes.map(({ state, value }) => ({ state, value: own(value) }));
  return prune({ ...graph, nodes: [...new Set([...graph.nodes, ...[...taken].map((t) => t.node)])], outputs, writes });
}

/** Compositions expanded, strides fitted, results separate. */
export function lower(graph: Graph, hasKernel: HasKernel): Graph {
  const expanded = simplify(expandCompositions(graph, hasKernel));
  return separateResults(simplify(rewriteGraph(expanded, fitNode)));
}
