// What a file or folder is, by its first bytes: which model to load, what to inspect.
import { join } from 'node:path';
import { readHead } from '../data/file-head';
import { isFolder, type Run, readRun } from './runs';

export type Kind = 'run' | 'forest' | 'safetensors' | 'parquet' | 'text';

/** The run of a folder, or nothing for a file. */
export const runOf = async (path: string): Promise<Run | undefined> => ((await isFolder(path)) ? readRun(path) : undefined);

export const modelPath = (path: string, run: Run | undefined): string => (run === undefined ? path : join(path, run.model));

/** @throws ERR_TENSORWOOD_FILE when it cannot be read */
export async function kindOf(subject: string, path: string): Promise<Kind> {
  if (await isFolder(path)) return 'run';
  const head = await readHead(subject, path, 4096);
  const text = head.toString('latin1');
  if (text.startsWith('PAR1')) return 'parquet';
  if (/^\s*\{\s*"format"\s*:\s*"tensorwood/.test(text)) return 'forest';
  // Eight bytes of header length, then JSON.
  return head.length > 9 && text[8] === '{' && head.readUInt32LE(4) === 0 ? 'safetensors' : 'text';
}
