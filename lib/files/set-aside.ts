// Makes the folder of a run, and room in it: what an earlier run left there moves to previous/, so that a new run neither mixes with it nor destroys it.
import { accessSync, constants, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors';
import { fileReason, makeFolder } from './atomic';

/** Makes the folder of a run, and sees that it can be written: before the work whose results it will hold. @throws ERR_TENSORWOOD_FILE */
export function makeRunFolder(subject: string, folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot make the folder '${folder}': ${fileReason(error)}`, error);
  }
  if (!statSync(folder).isDirectory())
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot make the folder '${folder}': there is a file of that name; choose another folder`);
}

/**
 * Makes the folder of a run. Moves what an earlier run left in it to previous/, in place of what the run before left there. Other files there stay.
 * @param products names of the files and folders that such a run leaves
 * @throws ERR_TENSORWOOD_FILE
 */
export function setAside(subject: string, folder: string, products: readonly string[]): void {
  makeRunFolder(subject, folder);
  const left = products.filter((name) => existsSync(join(folder, name)));
  if (left.length === 0) return;
  const aside = join(folder, 'previous');
  try {
    makeFolder(aside);
    for (const name of products) rmSync(join(aside, name), { recursive: true, force: true });
    for (const name of left) renameSync(join(folder, name), join(aside, name));
  } catch (error) {
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot move the earlier run in '${folder}' to '${aside}': ${fileReason(error)}`, error);
  }
}
