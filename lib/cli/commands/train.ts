// tensorwood train: trees on a table, or a model on images.
import { fail } from '../../errors';
import type { Command } from '../command';
import { runTrainTrees, treeSections } from '../train-trees';

export const command: Command = {
  summary: 'train trees on a table',
  usage: 'train trees --data FILE --label COLUMN [flags]',
  description:
    'Trains, shows progress, and leaves a folder with the model, its history, some held-out rows and a report to open in a browser. Ctrl-C stops and saves what there is.',
  words: [1, 1],
  examples: [
    'tensorwood train trees --data houses.csv --label price',
    'tensorwood train trees --data flights.parquet --label delay --at-least 15 --times date',
  ],
  sections: (subject) => (subject === 'trees' ? treeSections : []),
  async run(input) {
    const [subject] = input.words;
    if (subject !== 'trees') fail('ERR_TENSORWOOD_ARGUMENT', `train: unknown model '${subject}'; there is: trees`);
    await runTrainTrees(input);
  },
};
