// Images as sequences of patches: a convolution whose stride is its window, which is one matrix product. Dosovitskiy et al., arXiv:2010.11929, section 3.1.
import { fail } from '../errors';
import { patchify } from '../ops/conv';
import { reshape } from '../ops/layout';
import { linear } from '../ops/matmul';
import { sameShape, showShape } from '../shape';
import type { Tensor } from '../tensor';
import { xavierUniform, zeros } from './init';
import type { Scope } from './module';
import { parameter, within } from './module';

export interface PatchOptions {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly channels: number;
  readonly dimension: number;
}

/** Patches along one side of an image. Throws ERR_TENSORWOOD_ARGUMENT when they do not fill it. */
export function patchesPerSide({ imageSize, patchSize }: { imageSize: number; patchSize: number }): number {
  if (imageSize % patchSize !== 0)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `patches: expected an image size that is a multiple of the patch size ${patchSize}, got ${imageSize}; choose another { patchSize }`,
    );
  return imageSize / patchSize;
}

/** Images (B, C, S, S) -> (B, N, D). Names and shapes as timm: proj.weight (D, C, P, P), proj.bias (D). */
export function createPatchEmbedding(scope: Scope, { imageSize, patchSize, channels, dimension }: PatchOptions): (x: Tensor) => Tensor {
  patchesPerSide({ imageSize, patchSize });
  const place = within(scope, 'proj');
  const weight = parameter(place, 'weight', [dimension, channels, patchSize, patchSize], (shape, stream) =>
    xavierUniform([shape[0]!, channels * patchSize * patchSize], stream),
  );
  const bias = parameter(place, 'bias', [dimension], zeros);
  return (x) => {
    const expected = [x.shape[0] ?? 0, channels, imageSize, imageSize];
    if (!sameShape(x.shape, expected))
      fail('ERR_TENSORWOOD_SHAPE', `patches: expected images (B, ${channels}, ${imageSize}, ${imageSize}), got ${showShape(x.shape)}`);
    return linear(patchify(x, patchSize), reshape(weight, [dimension, channels * patchSize * patchSize]), bias);
  };
}
