// The public operations, a family a line. Tables of operations, leaves and recording stay inside.
export { type AttentionOptions, attention, attentionWeights, attentionWeightsBelow, selfAttention } from './attention';
export { type ConvOptions, conv2d, type Pair, patchify } from './conv';
export {
  abs,
  add,
  cast,
  clamp,
  cos,
  div,
  equal,
  erf,
  exp,
  full,
  gelu,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  type Operand,
  pow,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from './elementwise';
export { arange, gatherRows, oneHot, scatterRows } from './gather';
export { concat, expand, pad, permute, reshape, slice, split, squeeze, stack, sumTo, transpose, unsqueeze } from './layout';
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  meanSquaredError,
  type Reduction,
  softCrossEntropy,
  softmaxCrossEntropy,
} from './loss';
export { type Activation, type LinearOptions, linear, matmul } from './matmul';
export { addLayerNorm, type BatchNormResult, batchNorm, batchNormInference, layerNorm, type NormOptions } from './norm';
export { avgPool2d, maxPool2d, type PoolOptions } from './pool';
export { bernoulli, dropout, dropPath, randomNormal, randomUniform } from './random';
export { type GruOptions, type GruWeights, gru } from './recurrent';
export { argmax, max, mean, min, type ReduceOptions, sum, variance } from './reduce';
export { logSoftmax, softmax } from './softmax';
export { type Numbers as NestedNumbers, tensor } from './source';
export { assign, type Storage, Variable, type VariableOptions } from './state';
export { type AdamWOptions, adamw, clipFactor, ema, globalNorm, type PerTensor, type SgdOptions, sgd, type UpdateInputs } from './update';
