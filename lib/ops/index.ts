// Every operation, a family a line.
export * from './attention';
export * from './conv';
export * from './elementwise';
export * from './gather';
export * from './layout';
export * from './loss';
export * from './matmul';
export * from './norm';
export * from './pool';
export * from './random';
export * from './recurrent';
export * from './reduce';
export * from './softmax';
export * from './source';
export * from './state';
export * from './update';
