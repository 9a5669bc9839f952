// tensorwood predict: what a trained model says of new rows or images.
import { fail } from '../../errors';
import { loadModel } from '../../train/model-file';
import { loadForest } from '../../trees/forest';
import { type Command, textFlag } from '../command';
import { imageFlags } from '../image-sets';
import { kindOf, modelOf, openWord } from '../model-file';
import { outputFlag, refuseOutput } from '../output';
import { runPredictModel } from '../predict-model';
import { predictTreeSections, runPredictTrees } from '../predict-trees';

const { labels } = imageFlags;

export const command: Command = {
  summary: 'what a trained model says of new rows or images',
  usage: 'predict MODEL --data FILE [flags]',
  description:
    'MODEL is the folder of a run, or a model file; - is standard input. Trees take a table, image classifiers an IDX file. The answers are CSV: a number, the probability of label 1, or, where classes have names, the likeliest class and its probability.',
  words: [1, 1],
  examples: [
    'tensorwood predict runs/trees --data new.csv --output predictions.csv',
    'tensorwood predict runs/trees/model.json --data new.csv --keep id | head',
    'gunzip -c new.csv.gz | tensorwood predict runs/trees --data - > predictions.csv',
    'tensorwood predict runs/vit --data images.idx --labels labels.idx',
  ],
  sections: () => [
    {
      title: 'Answers',
      flags: {
        ...outputFlag,
        keep: { value: 'A,B', list: true, doc: 'columns of the table to repeat beside the predictions' },
        labels: { ...labels!, doc: 'classes of the images, as an IDX file, to compare with' },
      },
    },
    ...predictTreeSections,
  ],
  async run(input) {
    const { flags, signal } = input;
    const { word, run, about } = await modelOf('predict', input.words[0]!);
    const inputs = {
      '--data': textFlag(flags, 'data'),
      '--labels': textFlag(flags, 'labels'),
      'the model': word,
      'that of the run': about,
    };
    refuseOutput(input, inputs);
    const file = await openWord('predict', word, input);
    const kind = await kindOf('predict', file);
    if (kind === 'safetensors') {
      const { model, notes } = await loadModel(file, { signal });
      using held = model;
      await runPredictModel({ model: held, notes }, input);
    } else if (kind === 'forest') {
      using forest = await loadForest(file, { signal });
      await runPredictTrees(forest, run, input);
    } else fail('ERR_TENSORWOOD_FORMAT', `predict: expected a model, got '${file.name}', which is ${kind}`);
  },
};
