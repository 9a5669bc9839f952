// tensorwood inspect: what is in a file: a model, the folder of a run, weights, or a table.
import type { Command } from '../command';
import { describeFile } from '../describe-file';
import { tableSections } from '../tables';

export const command: Command = {
  summary: 'what is in a file: a model, a run, weights, a table',
  usage: 'inspect FILE [flags]',
  description:
    'Tells what a file is and what it holds: the trees of a model, the tensors of a safetensors file, the columns of a table. - is standard input.',
  words: [1, 1],
  examples: ['tensorwood inspect runs/trees/model.json', 'tensorwood inspect houses.csv', 'curl … | tensorwood inspect -'],
  sections: () => tableSections.map(({ title, flags: { data: _, ...flags } }) => ({ title, flags })),
  async run(input) {
    process.stdout.write(`${await describeFile(input.words[0]!, input)}\n`);
  },
};
