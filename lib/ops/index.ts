// Every operation, a family a line.
export * from './elementwise';
export * from './layout';
export * from './matmul';
export * from './reduce';
export * from './source';
export * from './state';
