// Residual networks for small images: He et al., arXiv:1512.03385, section 4.2: a 3 x 3 stem, stages of basic blocks, each stage half the side and twice
// the width of the one before. Names as torchvision (whose projection shortcut, 1 x 1 with batch norm, is used where shapes change).
import { createConv } from '../nn/conv';
import { uniformWithin } from '../nn/init';
import { createLinear } from '../nn/linear';
import type { Layer, Scope } from '../nn/module';
import { within } from '../nn/module';
import { createBatchNorm } from '../nn/norm';
import { add, relu } from '../ops/elementwise';
import { mean } from '../ops/reduce';
import { integer, integers, many } from '../schema';
import type { ModelDefinition } from './model';
import { classifier, classLabel } from './model';
import { labelSmoothing } from './rows';

const schema = {
  blocks: integers([1, 1, 1], [1, many], 'basic blocks of each stage: 1,1,1 is ResNet-8, 2,2,2 ResNet-14, 3,3,3 ResNet-20'),
  width: integer(16, [1, many], 'channels of the first stage'),
  imageSize: integer(32, [1, many], 'side of the square images in pixels'),
  channels: integer(3, [1, many], 'channels of the images'),
  classes: integer(10, [1, many], 'number of classes'),
  labelSmoothing,
};

/** Two 3 x 3 convolutions with batch norm, around which the input goes: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride). */
function createBasicBlock(scope: Scope, inputs: number, outputs: number, stride: number): Layer {
  const conv1 = createConv(within(scope, 'conv1'), { inputs, outputs, kernel: 3, stride });
  const norm1 = createBatchNorm(within(scope, 'bn1'), { channels: outputs });
  const conv2 = createConv(within(scope, 'conv2'), { inputs: outputs, outputs, kernel: 3 });
  const norm2 = createBatchNorm(within(scope, 'bn2'), { channels: outputs });
  const around = stride === 1 && inputs === outputs ? undefined : createProjection(within(scope, 'downsample'), inputs, outputs, stride);
  return (x, mode) => relu(add(norm2(conv2(relu(norm1(conv1(x), mode))), mode), around ? around(x, mode) : x));
}

function createProjection(scope: Scope, inputs: number, outputs: number, stride: number): Layer {
  const conv = createConv(within(scope, 0), { inputs, outputs, kernel: 1, stride });
  const norm = createBatchNorm(within(scope, 1), { channels: outputs });
  return (x, mode) => norm(conv(x), mode);
}

function createStages(scope: Scope, blocks: readonly number[], width: number): Layer[] {
  return blocks.flatMap((count, stage) => {
    const outputs = width * 2 ** stage;
    const place = within(scope, `layer${stage + 1}`);
    return Array.from({ length: count }, (_, i) => {
      const entering = i === 0 && stage > 0;
      return createBasicBlock(within(place, i), entering ? outputs / 2 : outputs, outputs, entering ? 2 : 1);
    });
  });
}

/** `x`: images f32 (C, S, S), channels first. */
export const definition: ModelDefinition<typeof schema> = {
  name: 'resnet',
  doc: 'residual convolutional network for small images, classified',
  schema,
  tiny: { blocks: [1, 1], width: 8, imageSize: 28, channels: 1 },
  fields: (config) => ({
    x: { shape: [config.channels, config.imageSize, config.imageSize], dtype: 'f32' },
    label: classLabel(config.classes),
  }),
  build(scope, config) {
    const { width, blocks, channels, classes } = config;
    const stem = createConv(within(scope, 'conv1'), { inputs: channels, outputs: width, kernel: 3 });
    const norm = createBatchNorm(within(scope, 'bn1'), { channels: width });
    const stages = createStages(scope, blocks, width);
    const inputs = width * 2 ** (blocks.length - 1);
    const head = createLinear(within(scope, 'fc'), { inputs, outputs: classes, initializer: uniformWithin(1 / Math.sqrt(inputs)) });
    const forward: Layer = (x, mode) => {
      const features = stages.reduce((h, block) => block(h, mode), relu(norm(stem(x), mode)));
      return head(mean(features, { axes: [2, 3] }));
    };
    return classifier(forward, config);
  },
};
