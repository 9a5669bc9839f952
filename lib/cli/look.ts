// A look at what a trained image classifier does with held-out images: its errors, a typical image of each class, and where it looks.
import type { Sample } from '../dashboard/training-report';
import type { Examples } from '../data/examples';
import { array, compile } from '../executor';
import type { Model } from '../models/model';
import { attentionWeightsBelow } from '../ops/attention';
import { mean } from '../ops/reduce';
import { type Evaluation, predict } from '../train/evaluate';
import { type Answers, accuracyOf, answersOf, countBatch, createTally, softmaxRows } from '../train/metrics';

const shownErrors = 20;
const attended = { typical: 6, errors: 2 }; // images whose attention is shown

/** Class and confidence for every example. */
export async function classify(model: Model, data: Examples, signal?: AbortSignal): Promise<Answers> {
  const classes = model.classes ?? 0;
  return answersOf(softmaxRows(await predict(model, data, { signal }), classes), classes);
}

/** Accuracy and confusion of a classifier. */
export async function testOn(model: Model, data: Examples, signal?: AbortSignal): Promise<Pick<Evaluation, 'metrics' | 'confusion'>> {
  const tally = createTally(model.classes ?? 0);
  const labels = data.read(everyRow(data), { seed: 0, stream: 0 }).label!;
  countBatch(tally, { loss: 0, logits: await predict(model, data, { signal }), labels });
  return { metrics: { accuracy: accuracyOf(tally) }, confusion: tally.confusion };
}

const everyRow = ({ size }: Examples): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

/** Samples for the report. @param size sides of the images */
export async function lookAt(
  model: Model,
  heldOut: Examples,
  size: { readonly height: number; readonly width: number },
  signal?: AbortSignal,
): Promise<Sample[]> {
  const all = everyRow(heldOut);
  const { x, label } = heldOut.read(all, { seed: 0, stream: 0 }) as { x: Float32Array; label: Int32Array };
  const { predicted, confidence } = await classify(model, heldOut, signal);
  const wrong = [...all].filter((i) => predicted[i] !== label[i]).sort((a, b) => confidence[b]! - confidence[a]!);
  const typical = Array.from({ length: model.classes ?? 0 }, (_, c) => all.find((i) => label[i] === c && predicted[i] === c)).filter(
    (i) => i !== undefined,
  );
  const looked = [...typical.slice(0, attended.typical), ...wrong.slice(0, attended.errors)];
  const maps = await attentionMaps(
    model,
    looked.map((i) => pixelsOf(x, i, heldOut)),
    signal,
  );
  return [...typical, ...wrong.slice(0, shownErrors)].map((i) => {
    const attention = maps[looked.indexOf(i)];
    return {
      pixels: pixelsOf(x, i, heldOut),
      ...size,
      actual: label[i]!,
      predicted: predicted[i]!,
      confidence: confidence[i]!,
      ...(attention === undefined ? {} : { attention }),
    };
  });
}

function pixelsOf(x: Float32Array, row: number, { size }: Examples): Float32Array {
  const elements = x.length / size;
  return x.subarray(row * elements, (row + 1) * elements);
}

/** For each image, the attention that each patch receives in each block, as the mean over heads and queries. */
async function attentionMaps(model: Model, images: readonly Float32Array[], signal?: AbortSignal): Promise<Sample['attention'][]> {
  if (images.length === 0) return [];
  const batch = new Float32Array(images.length * images[0]!.length);
  images.forEach((pixels, i) => {
    batch.set(pixels, i * pixels.length);
  });
  using step = compile((x) => ({
    blocks: attentionWeightsBelow(model.forward(x, { training: false })).map((weights) => mean(weights, { axes: [1, 2] })),
  }));
  const { blocks } = await step.run([array(batch, [images.length, ...model.fields.x!.shape])], { signal });
  return images.map((_, i) => squareMaps((blocks as Float32Array[]).map((block) => block.subarray(...rowOf(block, i, images.length)))));
}

const rowOf = (all: Float32Array, row: number, rows: number): [number, number] => [
  (row * all.length) / rows,
  ((row + 1) * all.length) / rows,
];

/** Maps of a square of patches, without a class token before them; nothing when the tokens are no such square. */
function squareMaps(blocks: readonly Float32Array[]): Sample['attention'] {
  const tokens = blocks[0]?.length ?? 0;
  const skipped = [0, 1].find((n) => tokens > n && Number.isInteger(Math.sqrt(tokens - n)));
  if (skipped === undefined) return undefined;
  const side = Math.sqrt(tokens - skipped);
  return { rows: side, columns: side, maps: blocks.map((block) => block.subarray(skipped)) };
}
