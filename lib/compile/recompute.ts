// An option of the fusion pass: norms and activation functions are computed again for the backward pass from tensors that it needs anyway, in place of
// being kept. A transformer then keeps 11 in place of 16 activations a token and layer. After Chen et al., arXiv:1604.06174, one level deep.

import { elementwiseOperations } from '../ops/elementwise';
import { matmulOperations } from '../ops/matmul';
import { normOperations } from '../ops/norm';
import { sizeOf } from '../shape';
import type { Node, Operation, Tensor } from '../tensor';
import { apply } from '../tensor';
import type { Graph } from './graph';
import { isLeaf, rewriteGraph, rootOf } from './graph';
import { findLastReaders } from './schedule';

const apart = 16; // nodes between a tensor and a reader that is another pass
const smallest = 1024; // elements that are worth it

/** How to make a tensor again, and from what. */
interface Recipe {
  readonly from: readonly Tensor[];
  readonly make: (from: readonly Tensor[]) => Tensor;
}

const unary = new Set(['relu', 'gelu', 'gelu_tanh', 'silu', 'tanh', 'sigmoid', 'cast_f32', 'cast_bf16']);

function findRecipe({ node, index }: Tensor): Recipe | undefined {
  const { operation, inputs, outputs, attributes } = node;
  if (operation === (normOperations.layer_norm as Operation) && !attributes.residual && index === 0) {
    return { from: inputs, make: (from) => apply(operation, from, attributes)[0]! };
  }
  if (operation === (matmulOperations.linear as Operation) && attributes.activation !== 'none' && !attributes.residual && index === 0) {
    const activation = elementwiseOperations[attributes.activation as 'relu' | 'gelu' | 'gelu_tanh'];
    return { from: [outputs[1]!], make: (from) => apply(activation, from, {})[0]! };
  }
  return unary.has(operation.elementwise ?? '') ? { from: inputs, make: (from) => apply(operation, from, attributes)[0]! } : undefined;
}

/** The graph with far readers of cheap activations reading them computed anew. */
export function recompute(graph: Graph): Graph {
  const positions = new Map<Node, number>(graph.nodes.map((node, i) => [node, i]));
  const last = findLastReaders(graph.nodes);
  const isAlive = (x: Tensor, position: number): boolean => isLeaf(rootOf(x).node) || last.get(rootOf(x))! > position;
  const remade = new Map<Tensor, Tensor>();
  return rewriteGraph(graph, (node, inputs, resolve) => {
    const position = positions.get(node)!;
    const renewed = node.inputs.map((x, i) => {
      if (remade.has(x)) return remade.get(x)!;
      const far = position - (positions.get(x.node) ?? position) > apart && sizeOf(x.shape) >= smallest;
      const recipe = far ? findRecipe(x) : undefined;
      if (!recipe?.from.every((source) => isAlive(source, position))) return inputs[i]!;
      const made = recipe.make(recipe.from.map(resolve));
      remade.set(x, made);
      return made;
    });
    return renewed.some((x, i) => x !== inputs[i]) ? apply(node.operation, renewed, node.attributes) : undefined;
  });
}
