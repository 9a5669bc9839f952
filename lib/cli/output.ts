// Where the answers of a command go: a file, written whole or not at all, or standard output.
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { csvText } from '../data/csv-text';
import type { Table } from '../data/table';
import { fail } from '../errors';
import { writeAtomically } from '../files/atomic';
import { type Input, textFlag } from './command';

export const outputFlag = { output: { value: 'FILE', doc: 'CSV file for the predictions; default: standard output' } } as const;

/** @throws ERR_TENSORWOOD_ARGUMENT when the answers would take the place of the data that they are about */
export function refuseOverwriting({ flags }: Input): void {
  const [data, output] = [textFlag(flags, 'data'), textFlag(flags, 'output')].map((path) =>
    path === undefined ? undefined : statSync(path, { throwIfNoEntry: false }),
  );
  if (data?.isFile() && output?.dev === data.dev && output.ino === data.ino)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `predict: expected --output to be another file than --data, got '${textFlag(flags, 'output')}' for both`,
    );
}

export async function writeTable(table: Table, { flags }: Input): Promise<void> {
  const path = textFlag(flags, 'output');
  if (path !== undefined) {
    await writeAtomically(
      path,
      Array.from(csvText(table), (piece) => Buffer.from(piece)),
    );
    process.stderr.write(`${table.rows} predictions in ${path}\n`);
    return;
  }
  for (const piece of csvText(table)) {
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
  }
}
