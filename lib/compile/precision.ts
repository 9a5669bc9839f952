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

const SMALLEST = 1024; // elements that are worth narrowing

const isLarge = ({ shape, dtype }: Signature): boolean => dtype === 'f32' && shape.length > 1 && sizeOf(shape) >= SMALLEST;

const as = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : cast(x, dtype));
const narrow = (x: Tensor): Tensor => (x.dtype === 'f32' ? as(x, 'bf16') : x);

function inferOrRefuse({ operation, attributes }: Node, inputs: readonly Signature[]): readonly Signature[] | undefined {
  try {
    return operation.infer(inputs, attributes);
  } catch {
    return undefined;
  }
}

/** Whether these outputs store the large ones in bf16 and leave the others alone. */
const isNarrowed = (outputs: readonly Signature[], before: readonly Signature[]): boolean =>
  outputs.every(({ dtype }, i) => dtype === (isLarge(before[i]!) ? 'bf16' : before[i]!.dtype));

const hasNarrowKernel = (
  { operation, attributes }: Node,
  inputs: readonly Signature[],
  outputs: readonly Signature[],
  hasKernel: HasKernel,
) =>
  !operation.kernel || operation.compose !== undefined || hasKernel(operation.kernel(inputs, outputs, attributes).name, outputs[0]!.dtype);

/** The node on narrowed inputs: all of them, or the large ones only, whichever the operation takes. */
function narrowNode(node: Node, inputs: readonly Tensor[], hasKernel: HasKernel): readonly Tensor[] | undefined {
  const large = inputs.map((x) => (isLarge(x) ? narrow(x) : x));
  for (const narrowed of [large, inputs.map(narrow)]) {
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
