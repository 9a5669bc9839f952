// The published sizes of vision transformers, and the variants of this one.
import { describe, expect, it } from 'vitest';
import { array, compile } from '../../lib/executor';
import { createModel } from '../../lib/models/model';
import { definition } from '../../lib/models/vit';

describe('vit', () => {
  // Trainable elements with a head of 1000 classes, as timm counts them. Nothing is allocated: first weights are drawn at first use.
  it.each([
    ['Ti', 16, 5_717_416],
    ['S', 16, 22_050_664],
    ['B', 16, 86_567_656],
    ['B', 32, 88_224_232],
    ['L', 16, 304_326_632],
    ['H', 14, 632_045_800],
  ] as const)('%s/%d has %d parameters', (variant, patchSize, count) => {
    expect(createModel(definition, { variant, patchSize }).parameters).toBe(count);
  });

  it('takes sizes of its own beside a name, and names its variables as timm', () => {
    const model = createModel(definition, { variant: 'S', imageSize: 8, patchSize: 4, channels: 1, classes: 3, depth: 1 });
    expect([...model.variables].map(([name, { shape }]) => `${name} ${shape.join('x')}`)).toEqual([
      'cls_token 1x1x384',
      'pos_embed 1x5x384',
      'patch_embed.proj.weight 384x1x4x4',
      'patch_embed.proj.bias 384',
      'blocks.0.norm1.weight 384',
      'blocks.0.norm1.bias 384',
      'blocks.0.attn.qkv.weight 1152x384',
      'blocks.0.attn.qkv.bias 1152',
      'blocks.0.attn.proj.weight 384x384',
      'blocks.0.attn.proj.bias 384',
      'blocks.0.norm2.weight 384',
      'blocks.0.norm2.bias 384',
      'blocks.0.mlp.fc1.weight 1536x384',
      'blocks.0.mlp.fc1.bias 1536',
      'blocks.0.mlp.fc2.weight 384x1536',
      'blocks.0.mlp.fc2.bias 384',
      'norm.weight 384',
      'norm.bias 384',
      'head.weight 3x384',
      'head.bias 3',
    ]);
  });

  it('with pool gap has no class token, and normalises after pooling', () => {
    const names = [...createModel(definition, { ...definition.tiny, pool: 'gap' }).variables.keys()];
    expect(names).not.toContain('cls_token');
    expect(names).toContain('fc_norm.weight');
    expect(names).not.toContain('norm.weight');
  });

  it('refuses sizes that do not fit, and images of another size', () => {
    expect(() => createModel(definition, { imageSize: 30 })).toThrow(/multiple of the patch size 16, got 30/);
    expect(() => createModel(definition, { dimension: 100, heads: 3 })).toThrow(/a dimension that 3 heads divide, got 100/);
    const model = createModel(definition, definition.tiny);
    const step = compile((x) => model.forward(x!, { training: false }));
    expect(() => step.plan(array(new Float32Array(3 * 784), [3, 1, 784]))).toThrow(/expected images \(B, 1, 28, 28\), got \(3, 1, 784\)/);
  });

  it('drops in training only, anew in each step', async () => {
    using model = createModel(definition, { ...definition.tiny, dropout: 0.3, dropPath: 0.3 });
    const x = array(new Float32Array(2 * 784).fill(0.5), [2, 1, 28, 28]);
    using still = compile((images) => model.forward(images!, { training: false }));
    using lively = compile((images) => model.forward(images!, { training: true }));
    expect(await still(x)).toEqual(await still(x));
    expect(await lively(x)).not.toEqual(await lively(x));
  });
});
