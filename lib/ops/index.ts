// Every operation, a family a line.
export * from './elementwise';
export * from './gather';
export * from './layout';
export * from './matmul';
export * from './random';
export * from './reduce';
export * from './source';
export * from './state';
export * from './update';
