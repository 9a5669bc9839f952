// The room where things run: an executor owns the device and its memory, a step is a function compiled for it.
export * from './arrays';
export * from './executor';
export type { KernelTime } from './programs';
export { compile, evaluate, type RunOptions, type Step, type StepOptions, stepSchema } from './step';
