// The public face: everything of the package by name. Re-exports only.
/// <reference lib="esnext.disposable" preserve="true" />
export type { CompileSettings } from './compile/compile';
export { gradient, stopGradient } from './compile/gradient';
export type { Precision } from './compile/precision';
export type { Arrays, Tensors } from './compile/structure';
export { type ShiftOptions, shiftImages } from './data/augment';
export { type CalendarPart, calendarParts, expandCalendar } from './data/calendar';
export { type CsvOptions, type CsvTable, type KnownColumns, readCsv, usualMissing } from './data/csv';
export { type Examples, examples, type Field as ExampleField, splitExamples, subset } from './data/examples';
export { type IdxArray, type IdxData, type LabelledImages, type Normalisation, readDigits, readIdx, readIdxImages } from './data/images';
export type { Note, ReadTable } from './data/notes';
export { type ParquetOptions, readParquet } from './data/parquet';
export {
  type CategoryColumn,
  type Column,
  columnOf,
  createTable,
  type NumberArray,
  type NumberColumn,
  numbersOf,
  type Table,
  takeRows,
  withoutColumns,
} from './data/table';
export { readTable, type TableOptions } from './data/table-file';
export type { DataArray, DType } from './dtype';
export { codes, type ErrorCode, TensorwoodError } from './errors';
export * from './executor';
export type { Stream as SourceStream, WebStream } from './files/gather';
export type { FileUrl, Path } from './files/path';
export type { BlobSource, OpenedSource, ReadInto, ReadOptions, Source } from './files/source';
export type { NodeTarget, Target, WebTarget } from './files/target';
export {
  type Entry as SafetensorsEntry,
  type Header as SafetensorsHeader,
  inspectSafetensors,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from './formats/safetensors';
export type { StoredData, StoredDType } from './formats/safetensors-types';
export * from './models';
export {
  type Batch,
  classifier,
  createModel,
  type FieldSignature,
  type Loss,
  type Model,
  type ModelDefinition,
  type Network,
  regressor,
} from './models/model';
export { findModel, modelNames } from './models/registry';
export type { MemoryUsage } from './native';
export * from './nn';
export * from './ops';
export { createOptimizer, type Optimizer, type OptimizerOptions, type OptimizerStep } from './optim/optimizer';
export { type ScheduleOptions, scheduleFactor } from './optim/schedule';
export type { Field as SchemaField, Options, Schema, Values } from './schema';
export * as schema from './schema';
export type { Shape } from './shape';
export { type Node as TensorNode, type Operation, type Signature, Tensor } from './tensor';
export { type Evaluation, type PredictOptions as ModelPredictOptions, predict } from './train/evaluate';
export {
  type CheckpointEvent,
  type EndEvent,
  type EvaluationEvent,
  eventWriter,
  type Listener,
  type ResumeEvent,
  readEvents,
  type StartEvent,
  type StepEvent,
  type TrainEvent,
} from './train/events';
export { type TrainOptions, type TrainResult, train } from './train/loop';
export { type LoadOptions, loadModel, loadWeights, saveModel } from './train/model-file';
export { type ProgressOptions, progressWriter } from './train/progress';
export type { Output as ProgressOutput } from './train/progress-line';
export { type Recipe, recipes } from './train/recipes';
export * from './trees';
