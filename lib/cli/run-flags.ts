// The flags of every training: what is held out, where the run goes, and what its report is called.
import { fail } from '../errors';
import { pathOf } from '../files/path';
import { number, type Schema, text, type Values } from '../schema';

interface Defaults {
  /** What one example is called, in the plural. */
  readonly things: string;
  readonly heldOut: number;
  readonly output: string;
  /** The flags with which some examples choose what is kept, so that others must test it. */
  readonly choosers: string;
}

export const runSchema = ({ things, heldOut, output, choosers }: Defaults) =>
  ({
    heldOut: number(
      heldOut,
      [0, Number.POSITIVE_INFINITY],
      `${things}, or a share below 1, to test on and not to train on; with ${choosers} as many others choose what is kept`,
    ),
    output: text(output, 'folder where the run goes'),
    title: text('', "headline of the report; '' = what was trained"),
  }) satisfies Schema;

export type RunOptions = Values<ReturnType<typeof runSchema>>;

/** The same with the path of the folder; - would be standard output elsewhere. @throws ERR_TENSORWOOD_ARGUMENT */
export function checkRunFolder<R extends RunOptions>(run: R): R {
  if (run.output === '-')
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      'train: expected --output to be a folder, got - for standard output; write ./- for a folder of that name',
    );
  return { ...run, output: pathOf('train', run.output, 'a folder for --output') };
}
