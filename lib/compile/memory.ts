// Sixth pass: where every tensor lies. Lifetimes over the schedule, then the greedy offsets of Pisarchyk and Lee (Efficient Memory Management for Deep
// Neural Net Inference, arXiv:2001.03288): largest first, at the lowest gap among what lives at the same time.
import { dtypes } from '../dtype';
import { sizeOf } from '../shape';
import type { Node, Tensor } from '../tensor';
import { covers, rootOf } from './graph';
import type { Schedule } from './schedule';
import { findLastReaders, inPlacePairs } from './schedule';

export const alignment = 64; // bytes, a cache line

/** Memory of one or, in place, several tensors; alive from the call `birth` to the call `death`, both included. */
export interface Block {
  readonly bytes: number;
  readonly birth: number;
  death: number;
  offset: number;
}

export interface MemoryPlan extends Schedule {
  /** Blocks of the arena, by the tensors that own memory. States and outputs lie elsewhere. */
  readonly blocks: ReadonlyMap<Tensor, Block>;
  readonly arenaBytes: number;
}

export const bytesOf = (t: Tensor): number => sizeOf(t.shape) * dtypes[t.dtype].bytes;
const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** The block that an output of `node`, run at `position`, may take over because nothing else reads it any more. */
function findReusable(node: Node, output: Tensor, position: number, blocks: ReadonlyMap<Tensor, Block>): Block | undefined {
  for (const [o, i] of inPlacePairs(node)) {
    const operand = node.inputs[i]!;
    const block = o === output.index ? blocks.get(rootOf(operand)) : undefined;
    const alone = block?.death === position && covers(output, operand);
    if (alone && node.inputs.every((x, k) => k === i || blocks.get(rootOf(x)) !== block || covers(output, x))) return block;
  }
  return undefined;
}

function findBlocks({ graph, states }: Schedule): Map<Tensor, Block> {
  const outputs = new Set(graph.outputs);
  const last = findLastReaders(graph.nodes);
  const blocks = new Map<Tensor, Block>();
  graph.nodes.forEach((node, position) => {
    if (node.operation.view) return;
    for (const t of node.outputs) {
      if (states.has(t) || outputs.has(t)) continue;
      const death = last.get(t) ?? position;
      const reused = findReusable(node, t, position, blocks);
      if (reused) reused.death = death;
      blocks.set(t, reused ?? { bytes: align(bytesOf(t)), birth: position, death, offset: 0 });
    }
  });
  return blocks;
}

/** Gives every block an offset such that no two that live at the same time overlap; returns the bytes of all. */
export function placeBlocks(blocks: readonly Block[]): number {
  const placed: Block[] = []; // by offset
  let top = 0;
  for (const block of [...blocks].sort((a, b) => b.bytes - a.bytes || a.birth - b.birth)) {
    let offset = 0;
    for (const other of placed) {
      if (other.birth > block.death || other.death < block.birth) continue;
      if (other.offset - offset >= block.bytes) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    block.offset = offset;
    top = Math.max(top, offset + block.bytes);
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, block);
  }
  return top;
}

/** Plans the arena; with `reuse` false every block has memory of its own, which tests compare with. */
export function planMemory(scheduled: Schedule, options: { reuse?: boolean } = {}): MemoryPlan {
  const blocks = findBlocks(scheduled);
  const distinct = [...new Set(blocks.values())];
  if (options.reuse === false) for (const block of distinct) block.death = Number.POSITIVE_INFINITY;
  return { ...scheduled, blocks, arenaBytes: placeBlocks(distinct) };
}
