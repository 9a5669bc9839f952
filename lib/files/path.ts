// What stands for a path at every function that takes one: text, or a file URL. The one place where a path is refused before any file is touched.
import { fileURLToPath } from 'node:url';
import { describe, fail } from '../errors';

/** A URL object of any realm. */
export interface FileUrl {
  readonly href: string;
  readonly protocol: string;
}

export type Path = string | FileUrl;

export const isUrl = (value: unknown): value is FileUrl =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as FileUrl).href === 'string' &&
  typeof (value as FileUrl).protocol === 'string';

export const isPath = (value: unknown): value is Path => typeof value === 'string' || isUrl(value);

/** How a sentence shows a path: a NUL would end the line of some terminals, and is not seen in others. */
const shown = (path: string): string => `'${path.replaceAll('\0', '\\0')}'`;

/**
 * The path that text or a file URL (an object, or text that begins with `file:`) stands for.
 * @param subject the beginning of the error sentence
 * @throws ERR_TENSORWOOD_ARGUMENT when it is neither, empty, another URL, or holds a NUL: what follows it would name nothing for the system
 */
export function pathOf(subject: string, value: unknown, accepted = 'a path'): string {
  if (!isPath(value) || value === '') return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${accepted}, got ${describe(value)}`);
  const path = isUrl(value) || value.startsWith('file:') ? pathOfUrl(subject, isUrl(value) ? value.href : value) : value;
  if (path.includes('\0')) fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a path without a NUL, got ${shown(path)}`);
  return path;
}

function pathOfUrl(subject: string, href: string): string {
  if (!href.startsWith('file:'))
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a file: URL, got '${href}'; of another, give the body: (await fetch(url)).body`);
  try {
    return fileURLToPath(href.replaceAll('%00', '\0'));
  } catch (error) {
    return fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected a file: URL of this machine, got '${href}'`, error);
  }
}
