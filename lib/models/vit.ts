// The vision transformer: Dosovitskiy et al., "An Image is Worth 16x16 Words", arXiv:2010.11929. Variables are named as in timm, and timm's weights fit.

import { createBlock } from '../nn/block';
import { normal, truncatedNormal, zeros } from '../nn/init';
import { createLinear } from '../nn/linear';
import { dropIn } from '../nn/mlp';
import type { Layer, Scope } from '../nn/module';
import { parameter, within } from '../nn/module';
import { createLayerNorm } from '../nn/norm';
import { createPatchEmbedding, patchesPerSide } from '../nn/patch';
import { add } from '../ops/elementwise';
import { concat, expand, reshape, slice } from '../ops/layout';
import { mean } from '../ops/reduce';
import type { Values } from '../schema';
import { boolean, choice, integer, many, number } from '../schema';
import type { Tensor } from '../tensor';
import type { ModelDefinition } from './model';
import { classifier, classLabel } from './model';
import { labelSmoothing } from './rows';

const schema = {
  variant: choice(['Ti', 'S', 'B', 'L', 'H'], 'Ti', 'size by name; dimension, depth, heads and mlpRatio override it'),
  imageSize: integer(224, [1, many], 'side of the square images in pixels'),
  patchSize: integer(16, [1, many], 'side of a patch in pixels'),
  channels: integer(3, [1, many], 'channels of the images'),
  classes: integer(1000, [1, many], 'number of classes'),
  dimension: integer(0, [0, many], 'width of a token; 0 = as the variant'),
  depth: integer(0, [0, many], 'number of blocks; 0 = as the variant'),
  heads: integer(0, [0, many], 'attention heads; 0 = as the variant'),
  mlpRatio: number(4, [Number.MIN_VALUE, many], 'width of the hidden layer of a block, as a multiple of the token'),
  pool: choice(['cls', 'gap'], 'cls', 'what is classified: a class token, or the mean of the patches (normalised after it)'),
  qkvBias: boolean(true, 'whether queries, keys and values have a bias'),
  dropout: number(0, [0, 0.99], 'probability of dropping an element after the position embedding and in the blocks'),
  dropPath: number(0, [0, 0.99], 'probability of leaving out a branch of the last block; it rises linearly from 0 at the first'),
  labelSmoothing,
};

type Config = Values<typeof schema>;

const variants = {
  Ti: { dimension: 192, depth: 12, heads: 3 },
  S: { dimension: 384, depth: 12, heads: 6 },
  B: { dimension: 768, depth: 12, heads: 12 },
  L: { dimension: 1024, depth: 24, heads: 16 },
  H: { dimension: 1280, depth: 32, heads: 16 },
} as const;

function sizesOf(config: Config): { dimension: number; depth: number; heads: number } {
  const named = variants[config.variant];
  return {
    dimension: config.dimension || named.dimension,
    depth: config.depth || named.depth,
    heads: config.heads || named.heads,
  };
}

/** Images (B, C, S, S) -> tokens (B, N, D) with positions, after a class token where there is one. */
function createTokens(scope: Scope, config: Config, dimension: number): Layer {
  const { channels, imageSize, patchSize } = config;
  const patches = patchesPerSide(config) ** 2;
  const classToken = config.pool === 'cls' ? parameter(scope, 'cls_token', [1, 1, dimension], zeros) : undefined;
  const position = parameter(scope, 'pos_embed', [1, patches + (classToken ? 1 : 0), dimension], normal(0.02));
  const embed = createPatchEmbedding(within(scope, 'patch_embed'), { imageSize, patchSize, channels, dimension });
  return (x, mode) => {
    const embedded = embed(x);
    const first = classToken && expand(classToken, [x.shape[0]!, 1, dimension]);
    const tokens = first ? concat([first, embedded], { axis: 1 }) : embedded;
    return dropIn(mode, add(tokens, position), config.dropout);
  };
}

function createHead(scope: Scope, config: Config, dimension: number): (tokens: Tensor) => Tensor {
  const norm = createLayerNorm(within(scope, config.pool === 'cls' ? 'norm' : 'fc_norm'), { dimension });
  const head = createLinear(within(scope, 'head'), { inputs: dimension, outputs: config.classes, initializer: truncatedNormal(0.02) });
  const token = (tokens: Tensor): Tensor => reshape(slice(tokens, { axis: 1, start: 0, stop: 1 }), [tokens.shape[0]!, dimension]);
  // Rows are normalised one by one, so only the class token's row has to be.
  return (tokens) => head(norm(config.pool === 'cls' ? token(tokens) : mean(tokens, { axes: [1] })));
}

/** `x`: images f32 (C, S, S), channels first. */
export const definition: ModelDefinition<typeof schema> = {
  name: 'vit',
  doc: 'vision transformer: images in patches, classified',
  schema,
  tiny: { imageSize: 28, patchSize: 7, channels: 1, classes: 10, dimension: 32, depth: 2, heads: 2, pool: 'gap' },
  fields: (config) => ({
    x: { shape: [config.channels, config.imageSize, config.imageSize], dtype: 'f32' },
    label: classLabel(config.classes),
  }),
  build(scope, config) {
    const { dimension, depth, heads } = sizesOf(config);
    const tokens = createTokens(scope, config, dimension);
    const blocks = Array.from({ length: depth }, (_, i) =>
      createBlock(within(within(scope, 'blocks'), i), {
        dimension,
        heads,
        hidden: Math.round(dimension * config.mlpRatio),
        qkvBias: config.qkvBias,
        dropout: config.dropout,
        dropPath: depth > 1 ? (config.dropPath * i) / (depth - 1) : 0,
      }),
    );
    const head = createHead(scope, config, dimension);
    const forward: Layer = (x, mode) => head(blocks.reduce((t, block) => block(t, mode), tokens(x, mode)));
    return classifier(forward, config);
  },
};
