// The public face of the trees: `tensorwood/trees`.
/// <reference lib="esnext.disposable" preserve="true" />
export type { CategoryColumn, Column, NumberArray, NumberColumn, Table } from '../data/table';
export type { Stream as SourceStream, WebStream } from '../files/gather';
export type { FileUrl, Path } from '../files/path';
export type { BlobSource, OpenedSource, ReadInto, Source } from '../files/source';
export type { NodeTarget, Target, WebTarget } from '../files/target';
export type { Field as SchemaField, Options, Schema, Values } from '../schema';
export { type EvaluationSet, type TrainOptions as TreeTrainOptions, type TreeProgress, trainTrees } from './booster';
export { createDataset, Dataset, type DatasetOptions } from './dataset';
export type { Dictionary, FeatureColumn, Features, Matrix, Numbers as FeatureNumbers } from './features';
export {
  type About as ForestAbout,
  Forest,
  type Importance,
  type LoadOptions as ForestLoadOptions,
  loadForest,
  type ParseOptions as ForestParseOptions,
  type PredictOptions,
  parseForest,
} from './forest';
export type { Label } from './label';
export type { Signature as FeatureSignature } from './match';
export { datasetSchema, type MetricName, type TreeOptions, type TreeValues, treeSchema } from './params';
export type { Row } from './row';
