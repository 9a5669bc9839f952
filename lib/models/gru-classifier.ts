// Sequences of vectors through gated recurrent units; the last state of the top layer is classified. Names gru.weight_ih_l0, ... and fc.
import { createLinear } from '../nn/linear';
import type { Layer } from '../nn/module';
import { within } from '../nn/module';
import { createGru } from '../nn/recurrent';
import { reshape, slice } from '../ops/layout';
import { integer, many } from '../schema';
import type { ModelDefinition } from './model';
import { classifier, classLabel } from './model';
import { labelSmoothing } from './rows';

const schema = {
  length: integer(28, [1, many], 'steps of a sequence'),
  features: integer(28, [1, many], 'features of a step'),
  hidden: integer(128, [1, many], 'width of the state'),
  layers: integer(1, [1, many], 'recurrent layers'),
  classes: integer(10, [1, many], 'number of classes'),
  labelSmoothing,
};

/** `x`: sequences f32 (T, features). */
export const definition: ModelDefinition<typeof schema> = {
  name: 'gru-classifier',
  doc: 'gated recurrent units over sequences of vectors, classified',
  schema,
  tiny: { length: 28, features: 28, hidden: 32 },
  fields: (config) => ({ x: { shape: [config.length, config.features], dtype: 'f32' }, label: classLabel(config.classes) }),
  build(scope, config) {
    const run = createGru(within(scope, 'gru'), { inputs: config.features, hidden: config.hidden, layers: config.layers });
    const head = createLinear(within(scope, 'fc'), { inputs: config.hidden, outputs: config.classes });
    const forward: Layer = (x) => {
      const states = run(x); // (B, T, hidden)
      return head(reshape(slice(states, { axis: 1, start: -1 }), [x.shape[0]!, config.hidden]));
    };
    return classifier(forward, config);
  },
};
