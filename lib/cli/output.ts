// Where the answers of a command go: a file, written whole or not at all, or standard output.
import { fstatSync, type Stats, statSync } from 'node:fs';
import { csvText } from '../data/csv-text';
import type { Table } from '../data/table';
import { fail, TensorwoodError } from '../errors';
import { pathOf } from '../files/path';
import { writeTo } from '../files/target';
import { counted } from '../schema';
import { type Input, textFlag } from './command';

export const outputFlag = { output: { value: 'FILE', doc: 'CSV file for the predictions; default: -, standard output' } } as const;

/** Endings of files that hold something else than lines with commas. */
const otherFormats = /\.(parquet|arrow|feather|orc|avro|jsonl?|ndjson|tsv|xlsx?|ods|html?|xml|ya?ml|sqlite|gz|zip|zst|bz2|xz)$/i;

/**
 * @param inputs words for files that the answers rest on, by what messages call them
 * @throws ERR_TENSORWOOD_ARGUMENT when the answers would take the place of one of them, or are to be of a format that is not written
 */
export function refuseOutput({ flags }: Input, inputs: Readonly<Record<string, string | undefined>>): void {
  const output = textFlag(flags, 'output');
  if (output === '') fail('ERR_TENSORWOOD_ARGUMENT', "predict: expected --output to be a file, or - for standard output, got ''");
  const to = output === '-' ? undefined : statsOf(output);
  for (const [name, word] of Object.entries(inputs)) {
    const from = word === '-' ? fstatSync(0) : statsOf(word);
    if (from?.isFile() && to?.dev === from.dev && to.ino === from.ino)
      fail('ERR_TENSORWOOD_ARGUMENT', `predict: expected --output to be another file than ${name}, got '${output}' for both`);
  }
  if (output !== undefined && otherFormats.test(output))
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `predict: expected --output to be a file of CSV, the format that is written, got '${output}'; name it .csv`,
    );
}

function statsOf(word: string | undefined): Stats | undefined {
  if (word === undefined || word === '') return undefined;
  try {
    return statSync(pathOf('predict', word), { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof TensorwoodError) throw error;
    return undefined; // who opens it tells why it cannot be had
  }
}

/** Text as bytes, a piece at a time. */
export function* encoded(pieces: Iterable<string>): Generator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

export async function writeTable(table: Table, { flags }: Input): Promise<void> {
  const path = textFlag(flags, 'output') ?? '-';
  await writeTo('predict', path === '-' ? process.stdout : path, encoded(csvText(table)));
  if (path !== '-') process.stderr.write(`${counted(table.rows, 'prediction')} in ${path}\n`);
}
