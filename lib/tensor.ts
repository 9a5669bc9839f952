// The graph: a node is one application of an operation, a Tensor is one of its outputs. Nothing is computed here; lib/compile turns graphs into
// programs and lib/executor runs them. Leaves are made in lib/ops/source.ts and lib/ops/state.ts.
import { types } from 'node:util';
import type { DataArray, DType } from './dtype';
import { describe, fail } from './errors';
import type { Shape } from './shape';
import { showShape } from './shape';

export interface Signature {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Node {
  readonly id: number; // increases in order of creation, so it is a topological order
  readonly operation: Operation<any>;
  readonly inputs: readonly Tensor[];
  readonly attributes: any;
  readonly outputs: readonly Tensor[];
}

export class Tensor implements Signature {
  readonly node: Node;
  readonly index: number; // among the node's outputs
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(node: Node, index: number, signature: Signature) {
    this.node = node;
    this.index = index;
    this.shape = signature.shape;
    this.dtype = signature.dtype;
  }

  /** Compiles and runs what this tensor depends on. Resolves to a new typed array in row-major order. For several tensors at once use evaluate(). */
  async data(): Promise<DataArray> {
    return (await engine.evaluate([this]))[0]!;
  }

  /** How console.log shows it: `Tensor (2, 3) f32 linear`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${this.constructor.name} ${showShape(this.shape)} ${this.dtype} ${this.node.operation.name}`;
  }
}

/** Filled by lib/executor: a tensor knows no executor. */
export const engine: { evaluate: (tensors: readonly Tensor[]) => Promise<DataArray[]> } = {
  evaluate: () => Promise.reject(new Error('the executor is not loaded')),
};

/** The kernel call that computes a node. Inputs and outputs are the node's, in order, unless `inputs` selects or reorders them. */
export interface KernelCall {
  readonly name: string;
  readonly integers?: readonly number[];
  readonly numbers?: readonly number[];
}

/** One application, as gradient rules see it. */
export interface Application<A> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: A;
}

/** A view of input 0: same memory, other shape and strides (elements), starting `offset` elements in. Null when this input's strides do not allow it. */
export interface View {
  readonly offset: number;
  readonly strides: readonly number[];
}

export type InPlace = readonly (readonly [output: number, input: number])[];

/**
 * What an operation means. Each family file in lib/ops declares a table of these, and for each a public function that checks its arguments and calls
 * apply(). Exactly one of `source`, `elementwise`, `view`, `kernel` or `compose` says how it is computed; an operation with a kernel may also compose:
 * that composition is its definition for gradients and tests until a better one is written.
 */
export interface Operation<A = unknown> {
  readonly name: string;
  /** A leaf: its elements come from outside the graph. */
  readonly source?: 'input' | 'literal' | 'variable' | 'random';
  /** Shape rule. Throws ERR_TENSORWOOD_SHAPE or _DTYPE: `softmax: expected axis in [-2, 1] for shape (8, 32), got 3`. */
  infer(inputs: readonly Signature[], attributes: A): readonly Signature[];
  /**
   * Gradients of the inputs given those of the outputs (undefined = zero), as new graph. Absent: the gradient of compose(), or none at all
   * (integer results, updates). An entry undefined = this input has no gradient.
   */
  gradient?(application: Application<A>, gradients: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  compose?(inputs: readonly Tensor[], attributes: A): readonly Tensor[];
  /** Point-wise over broadcast inputs: the instruction of the elementwise machine (native/cpu/kernels/elementwise.h), fused by lib/compile/fuse.ts. */
  elementwise?: string;
  view?(input: { shape: Shape; strides: readonly number[] }, output: Shape, attributes: A): View | null;
  kernel?(inputs: readonly Signature[], outputs: readonly Signature[], attributes: A): KernelCall;
  /** How many of the outputs the kernel must be given; those after them are left out when nothing reads them. Default all. */
  required?: number;
  /** Which strides the kernel takes for each input: any = every stride; rows = last axis dense, others free; dense = row-major. Default dense. */
  strides?: 'any' | 'rows' | 'dense' | ((input: number) => 'any' | 'rows' | 'dense');
  /** Pairs [output, input]: the kernel may write that output over that input's memory. State updates and in-place gradients use it. */
  inPlace?: InPlace | ((inputs: readonly Signature[], outputs: readonly Signature[], attributes: A) => InPlace);
  /** Differs at each evaluation (random numbers) or writes state: never merged with an equal node. */
  effect?: boolean;
}

/** What makes a tensor of a value that is none. */
export function cureFor(value: unknown): string {
  if (types.isPromise(value)) return '; await it first';
  return typeof value === 'object' && value !== null ? '; use tensor(...)' : '';
}

/** Throws ERR_TENSORWOOD_ARGUMENT: `sum: expected a tensor, got Array; use tensor(...)`. */
export function checkTensors(name: string, ...values: readonly unknown[]): void {
  for (const value of values) {
    if (!(value instanceof Tensor)) fail('ERR_TENSORWOOD_ARGUMENT', `${name}: expected a tensor, got ${describe(value)}${cureFor(value)}`);
  }
}

let nextId = 0;

/** Records one application and returns its outputs. Throws ERR_TENSORWOOD_ARGUMENT when an input is no tensor, and what the shape rule throws. */
export function apply<A>(operation: Operation<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
  checkTensors(operation.name, ...inputs);
  const signatures = operation.infer(inputs, attributes);
  return createNode(operation, inputs, attributes, signatures).outputs;
}

/** A node with outputs that are already known: passes that copy nodes use it. */
export function createNode(
  operation: Operation<any>,
  inputs: readonly Tensor[],
  attributes: unknown,
  signatures: readonly Signature[],
): Node {
  const outputs: Tensor[] = [];
  const node: Node = { id: nextId++, operation, inputs, attributes, outputs };
  signatures.forEach((signature, i) => {
    outputs.push(new Tensor(node, i, signature));
  });
  return node;
}
