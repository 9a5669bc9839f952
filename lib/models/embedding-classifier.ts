// Bags of tokens: the mean of their vectors is classified, tokens of the padding index left out. Joulin et al., arXiv:1607.01759.
import { createEmbedding } from '../nn/embedding';
import { createLinear } from '../nn/linear';
import type { Layer } from '../nn/module';
import { within } from '../nn/module';
import { cast, div, maximum, mul, notEqual } from '../ops/elementwise';
import { reshape } from '../ops/layout';
import { sum } from '../ops/reduce';
import { integer, many } from '../schema';
import type { ModelDefinition } from './model';
import { classifier, classLabel } from './model';
import { labelSmoothing } from './rows';

const schema = {
  vocabulary: integer(10_000, [1, many], 'number of tokens'),
  length: integer(64, [1, many], 'tokens of an example, filled up with the padding token'),
  dimension: integer(64, [1, many], 'width of a token'),
  classes: integer(2, [1, many], 'number of classes'),
  padding: integer(0, [0, many], 'the token that stands for nothing'),
  labelSmoothing,
};

/** `x`: tokens i32 (T). */
export const definition: ModelDefinition<typeof schema> = {
  name: 'embedding-classifier',
  doc: 'mean of token vectors, classified',
  schema,
  tiny: { vocabulary: 50, length: 12, dimension: 16 },
  fields: (config) => ({ x: { shape: [config.length], dtype: 'i32', below: config.vocabulary }, label: classLabel(config.classes) }),
  build(scope, config) {
    const embed = createEmbedding(within(scope, 'embedding'), { count: config.vocabulary, dimension: config.dimension, deviation: 0.1 });
    const head = createLinear(within(scope, 'fc'), { inputs: config.dimension, outputs: config.classes });
    const forward: Layer = (x) => {
      const [B, T] = x.shape as [number, number];
      const present = reshape(cast(notEqual(x, config.padding), 'f32'), [B, T, 1]);
      const total = sum(mul(embed(x), present), { axes: [1] }); // (B, D)
      return head(div(total, maximum(sum(present, { axes: [1] }), 1)));
    };
    return classifier(forward, config);
  },
};
