// tensorwood train: trees on a table, or a model on images.
import { fail } from '../../errors';
import { modelNames } from '../../models/registry';
import { suggestion } from '../../schema';
import type { Command } from '../command';
import { modelSections, runTrainModel } from '../train-model';
import { runTrainTrees, treeSections } from '../train-trees';

const subjects = ['trees', ...modelNames()];

export const command: Command = {
  summary: 'train trees on a table, or a model on images',
  usage: 'train trees|MODEL --data FILE [flags]',
  description: `MODEL is one of ${modelNames().join(', ')}. Trains, shows progress, and leaves a folder with the model, its history, what was held out, and a report to open in a browser. Ctrl-C stops and saves what there is.`,
  words: [1, 1],
  subjects,
  examples: [
    'tensorwood train trees --data houses.csv --label price',
    'tensorwood train trees --data flights.parquet --label delay --at-least 15 --times date',
    'tensorwood train vit --data digits --recipe digits',
  ],
  async sections(subject) {
    if (subject === undefined) return [];
    if (!subjects.includes(subject))
      fail('ERR_TENSORWOOD_ARGUMENT', `train: expected one of ${subjects.join(', ')}, got '${subject}'${suggestion(subject, subjects)}`);
    return subject === 'trees' ? treeSections : modelSections(subject);
  },
  async run(input) {
    const [subject] = input.words;
    if (subject === 'trees') await runTrainTrees(input);
    else await runTrainModel(input, subject!);
  },
};
