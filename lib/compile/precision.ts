// Second pass: with precision 'bf16', large activations and their gradients are stored in half the bytes where the operations take it. What depends on
// variables alone, small tensors such as losses, updates and results stay as they are. Mixed precision after Micikevicius et al., arXiv:1710.03740; bf16
// has the range of f32 and needs no loss scale.
import type { DType } from '../dtype';
import { cast } from '../ops/elementwise';
import { sizeOf } from '../shape';
import type { Node, Signature, Tensor } from '../tensor';
import { apply, createNode } from '../tensor';
import type { Graph } from './graph';
import { rewriteGraph } from './graph';
import type { HasKernel } from './lower';

export type Precision = 'f32' | 'bf16';

const smallest = 1024; // elements that are worth narrowing

const isLarge = ({ shape, dtype }: Signature): boolean => dtype === 'f32' && shape.length > 1 && sizeOf(shape) >= smallest;

const as = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : cast(x, dtype));
const narrow = (x: Tensor): Tensor => (x.dtype === 'f32' ? as(x, 'bf16') : x);

function inferOrRefuse({ operation, attributes }: Node, inputs: readonly Signature[]): readonly Signature[] | undefined {
  try {
    return operation.infer(inputs, attributes);
  } catch {
    return undefined;
  }
}

/** Whether some large outputs are stored in bf16 now and nothing else has changed. */
const isNarrowed = (outputs: readonly Signature[], before: readonly Signature[]): boolean =>
  outputs.some(({ dtype }, i) => dtype !== before[i]!.dtype) &&
  outputs.every(({ dtype }, i) => dtype === before[i]!.dtype || (dtype === 'bf16' && isLarge(before[i]!)));

const hasNarrowKernel = (
  { operation, attributes }: Node,
  inputs: readonly Signature[],
  outputs: readonly Signature[],
  hasKernel: HasKernel,
) =>
  !operation.kernel || operation.compose !== undefined || hasKernel(operation.kernel(inputs, outputs, attributes).name, outputs[0]!.dtype);

/** What to narrow, most careful first: nothing more than is narrow already, what has the size of an activation, all that is large, everything. */
function chooseInputs(inputs: readonly Tensor[]): Tensor[][] {
  const largest = Math.max(...inputs.map(({ shape }) => sizeOf(shape)));
  const choices = [() => false, (x: Tensor) => isLarge(x) && sizeOf(x.shape) === largest, isLarge, () => true];
  return choices.map((isChosen) => inputs.map((x) => (isChosen(x) ? narrow(x) : x)));
}

/** The node on narrowed inputs, as far as the operation and its kernel take them. */
function narrowNode(node: Node, inputs: readonly Tensor[], hasKernel: HasKernel): readonly Tensor[] | undefined {
  for (const narrowed of chooseInputs(inputs)) {
    const outputs = inferOrRefuse(node, narrowed);
    if (outputs && isNarrowed(outputs, node.outputs) && hasNarrowKernel(node, narrowed, outputs, hasKernel)) {
      return createNode(node.operation, narrowed, node.attributes, outputs).outputs;
    }
  }
  return undefined;
}

/** Tensors that depend on the inputs of the step, not on variables alone. */
function findData(graph: Graph): Set<Node> {
  const data = new Set<Node>();
  const isData = ({ node }: Tensor) => node.operation.source === 'input' || data.has(node);
  for (const node of graph.nodes) if (node.inputs.some(isData)) data.add(node);
  return data;
}

/** Stores large activations in bf16. Precision 'f32' leaves the graph as it is. */
export function lowerPrecision(graph: Graph, precision: Precision, hasKernel: HasKernel): Graph {
  if (precision === 'f32') return graph;
  const data = findData(graph);
  const narrowed = rewriteGraph(graph, (node, inputs) => {
    if (node.operation.view) return apply(node.operation, inputs, node.attributes); // of whatever it looks at
    const wanted = data.has(node) && !node.operation.effect && node.outputs.some(isLarge);
    const outputs = wanted ? narrowNode(node, inputs, hasKernel) : undefined;
    if (outputs) return outputs;
    const restored = inputs.map((x, i) => as(x, node.inputs[i]!.dtype));
    return createNode(node.operation, restored, node.attributes, node.outputs).outputs;
  });
  const outputs = narrowed.outputs.map((t, i) => as(t, graph.outputs[i]!.dtype));
  const writes = narrowed.writes.map(({ state, value }) => ({ state, value: as(value, state.dtype) }));
  const added = [...outputs, ...writes.map((w) => w.value)].map((t) => t.node);
  return { ...narrowed, nodes: [...new Set([...narrowed.nodes, ...added])].filter((node) => !node.operation.source), outputs, writes };
}
