// Graphs as text, a node a line: `%3 = linear %0, fc.weight (32, 128) f32`. What TENSORWOOD_DUMP prints and the snapshot tests compare.
import type { Literal } from '../ops/source';
import type { Variable } from '../ops/state';
import { showShape, sizeOf } from '../shape';
import type { Node, Signature, Tensor } from '../tensor';
import type { Graph } from './graph';
import { isLeaf } from './graph';
import type { MemoryPlan } from './memory';

const showSignature = ({ shape, dtype }: Signature): string => `${showShape(shape)} ${dtype}`;

function showLeaf({ operation, attributes, outputs }: Node): string {
  switch (operation.source) {
    case 'input':
      return `input${(attributes as { position: number }).position}`;
    case 'variable':
      return (attributes as { variable: Variable }).variable.name;
    case 'literal':
      return sizeOf(outputs[0]!.shape) === 1 ? String((attributes as Literal).data[0]) : `literal${showShape(outputs[0]!.shape)}`;
    default:
      return operation.name;
  }
}

function showAttributes(attributes: unknown): string {
  const { steps } = attributes as { steps?: string }; // of the elementwise machine, instead of their code
  if (steps !== undefined) return ` {${steps}}`;
  const entries = Object.entries(attributes ?? {}).filter(
    ([, value]) => ['number', 'string', 'object'].includes(typeof value) || value === true,
  );
  const text = entries.map(([key, value]) => `${key}: ${JSON.stringify(value).replaceAll('"', '')}`).join(', ');
  return text === '' ? '' : ` {${text.length > 100 ? `${text.slice(0, 97)}...` : text}}`;
}

/** Names of tensors in a graph: %number of the node, .index when it has several outputs. */
function nameTensors(graph: Graph): (t: Tensor) => string {
  const numbers = new Map(graph.nodes.map((node, i) => [node, i]));
  return (t) => {
    if (isLeaf(t.node)) return showLeaf(t.node);
    return `%${numbers.get(t.node) ?? '?'}${t.node.outputs.length > 1 ? `.${t.index}` : ''}`;
  };
}

/** One line a node, then the results; `note` may add to the lines of tensors. */
export function showGraph(graph: Graph, note: (t: Tensor) => string = () => ''): string {
  const name = nameTensors(graph);
  const show = (node: Node, i: number) => {
    const inputs = node.inputs.map(name).join(', ');
    const outputs = node.outputs.map((t) => showSignature(t) + note(t)).join(', ');
    return `%${i} = ${node.operation.name}${inputs && ` ${inputs}`}${showAttributes(node.attributes)} ${outputs}`;
  };
  const outputs = graph.outputs.length > 0 ? [`return ${graph.outputs.map(name).join(', ')}`] : [];
  const writes = graph.writes.map(({ state, value }) => `${name(state)} <- ${name(value)}`);
  return [...graph.nodes.map(show), ...outputs, ...writes].join('\n');
}

/** The schedule with the place of each tensor: @offset in the arena, or the variable that it overwrites. */
export function showPlan({ graph, blocks, states, arenaBytes }: MemoryPlan): string {
  const name = nameTensors(graph);
  const place = (t: Tensor): string => {
    const block = blocks.get(t);
    const state = states.get(t);
    return block ? ` @${block.offset}` : state ? ` in ${name(state)}` : '';
  };
  return `${showGraph(graph, place)}\narena ${arenaBytes} bytes`;
}
