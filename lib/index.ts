// The public face: everything of the package by name. Re-exports only.
/// <reference lib="esnext.disposable" preserve="true" />
export { gradient, stopGradient } from './compile/gradient';
export { type ShiftOptions, shiftImages } from './data/augment';
export { calendarParts, expandCalendar } from './data/calendar';
export { type CsvOptions, type CsvTable, readCsv } from './data/csv';
export { type Examples, examples, splitExamples, subset } from './data/examples';
export { readDigits, readIdx, readIdxImages } from './data/images';
export { type ParquetOptions, readParquet } from './data/parquet';
export { type Column, columnOf, createTable, numbersOf, type Table, takeRows, withoutColumns } from './data/table';
export { readTable } from './data/table-file';
export type { DataArray, DType } from './dtype';
export { codes, type ErrorCode, TensorwoodError } from './errors';
export {
  type Arrays,
  array,
  compile,
  defaultExecutor,
  Executor,
  type ExecutorOptions,
  evaluate,
  type KernelTime,
  memoryUsage,
  type RunOptions,
  type ShapedArray,
  type Step,
  type StepInput,
  type StepOptions,
  type StepPlan,
  type Tensors,
} from './executor';
export { inspectSafetensors, readSafetensors, type StoredTensor, writeSafetensors } from './formats/safetensors';
export { definition as embeddingClassifier } from './models/embedding-classifier';
export { definition as gruClassifier } from './models/gru-classifier';
export { definition as mlp } from './models/mlp';
export { type Batch, classifier, createModel, type Loss, type Model, type ModelDefinition, type Network } from './models/model';
export { findModel, modelNames } from './models/registry';
export { definition as resnet } from './models/resnet';
export { definition as vit } from './models/vit';
export * from './nn';
export * from './ops';
export { createOptimizer, type Optimizer, type OptimizerOptions, type OptimizerStep } from './optim/optimizer';
export { type ScheduleOptions, scheduleFactor } from './optim/schedule';
export type { Shape } from './shape';
export { Tensor } from './tensor';
export { type Evaluation, predict } from './train/evaluate';
export { eventWriter, type Listener, readEvents, type TrainEvent } from './train/events';
export { type TrainOptions, type TrainResult, train } from './train/loop';
export { loadModel, loadWeights, saveModel } from './train/model-file';
export { progressWriter } from './train/progress';
export { type Recipe, recipes } from './train/recipes';
export * from './trees';
