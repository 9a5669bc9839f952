// The models there are: a line each. Bundlers and test runners see them here, where a walk through the folder would find nothing.
export { definition as embeddingClassifier } from './embedding-classifier';
export { definition as gruClassifier } from './gru-classifier';
export { definition as mlp } from './mlp';
export { definition as resnet } from './resnet';
export { definition as vit } from './vit';
