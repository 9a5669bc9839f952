// The slow truth of whole graphs: evaluates tensors node by node in double precision with the definitions of test/ops. What the compiler, the planner
// and the kernels make of a graph is judged against it.
import { type DType, fromBfloat16 } from '../lib/dtype';
import type { Literal } from '../lib/ops/source';
import { assignOperation, type Variable } from '../lib/ops/state';
import { contiguousStrides, type Shape, sizeOf } from '../lib/shape';
import type { Node, Operation, Tensor } from '../lib/tensor';
import { loadFamilies } from './ops';
import type { Definition, Value } from './ops/definition';

let definitions: Map<Operation<any>, Definition> | undefined;

async function loadDefinitions(): Promise<Map<Operation<any>, Definition>> {
  definitions ??= new Map((await loadFamilies()).flatMap((family) => family.definitions.map(([, d]) => [d.operation, d] as const)));
  return definitions;
}

/** Elements of a typed array as numbers, bf16 bits decoded. */
export const decode = (data: ArrayLike<number>, dtype: DType): Float64Array =>
  Float64Array.from(data, dtype === 'bf16' ? fromBfloat16 : (n) => n);

/** Values of the inputs (by position) and of the random counter, row-major. */
export interface Bindings {
  readonly inputs?: readonly ArrayLike<number>[];
  readonly random?: ArrayLike<number>;
}

function readLeaf(node: Node, bindings: Bindings): Float64Array {
  const { attributes, outputs } = node;
  const { dtype } = outputs[0]!;
  switch (node.operation.source) {
    case 'literal':
      return decode((attributes as Literal).data, dtype);
    case 'variable':
      return decode((attributes as { variable: Variable }).variable.readSync(), dtype);
    case 'random':
      return Float64Array.from(bindings.random ?? [0, 0, 0, 0]);
    default:
      return decode(bindings.inputs![(attributes as { position: number }).position]!, dtype);
  }
}

function readView(node: Node, x: Value): Value {
  const shape: Shape = node.outputs[0]!.shape;
  const view = node.operation.view!({ shape: x.shape, strides: contiguousStrides(x.shape) }, shape, node.attributes)!;
  const data = new Float64Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < data.length; i++) {
    data[i] = x.data[index.reduce((at, n, axis) => at + n * view.strides[axis]!, view.offset)]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

/** The tensors in double precision, row-major. */
export async function interpret(tensors: readonly Tensor[], bindings: Bindings = {}): Promise<Float64Array[]> {
  const known = await loadDefinitions();
  const done = new Map<Tensor, Value>();

  const compute = (node: Node): readonly Value[] => {
    const { operation, attributes, outputs } = node;
    const inputs = node.inputs.map(read);
    if (operation.source) return [{ shape: outputs[0]!.shape, data: readLeaf(node, bindings) }];
    if (operation.view) return [readView(node, inputs[0]!)];
    if (operation === assignOperation) return [inputs[1]!];
    const definition = known.get(operation);
    if (definition) return definition.define(inputs, attributes, outputs);
    if (operation.compose) return operation.compose(node.inputs, attributes).map(read);
    throw new Error(`interpret: expected a definition of ${operation.name} in test/ops, got none`);
  };

  const read = (t: Tensor): Value => {
    if (!done.has(t)) {
      compute(t.node).forEach((value, i) => {
        done.set(t.node.outputs[i]!, value);
      });
    }
    return done.get(t)!;
  };
  return tensors.map((t) => read(t).data);
}
