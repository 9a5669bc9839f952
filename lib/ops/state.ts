// State that outlives a step: variables, the writes to them, and the random counter. The elements lie in a buffer of the executor that first used the
// variable; lib/executor attaches it.

import type { DataArray, DType } from '../dtype';
import { convert } from '../dtype';
import { fail } from '../errors';
import { disposal } from '../realm';
import type { Shape } from '../shape';
import { sameShape, showShape, sizeOf } from '../shape';
import type { Node, Operation, Signature } from '../tensor';
import { apply, Tensor } from '../tensor';

/** Where a variable's elements lie once an executor has used it. */
export interface Storage {
  readonly owner: unknown;
  read(target: DataArray): Promise<void>;
  readSync(target: DataArray): void;
  write(source: DataArray): Promise<void>;
  writeSync(source: DataArray): void;
  dispose(): void;
}

export interface VariableOptions {
  readonly name: string;
  readonly shape: Shape;
  /** Default f32. */
  readonly dtype?: DType;
  /** Whether optimizers update it. Default true. */
  readonly trainable?: boolean;
  /** First elements, row-major; a function is called at first use, and its array must not change afterwards. Default zeros. */
  readonly initial?: DataArray | readonly number[] | (() => DataArray | readonly number[]);
}

const copied = 64 * 1024; // bytes at most, as a step copies its inputs

const variableOperation: Operation<{ readonly variable: Variable }> = {
  name: 'variable',
  source: 'variable',
  infer: (_, { variable }) => [variable],
};

function createLeaf(operation: Operation<any>): Node & { outputs: Tensor[] } {
  return { id: -1, operation, inputs: [], attributes: {}, outputs: [] };
}

/** A tensor whose elements stay between steps: a parameter, a moment, a running statistic. Steps read the value it had when they began. */
export class Variable extends Tensor {
  readonly name: string;
  readonly trainable: boolean;
  storage: Storage | undefined; // set by the executor
  private initial: VariableOptions['initial'];
  private disposed = false;

  constructor(options: VariableOptions) {
    const node = createLeaf(variableOperation);
    super(node, 0, { shape: [...options.shape], dtype: options.dtype ?? 'f32' });
    node.outputs.push(this);
    Object.assign(node.attributes, { variable: this });
    this.name = options.name;
    this.trainable = options.trainable ?? true;
    this.initial = options.initial;
    this.storage = undefined;
    // Not enumerable, so that printing a graph does not walk into typed arrays.
    Object.defineProperty(this, 'initial', { enumerable: false, writable: true });
    Object.defineProperty(this, 'storage', { enumerable: false, writable: true });
  }

  /** A copy of the elements, row-major, after all steps begun so far. Rejects with ERR_TENSORWOOD_DISPOSED. */
  async read(): Promise<DataArray> {
    this.checkUsable();
    if (!this.storage) return this.firstElements().slice();
    const target = convert(sizeOf(this.shape), this.dtype);
    await this.storage.read(target);
    return target;
  }

  /** read() that blocks until the steps begun so far have ended. */
  readSync(): DataArray {
    this.checkUsable();
    if (!this.storage) return this.firstElements().slice();
    const target = convert(sizeOf(this.shape), this.dtype);
    this.storage.readSync(target);
    return target;
  }

  /**
   * Replaces the elements, after all steps begun so far. `data` must not change before the promise settles (up to 64 KiB are copied).
   * Throws ERR_TENSORWOOD_SHAPE when the count differs.
   */
  async write(data: DataArray | readonly number[]): Promise<void> {
    const source = this.checkElements(data);
    if (this.storage) await this.storage.write(source === data && source.byteLength <= copied ? source.slice() : source);
    else this.keep(source);
  }

  /** write() that blocks until the steps begun so far have ended. */
  writeSync(data: DataArray | readonly number[]): void {
    const source = this.checkElements(data);
    if (this.storage) this.storage.writeSync(source);
    else this.keep(source);
  }

  /** Moves the elements to the storage that `create` makes of them, which nothing else changes. They stay when it throws. */
  move<S extends Storage>(create: (elements: DataArray) => S): S {
    this.checkUsable();
    const elements = this.firstElements();
    const given = elements === this.initial; // by a caller who may go on to change them
    const storage = create(given ? elements.slice() : elements);
    this.storage = storage;
    this.initial = undefined;
    return storage;
  }

  /** Frees the buffer. Steps that use the variable fail from now on. Idempotent. */
  dispose(): void {
    this.disposed = true;
    this.initial = undefined;
    this.storage?.dispose();
    this.storage = undefined;
  }

  [disposal](): void {
    this.dispose();
  }

  /** Throws ERR_TENSORWOOD_DISPOSED after dispose(). */
  checkUsable(): void {
    if (this.disposed) fail('ERR_TENSORWOOD_DISPOSED', `variable ${this.name}: expected one in use, got one that was disposed of`);
  }

  private keep(source: DataArray): void {
    const elements = source.slice();
    this.initial = () => elements;
  }

  private checkElements(data: DataArray | readonly number[]): DataArray {
    this.checkUsable();
    const expected = sizeOf(this.shape);
    if (data.length !== expected) {
      fail(
        'ERR_TENSORWOOD_SHAPE',
        `variable ${this.name}: expected ${expected} elements for shape ${showShape(this.shape)}, got ${data.length}`,
      );
    }
    return convert(data, this.dtype);
  }

  private firstElements(): DataArray {
    const elements = typeof this.initial === 'function' ? this.initial() : this.initial;
    return this.checkElements(elements ?? convert(sizeOf(this.shape), this.dtype));
  }
}

export const assignOperation: Operation<Record<string, never>> = {
  name: 'assign',
  effect: true,
  infer([variable, value]): Signature[] {
    if (value!.dtype !== variable!.dtype) {
      fail('ERR_TENSORWOOD_DTYPE', `assign: expected dtype ${variable!.dtype} of the variable, got ${value!.dtype}; use cast`);
    }
    if (!sameShape(value!.shape, variable!.shape)) {
      fail('ERR_TENSORWOOD_SHAPE', `assign: expected shape ${showShape(variable!.shape)} of the variable, got ${showShape(value!.shape)}`);
    }
    return [value!];
  },
  gradient: (_, [g]) => [undefined, g],
};

/** What the step function that is being traced has recorded so far. */
export interface Recording {
  readonly assignments: Tensor[];
  streams: number;
}

let recording: Recording | undefined;
let streams = 0;

/** Runs `trace`; collects the writes that it records and numbers its random streams from 0. */
export function record<T>(trace: () => T): { result: T; recording: Recording } {
  const outer = recording;
  const own: Recording = { assignments: [], streams: 0 };
  recording = own;
  try {
    return { result: trace(), recording: own };
  } finally {
    recording = outer;
  }
}

/**
 * Makes `value` the variable's at the end of the step; until then the step reads the old one. Inside a compiled step function the write happens in
 * every step; elsewhere it happens when the result is evaluated. Returns the new value.
 */
export function assign(variable: Variable, value: Tensor): Tensor {
  const written = apply(assignOperation, [variable, value], {})[0]!;
  recording?.assignments.push(written);
  return written;
}

const randomOperation: Operation<Record<string, never>> = {
  name: 'random_state',
  source: 'random',
  infer: () => [{ shape: [4], dtype: 'i32' }],
};
let state: Tensor | undefined;

/** The random counter of the executor that runs the graph, i32 (4): seed low, seed high, step, 0. Input 0 of every random operation. */
export function randomState(): Tensor {
  state ??= apply(randomOperation, [], {})[0]!;
  return state;
}

/** A number for the next random operation, in order of creation within a step function, so that the same model draws the same numbers in every process. */
export const nextStream = (): number => (recording ? recording.streams++ : streams++);
