// What a word of the command line stands for: the folder of a run, a file, or standard input; and what a file is, by its first bytes: which model to load, what to inspect.
import { join } from 'node:path';
import { fail } from '../errors';
import { type OpenedSource, openSource } from '../files/source';
import type { Input } from './command';
import { isFolder, type Run, readRun } from './runs';

export type Kind = 'forest' | 'safetensors' | 'parquet' | 'idx' | 'text';

/** The run of a folder, or nothing for a file. */
export const runOf = async (path: string): Promise<Run | undefined> => ((await isFolder(path)) ? readRun(path) : undefined);

export const modelPath = (path: string, run: Run | undefined): string => (run === undefined ? path : join(path, run.model));

/** The source that a word of the command line stands for: `-` is standard input. @throws ERR_TENSORWOOD_FILE when it cannot be read */
export async function openWord(subject: string, word: string, { signal }: Pick<Input, 'signal'>): Promise<OpenedSource> {
  if (word === '') fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a file, or - for standard input, got ''`);
  return openSource(subject, word === '-' ? process.stdin : word, { signal });
}

/** @throws ERR_TENSORWOOD_FILE when it cannot be read */
export async function kindOf(subject: string, source: OpenedSource): Promise<Kind> {
  const head = Buffer.from(await source.head(subject, 4096));
  const text = head.toString('latin1');
  if (text.startsWith('PAR1')) return 'parquet';
  if (/^\s*\{\s*"format"\s*:\s*"tensorwood/.test(text)) return 'forest';
  // Two zeros, the type of the numbers and how many sizes follow; all else here is text.
  if (head.length >= 8 && head.readUInt16BE() === 0 && [8, 9, 11, 12, 13, 14].includes(head[2]!) && head[3]! > 0) return 'idx';
  // Eight bytes of header length, then JSON.
  return head.length > 9 && text[8] === '{' && head.readUInt32LE(4) === 0 ? 'safetensors' : 'text';
}
