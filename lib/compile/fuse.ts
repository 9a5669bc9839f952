// Fourth pass: chains of point-wise nodes become one call of the elementwise machine, so that what lies between them never reaches memory.
// A node joins the group of its readers when they are all in it; a cheap one joins several groups and is computed in each.
import type { InstructionName } from '../ops/elementwise';
import { elementwiseOperations, instructions, laneType } from '../ops/elementwise';
import type { Node, Operation, Signature, Tensor } from '../tensor';
import { createNode } from '../tensor';
import type { Graph } from './graph';
import { prune, resultsOf } from './graph';

// Limits of native/cpu/kernels/elementwise.h.
const mostInputs = 16;
const mostInstructions = 64;
const mostCopies = 4; // groups that may compute the same node

/** Instructions that cost less than a trip to memory. */
const cheap = new Set<string>(
  (
    'constant copy add sub mul neg abs square relu maximum minimum clamp where equal not_equal less less_equal greater greater_equal ' +
    'logical_and logical_or logical_not cast_f32 cast_bf16 cast_i32 cast_u8 cast_bool sign'
  ).split(' '),
);

interface FusedAttributes {
  readonly steps: string; // for people
  readonly integers: readonly number[];
  readonly numbers: readonly number[];
}

/** A call of the elementwise machine. */
const fusedOperation: Operation<FusedAttributes> = {
  name: 'elementwise',
  infer: ([x]): Signature[] => [x!],
  kernel: (_, __, { integers, numbers }) => ({ name: 'elementwise', integers, numbers }),
  strides: 'any',
  inPlace: (inputs) => inputs.map((_, i) => [0, i]),
};

interface Group {
  readonly root: Node;
  readonly members: Set<Node>;
}

function inputsOf(members: ReadonlySet<Node>): Set<Tensor> {
  const inputs = new Set<Tensor>();
  for (const node of members) for (const x of node.inputs) if (!members.has(x.node)) inputs.add(x);
  return inputs;
}

function hasRoom(group: Group, node: Node): boolean {
  if (group.members.size >= mostInstructions) return false;
  return inputsOf(new Set([...group.members, node])).size <= mostInputs;
}

const isCheap = (node: Node): boolean =>
  cheap.has(node.operation.elementwise!) && node.inputs.filter((x) => x.node.operation !== elementwiseOperations.constant).length < 2;

/** Every node that stays in memory, with the nodes that are computed on the way to it. */
function formGroups(graph: Graph): Map<Node, Group> {
  const readers = new Map<Node, Node[]>();
  for (const node of graph.nodes) {
    readers.set(node, []);
    for (const x of node.inputs) readers.get(x.node)?.push(node);
  }
  const results = new Set(resultsOf(graph).map((t) => t.node));
  const homes = new Map<Node, Set<Group>>();
  const groups = new Map<Node, Group>();
  const homesOfReaders = (node: Node): Set<Group> | undefined => {
    const found = new Set<Group>();
    for (const reader of readers.get(node)!) {
      const home = homes.get(reader);
      if (!home) return undefined; // a kernel or a view
      for (const group of home) found.add(group);
    }
    return found;
  };
  for (const node of [...graph.nodes].reverse()) {
    if (!node.operation.elementwise) continue;
    const targets = results.has(node) ? undefined : homesOfReaders(node);
    const few =
      targets && (targets.size === 1 || (targets.size <= mostCopies && isCheap(node)) || node.operation.elementwise === 'constant');
    const joins = few && [...targets].every((group) => hasRoom(group, node));
    if (joins) for (const group of targets) group.members.add(node);
    else groups.set(node, { root: node, members: new Set([node]) });
    homes.set(node, joins ? targets : new Set([groups.get(node)!]));
  }
  return groups;
}

/** Conversions that the machine's lanes make by themselves. */
function isFree(name: string, x: Tensor, stored: boolean): boolean {
  if (name === 'copy') return true;
  const lanes = laneType(x.dtype);
  if (name === 'cast_bf16') return lanes === 0 && stored; // the store rounds
  return (name === 'cast_f32' && lanes === 0) || (name === 'cast_i32' && lanes === 1);
}

/** Writes the program of a group: see native/cpu/kernels/elementwise.h. */
function encode(group: Group, inputs: readonly Tensor[]): FusedAttributes {
  const values = new Map<Tensor, number>(inputs.map((x, i) => [x, i]));
  const code: number[] = [];
  const numbers: number[] = [];
  const steps: string[] = [];
  for (const node of [...group.members].sort((a, b) => a.id - b.id)) {
    const name = node.operation.elementwise!;
    const [result] = node.outputs as [Tensor];
    if (name !== 'constant' && isFree(name, node.inputs[0]!, node === group.root)) {
      values.set(result, values.get(node.inputs[0]!)!);
      continue;
    }
    const instruction = instructions[name as InstructionName];
    const typed = name === 'constant' ? result : node.inputs[instruction.typed]!;
    const operands = name === 'constant' ? [numbers.push(Number(node.attributes.value)) - 1] : node.inputs.map((x) => values.get(x)!);
    values.set(result, inputs.length + code.length / 5);
    code.push(instruction.code, laneType(typed.dtype), operands[0]!, operands[1] ?? 0, operands[2] ?? 0);
    steps.push(name === 'constant' ? String(node.attributes.value) : name);
  }
  return { steps: steps.join(' ') || 'copy', integers: [code.length / 5, ...code, values.get(group.root.outputs[0]!)!], numbers };
}

/** A copy as a call. */
export function copyCall(x: Tensor): Node {
  return createNode(fusedOperation, [x], { steps: 'copy', integers: [0, 0], numbers: [] }, [x]);
}

/** Merges point-wise nodes into calls of the elementwise machine. */
export function fuse(graph: Graph): Graph {
  const groups = formGroups(graph);
  const replaced = new Map<Tensor, Tensor>();
  const resolve = (t: Tensor): Tensor => replaced.get(t) ?? t;
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const group = groups.get(node);
    if (node.operation.elementwise && !group) continue;
    const inputs = group ? [...inputsOf(group.members)] : node.inputs;
    const attributes = group ? encode(group, inputs) : node.attributes;
    const changed = group !== undefined || inputs.some((x) => replaced.has(x));
    const made = changed ? createNode(group ? fusedOperation : node.operation, inputs.map(resolve), attributes, node.outputs) : node;
    nodes.push(made);
    if (changed) for (const [i, t] of node.outputs.entries()) replaced.set(t, made.outputs[i]!);
  }
  return prune({
    nodes,
    inputs: graph.inputs,
    outputs: graph.outputs.map(resolve),
    writes: graph.writes.map(({ state, value }) => ({ state, value: resolve(value) })),
  });
}
