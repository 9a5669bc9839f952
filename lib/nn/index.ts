// The public face of the layers: `tensorwood/nn`.
/// <reference lib="esnext.disposable" preserve="true" />

export type { DataArray, DType } from '../dtype';
export type { Activation, LinearOptions } from '../ops/matmul';
export type { Storage, VariableOptions } from '../ops/state';
export { Variable } from '../ops/state';
export type { Shape } from '../shape';
export type { Node as TensorNode, Operation } from '../tensor';
export { type Signature, Tensor } from '../tensor';
export { type AttentionOptions as AttentionLayerOptions, createAttention } from './attention';
export { type BlockOptions, createBlock } from './block';
export { type ConvOptions as ConvLayerOptions, createConv } from './conv';
export { createEmbedding } from './embedding';
export { type Initializer, kaimingNormal, normal, ones, truncatedNormal, uniformWithin, xavierUniform, zeros } from './init';
export { createLinear, type LinearLayer, type LinearLayerOptions } from './linear';
export { createMlp, type MlpOptions } from './mlp';
export { countParameters, createScope, type Layer, type Mode, parameter, type Scope, statistic, trainable, within } from './module';
export { type BatchNormOptions, createBatchNorm, createLayerNorm } from './norm';
export { createPatchEmbedding, type PatchOptions } from './patch';
export type { Stream } from './philox';
export { createGru, type GruOptions as GruLayerOptions } from './recurrent';
