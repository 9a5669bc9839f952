// The public face of the trees: `tensorwood/trees`.
/// <reference lib="esnext.disposable" preserve="true" />
export { type EvaluationSet, type TrainOptions as TreeTrainOptions, type TreeProgress, trainTrees } from './booster';
export { createDataset, Dataset, type DatasetOptions, type Label } from './dataset';
export type { Dictionary, FeatureColumn, Features, Matrix, Numbers as FeatureNumbers } from './features';
export { Forest, type Importance, loadForest, type PredictOptions, parseForest } from './forest';
export { datasetSchema, type MetricName, type TreeOptions, treeSchema } from './params';
export type { Row } from './row';
