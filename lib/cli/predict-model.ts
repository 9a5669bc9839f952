// tensorwood predict with an image classifier: IDX images in, class and confidence of each out.

import { percent } from '../dashboard/html';
import { readIdx } from '../data/images';
import { type Column, createTable } from '../data/table';
import { fail } from '../errors';
import type { Model } from '../models/model';
import { counted } from '../schema';
import type { Answers } from '../train/metrics';
import { type Input, textFlag } from './command';
import { asExamples, openImages } from './image-sets';
import { classify } from './look';
import { openWord } from './model-file';
import { writeTable } from './output';

function parseNote<T>(notes: Readonly<Record<string, string>>, name: string): T | undefined {
  const text = notes[name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `predict: expected JSON in the model's note '${name}'`, error);
  }
}

async function readLabels(word: string, count: number, input: Input): Promise<Int32Array> {
  const source = await openWord('predict', word, input);
  const { shape, data } = await readIdx(source, { signal: input.signal });
  if (shape.length !== 1 || shape[0] !== count)
    fail('ERR_TENSORWOOD_DATA', `predict: expected ${count} labels in '${source.name}', got shape (${shape.join(', ')})`);
  return Int32Array.from(data);
}

/** Runs `tensorwood predict` for a model of images; with --labels it tells the accuracy on standard error. */
export async function runPredictModel(
  { model, notes }: { model: Model; notes: Readonly<Record<string, string>> },
  input: Input,
): Promise<void> {
  const count = model.classes ?? 0;
  const classes = parseNote<string[]>(notes, 'classes') ?? Array.from({ length: count }, (_, c) => String(c));
  const x = await openImages(input, parseNote(notes, 'normalisation'));
  const answers = await classify(model, asExamples(model, x), input.signal);
  const labelsPath = textFlag(input.flags, 'labels');
  const labels = labelsPath === undefined ? undefined : await readLabels(labelsPath, answers.predicted.length, input);
  await writeTable(createTable(columnsOf(answers, classes, labels)), input);
  if (labels === undefined) return;
  const right = labels.filter((label, i) => label === answers.predicted[i]).length;
  process.stderr.write(`accuracy ${percent(right / labels.length, 2)} on ${counted(labels.length, 'image')}\n`);
}

function columnsOf({ predicted, confidence }: Answers, classes: readonly string[], labels: Int32Array | undefined): Column[] {
  const category = (name: string, codes: Int32Array): Column => ({ kind: 'category', name, codes, categories: classes });
  return [
    ...(labels === undefined ? [] : [category('label', Int32Array.from(labels))]),
    category('prediction', predicted),
    { kind: 'number', name: 'confidence', values: confidence },
  ];
}
