// Makes room in the folder of a run: what an earlier run left there moves to previous/, so that a new run neither mixes with it nor destroys it.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors';
import { fileReason } from './atomic';

/**
 * Moves what an earlier run left in the folder to previous/, in place of what the run before left there. Other files there stay.
 * @param products names of the files and folders that such a run leaves
 * @throws ERR_TENSORWOOD_FILE
 */
export function setAside(subject: string, folder: string, products: readonly string[]): void {
  const left = products.filter((name) => existsSync(join(folder, name)));
  if (left.length === 0) return;
  const aside = join(folder, 'previous');
  try {
    mkdirSync(aside, { recursive: true });
    for (const name of products) rmSync(join(aside, name), { recursive: true, force: true });
    for (const name of left) renameSync(join(folder, name), join(aside, name));
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot move the earlier run in '${folder}' to '${aside}': ${fileReason(error)}`, error);
  }
}
