// The multi-layer perceptron: linear layers with a nonlinearity between them. Names layers.0, layers.1, ... and head.
import { kaimingNormal, xavierUniform } from '../nn/init';
import { createLinear } from '../nn/linear';
import { dropIn } from '../nn/mlp';
import type { Layer } from '../nn/module';
import { within } from '../nn/module';
import { choice, integer, integers, many, number } from '../schema';
import type { ModelDefinition } from './model';
import { classifier, classLabel } from './model';
import { labelSmoothing } from './rows';

const schema = {
  inputs: integer(784, [1, many], 'features of an example'),
  hidden: integers([256, 128], [1, many], 'widths of the hidden layers'),
  classes: integer(10, [1, many], 'number of classes'),
  activation: choice(['relu', 'gelu'], 'relu', 'nonlinearity of the hidden layers'),
  dropout: number(0, [0, 0.99], 'probability of dropping a hidden element in training'),
  labelSmoothing,
};

/** `x`: features f32 (inputs). */
export const definition: ModelDefinition<typeof schema> = {
  name: 'mlp',
  doc: 'multi-layer perceptron: rows of features, classified',
  schema,
  tiny: { inputs: 784, hidden: [64], classes: 10 },
  fields: (config) => ({ x: { shape: [config.inputs], dtype: 'f32' }, label: classLabel(config.classes) }),
  build(scope, config) {
    const widths = [config.inputs, ...config.hidden];
    const layers = config.hidden.map((outputs, i) =>
      createLinear(within(within(scope, 'layers'), i), { inputs: widths[i]!, outputs, initializer: kaimingNormal }),
    );
    const head = createLinear(within(scope, 'head'), { inputs: widths.at(-1)!, outputs: config.classes, initializer: xavierUniform });
    const { activation, dropout } = config;
    const forward: Layer = (x, mode) => head(layers.reduce((h, layer) => dropIn(mode, layer(h, { activation }), dropout), x));
    return classifier(forward, config);
  },
};
