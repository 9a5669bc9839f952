// What a word of the command line stands for: the folder of a run, a file, or standard input; and what a file is, by its first bytes: which model to load, what to inspect.
import { join } from 'node:path';
import { fail } from '../errors';
import { pathOf } from '../files/path';
import { type OpenedSource, openSource } from '../files/source';
import type { Input } from './command';
import { isFolder, type Run, readRun, runFile } from './runs';

export type Kind = 'forest' | 'safetensors' | 'parquet' | 'idx' | 'text';

/** A model that a word stands for: its own word, and, in the folder of a run, that run. */
export interface ModelWord {
  readonly word: string;
  readonly run?: Run;
  /** What describes the run. */
  readonly about?: string;
}

/** @throws ERR_TENSORWOOD_FILE, ERR_TENSORWOOD_FORMAT when the word is a folder, but not of a run */
export async function modelOf(subject: string, word: string): Promise<ModelWord> {
  if (word === '' || word === '-') return { word };
  const folder = pathOf(subject, word);
  if (!(await isFolder(folder))) return { word };
  const run = await readRun(folder);
  return { word: join(folder, run.model), run, about: runFile(folder) };
}

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
