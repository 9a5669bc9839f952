// Where the answers of a command go: a file, written whole or not at all, or standard output.
import { once } from 'node:events';
import { csvText } from '../data/csv-text';
import type { Table } from '../data/table';
import { writeAtomically } from '../formats/atomic';
import { type Input, textFlag } from './command';

export const outputFlag = { output: { value: 'FILE', doc: 'CSV file for the predictions; default: standard output' } } as const;

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
