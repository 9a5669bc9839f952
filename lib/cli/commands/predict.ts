// tensorwood predict: what a trained model says of new rows.
import { fail } from '../../errors';
import { loadForest } from '../../trees/forest';
import type { Command } from '../command';
import { kindOf, modelPath, runOf } from '../model-file';
import { outputFlag } from '../output';
import { predictTreeSections, runPredictTrees } from '../predict-trees';

export const command: Command = {
  summary: 'what a trained model says of new rows',
  usage: 'predict MODEL --data FILE [flags]',
  description:
    'MODEL is the folder of a run, or a model file. The answers are CSV: a number, the probability of label 1, or, where classes have names, the likeliest class and its probability.',
  words: [1, 1],
  examples: [
    'tensorwood predict runs/trees --data new.csv --output predictions.csv',
    'tensorwood predict runs/trees/model.json --data new.csv --keep id | head',
  ],
  sections: () => [
    { title: 'Answers', flags: { ...outputFlag, keep: { value: 'A,B', doc: 'columns of the table to repeat beside the predictions' } } },
    ...predictTreeSections,
  ],
  async run(input) {
    const path = input.words[0]!;
    const run = await runOf(path);
    const file = modelPath(path, run);
    const kind = await kindOf('predict', file);
    if (kind !== 'forest') fail('ERR_TENSORWOOD_FORMAT', `predict: expected a model, got '${file}', which is ${kind}`);
    using forest = await loadForest(file);
    await runPredictTrees(forest, run, input);
  },
};
