// Last pass: the plan as the bytes of native/core/program.h.
import { dtypes } from '../dtype';
import { fail } from '../errors';
import type { Literal } from '../ops/source';
import type { Shape } from '../shape';
import { sizeOf } from '../shape';
import type { Node, Tensor } from '../tensor';
import { layoutOf } from './graph';
import type { MemoryPlan } from './memory';
import { alignment, bytesOf } from './memory';

const magic = 0x31475754;
const mostAxes = 6;
const spaces = { arena: 0, state: 1, input: 2, output: 3, constant: 4 } as const;

export interface Program {
  readonly bytes: Uint8Array;
  /** The k-th state to bind: a variable's tensor, or the random counter's. */
  readonly states: readonly Tensor[];
  /** Positions of the step's inputs that the program reads, in the order in which it binds them. */
  readonly inputs: readonly number[];
}

/** Little-endian bytes in a buffer that grows. */
class Writer {
  bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  length = 0;

  /** Makes room; returns where. Call it before touching the view, which it may replace. */
  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  u8 = (n: number) => {
    const at = this.reserve(1);
    this.view.setUint8(at, n);
  };
  u16 = (n: number) => {
    const at = this.reserve(2);
    this.view.setUint16(at, n, true);
  };
  u32 = (n: number) => {
    const at = this.reserve(4);
    this.view.setUint32(at, n, true);
  };
  i64 = (n: number) => {
    const at = this.reserve(8);
    this.view.setBigInt64(at, BigInt(n), true);
  };
  f64 = (n: number) => {
    const at = this.reserve(8);
    this.view.setFloat64(at, n, true);
  };

  raw(source: Uint8Array) {
    const at = this.reserve(source.length);
    this.bytes.set(source, at);
  }
}

interface Buffer {
  readonly space: keyof typeof spaces;
  readonly bytes: number;
  readonly offset: number;
}

/** Numbers the buffers as operands meet them. */
function createBuffers({ states, blocks, graph }: MemoryPlan) {
  const buffers: Buffer[] = [];
  const numbers = new Map<unknown, number>();
  const bound = { states: [] as Tensor[], inputs: [] as number[], literals: [] as Literal[], constantBytes: 0 };
  const outputs = new Set(graph.outputs);

  const add = (key: unknown, space: Buffer['space'], bytes: number, offset = 0): number => {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, buffers.push({ space, bytes, offset }) - 1);
    if (space === 'state') bound.states.push(key as Tensor);
    if (space === 'input') bound.inputs.push((key as Tensor).node.attributes.position);
    if (space === 'constant') {
      bound.literals.push((key as Tensor).node.attributes);
      bound.constantBytes = offset + Math.ceil(bytes / alignment) * alignment;
    }
    return buffers.length - 1;
  };
  const numberOf = (root: Tensor): number => {
    const bytes = bytesOf(root);
    const state = states.get(root);
    if (state) return add(state, 'state', bytes);
    if (outputs.has(root)) return numbers.get(root)!;
    const block = blocks.get(root);
    if (block) return add(block, 'arena', block.bytes, block.offset);
    const { source } = root.node.operation;
    if (source === 'literal') return add(root, 'constant', bytes, bound.constantBytes);
    return add(root, source === 'input' ? 'input' : 'state', bytes);
  };
  for (const t of graph.outputs) add(t, 'output', bytesOf(t)); // bound in this order
  return { buffers, bound, numberOf };
}

interface Operand {
  readonly buffer: number;
  readonly offset: number; // bytes
  readonly dtype: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

function findOperand(node: Node, t: Tensor, numberOf: (root: Tensor) => number): Operand {
  if (t.shape.length > mostAxes) {
    fail('ERR_TENSORWOOD_SHAPE', `${node.operation.name}: expected at most ${mostAxes} axes, got shape (${t.shape.join(', ')})`);
  }
  const { root, offset, strides } = layoutOf(t)!;
  const { id, bytes } = dtypes[t.dtype];
  const within = sizeOf(t.shape) === 0 ? 0 : offset * bytes; // an empty slice may start past the end
  return { buffer: numberOf(root), offset: within, dtype: id, shape: t.shape, strides };
}

function writeOperand(to: Writer, { buffer, offset, dtype, shape, strides }: Operand): void {
  to.u32(buffer);
  to.i64(offset);
  to.u8(dtype);
  to.u8(shape.length);
  shape.forEach(to.i64);
  strides.forEach(to.i64);
}

function writeCall(to: Writer, node: Node, numberOf: (root: Tensor) => number): void {
  const { name, integers = [], numbers = [] } = node.operation.kernel!(node.inputs, node.outputs, node.attributes);
  to.u8(name.length);
  to.raw(Buffer.from(name, 'latin1'));
  to.u16(node.inputs.length);
  to.u16(node.outputs.length);
  for (const t of [...node.inputs, ...node.outputs]) writeOperand(to, findOperand(node, t, numberOf));
  to.u32(integers.length);
  integers.forEach(to.i64);
  to.u32(numbers.length);
  numbers.forEach(to.f64);
}

function encodeConstants(literals: readonly Literal[], bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const { data: source } of literals) {
    data.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), at);
    at += Math.ceil(source.byteLength / alignment) * alignment;
  }
  return data;
}

/** Writes the program of a plan. */
export function writeProgram(plan: MemoryPlan): Program {
  const { buffers, bound, numberOf } = createBuffers(plan);
  const calls = new Writer();
  const nodes = plan.graph.nodes.filter((node) => !node.operation.view);
  for (const node of nodes) writeCall(calls, node, numberOf);
  const to = new Writer();
  to.u32(magic);
  to.u32(buffers.length);
  to.u32(nodes.length);
  to.i64(plan.arenaBytes);
  to.i64(bound.constantBytes);
  to.raw(encodeConstants(bound.literals, bound.constantBytes));
  for (const { space, bytes, offset } of buffers) {
    to.u8(spaces[space]);
    to.i64(bytes);
    to.i64(offset);
  }
  to.raw(calls.bytes.subarray(0, calls.length));
  return { bytes: to.bytes.slice(0, to.length), states: bound.states, inputs: bound.inputs };
}
