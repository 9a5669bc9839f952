// The rows of the fusion pass: a node and a reader of it that one kernel computes. Point-wise chains are fused by lib/compile/fuse.ts.
import { matmulOperations } from '../ops/matmul';
import type { Node, Tensor } from '../tensor';
import { apply, createNode } from '../tensor';
import type { Graph } from './graph';
import { isDense, layoutOf, resultsOf, rewriteGraph } from './graph';

interface Surroundings {
  /** In order; a result that is the tensor itself counts as its own node. */
  readonly readersOf: (t: Tensor) => readonly Node[];
  /** In the schedule; -1 for a leaf. */
  readonly positionOf: (node: Node) => number;
}

interface Match {
  readonly reader: Node;
  /** Given the node's inputs as they are now: what takes the place of its outputs and of the reader's. */
  fuse(inputs: readonly Tensor[], resolve: (t: Tensor) => Tensor): { readonly own: readonly Tensor[]; readonly reader: readonly Tensor[] };
}

type Row = (node: Node, around: Surroundings) => Match | undefined;

/** Whether the node's kernel can read one more operand: dense, and there before. */
const canRead = (node: Node, x: Tensor, { positionOf }: Surroundings): boolean =>
  positionOf(x.node) < positionOf(node) && isDense(x.shape, layoutOf(x)!.strides);

const { linear, linear_slope } = matmulOperations;
const slopes: Readonly<Record<string, 'gelu' | 'gelu_tanh'>> = { gelu_derivative: 'gelu', gelu_tanh_derivative: 'gelu_tanh' };
const activations = new Set(['relu', 'gelu', 'gelu_tanh'] as const);
type Activation = typeof activations extends Set<infer A> ? A : never;

/** gelu(linear(x)): the kernel applies it while the product is in registers, and stores what it was applied to if that is read elsewhere. */
const linearThenActivation: Row = ({ attributes, outputs }, { readersOf }) => {
  if (attributes.activation !== 'none' || attributes.residual) return undefined;
  const reader = readersOf(outputs[0]!).find(({ operation }) => activations.has(operation.elementwise as Activation));
  const activation = reader?.operation.elementwise as Activation;
  return (
    reader && {
      reader,
      fuse(inputs) {
        const [after, before] = apply(linear, inputs, { ...attributes, activation });
        return { own: [before!], reader: [after!] };
      },
    }
  );
};

/** linear(x) + r, where r is there before and the product is read nowhere else. */
const linearThenAdd: Row = (node, around) => {
  const { attributes, outputs } = node;
  const [reader, ...others] = around.readersOf(outputs[0]!);
  if (attributes.residual || others.length > 0 || reader?.operation.elementwise !== 'add') return undefined;
  const other = reader.inputs.find((x) => x !== outputs[0]);
  if (!other || !canRead(node, other, around)) return undefined;
  return {
    reader,
    fuse(inputs, resolve) {
      const fused = apply(linear, [...inputs, resolve(other)], { ...attributes, residual: true });
      return { own: fused, reader: [fused[0]!] };
    },
  };
};

/** The way back through gelu(linear(...)): a plain product times the derivative at `before`. */
const linearThenSlope: Row = (node, around) => {
  const { attributes, outputs } = node;
  const [reader, ...others] = around.readersOf(outputs[0]!);
  const isPlain = !attributes.residual && !attributes.bias && attributes.activation === 'none';
  if (!isPlain || others.length > 0 || reader?.operation.elementwise !== 'mul') return undefined;
  const slope = reader.inputs.find((x) => x !== outputs[0])?.node;
  const activation = slope && slopes[slope.operation.elementwise ?? ''];
  const before = slope?.inputs[0];
  if (!activation || !before || !canRead(node, before, around)) return undefined;
  return {
    reader,
    fuse(inputs, resolve) {
      const fused = apply(linear_slope, [...inputs, resolve(before)], { activation });
      return { own: fused, reader: fused };
    },
  };
};

/** What a residual sum gives back joins what the norm after it does. */
const normGradientThenAdd: Row = (node, around) => {
  const { attributes, outputs, operation } = node;
  const [reader, ...others] = around.readersOf(outputs[0]!);
  if (attributes.residual || others.length > 0 || reader?.operation.elementwise !== 'add') return undefined;
  const other = reader.inputs.find((x) => x !== outputs[0]);
  if (!other || !canRead(node, other, around)) return undefined;
  return {
    reader,
    fuse(inputs, resolve) {
      const fused = apply(operation, [...inputs, resolve(other)], { ...attributes, residual: true });
      return { own: fused, reader: [fused[0]!] };
    },
  };
};

const rows: Readonly<Record<string, readonly Row[]>> = {
  linear: [linearThenActivation, linearThenAdd, linearThenSlope],
  layer_norm_gradient: [normGradientThenAdd],
};

function survey(graph: Graph): Surroundings {
  const positions = new Map(graph.nodes.map((node, i) => [node, i]));
  const readers = new Map<Tensor, Node[]>(graph.nodes.flatMap((node) => node.outputs.map((t) => [t, []])));
  for (const node of graph.nodes) for (const x of node.inputs) readers.get(x)?.push(node);
  for (const t of resultsOf(graph)) readers.get(t)?.push(t.node);
  return { readersOf: (t) => readers.get(t)!, positionOf: (node) => positions.get(node) ?? -1 };
}

/** Fuses pairs until no row matches. */
export function fusePatterns(graph: Graph): Graph {
  const around = survey(graph);
  const absorbed = new Map<Node, readonly Tensor[]>();
  const fused = rewriteGraph(graph, (node, inputs, resolve) => {
    const ready = absorbed.get(node);
    if (ready) return ready;
    const matches = (rows[node.operation.name] ?? []).map((row) => row(node, around));
    const match = matches.find((found) => found && !absorbed.has(found.reader));
    if (!match) return undefined;
    const { own, reader } = match.fuse(inputs, resolve);
    absorbed.set(match.reader, reader);
    return own;
  });
  return absorbed.size > 0 ? fusePatterns(fused) : graph;
}

/** Leaves out the trailing outputs that nothing reads and the kernel can do without. */
export function trimOutputs(graph: Graph): Graph {
  const { readersOf } = survey(graph);
  return rewriteGraph(graph, ({ operation, attributes, outputs }, inputs) => {
    const unread = outputs.length - 1 - outputs.findLastIndex((t) => readersOf(t).length > 0);
    const kept = Math.max(outputs.length - unread, operation.required ?? outputs.length);
    return kept < outputs.length ? createNode(operation, inputs, attributes, outputs.slice(0, kept)).outputs : undefined;
  });
}
