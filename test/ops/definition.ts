// What every file of this folder exports as `definitions`: for each operation of the family one slow definition in f64 and the cases it is tried on.
// The suite (suite.test.ts) and the interpreter of graphs are generated from these.
import type { DType } from '../../lib/dtype';
import type { Shape } from '../../lib/shape';
import type { Operation, Signature } from '../../lib/tensor';

/** A tensor in double precision, row-major. Integers and bool hold their numbers. */
export interface Value {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** How test data are drawn: uniform in [low, high), whole numbers for integer types. Default [-2, 2), for bool 0 or 1. */
export interface Draw {
  readonly low: number;
  readonly high: number;
}

export interface SampleInput {
  readonly shape: Shape;
  /** Default: each of the definition's dtypes in turn. */
  readonly dtype?: DType;
  /** A range, or the elements themselves. */
  readonly values?: Draw | readonly number[];
  /** The input is expanded to this shape before the operation sees it. */
  readonly broadcast?: Shape;
}

export interface Sample<A = any> {
  /** What the case is there for: `masked tail`, `broadcast`. */
  readonly name: string;
  readonly inputs: readonly SampleInput[];
  readonly attributes: A;
  /** False where the function has a kink or a step at the sample's points, with the reason. */
  readonly gradient?: { readonly skipped: string };
}

export interface Definition<A = any> {
  readonly operation: Operation<A>;
  /** The outputs, as mathematics says they are. */
  define(inputs: readonly Value[], attributes: A, outputs: readonly Signature[]): readonly Value[];
  /** Types of the inputs that do not fix their own; each is a column of the suite. Default f32, bf16. */
  readonly dtypes?: readonly DType[];
  readonly samples: readonly Sample<A>[];
  /** Inputs that infer must refuse, with the sentence it says. */
  readonly refused?: readonly { readonly inputs: readonly Signature[]; readonly attributes: A; readonly message: RegExp }[];
  /** Largest error, relative to 1 + |expected|, for f32. Default 2e-6; bf16 adds its rounding, 2^-8. */
  readonly tolerance?: number;
}

export type Definitions = Readonly<Record<string, Definition>>;
