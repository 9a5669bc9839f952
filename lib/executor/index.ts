// Where things run: an executor owns the device and its memory, a step is a function compiled for it.
export { array, type ShapedArray, type StepInput } from './arrays';
export { defaultExecutor, Executor, type ExecutorOptions, memoryUsage, type StepPlan } from './executor';
export type { KernelTime } from './programs';
export { compile, evaluate, type RunOptions, type Step, type StepOptions } from './step';
