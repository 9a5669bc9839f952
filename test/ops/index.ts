// The families of operations: the files of this folder that export definitions, found by walking it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Definition, Definitions } from './definition';

export interface Family {
  readonly name: string;
  readonly definitions: readonly [string, Definition][];
}

/** Every family with its definitions, by name. */
export async function loadFamilies(): Promise<Family[]> {
  const files = readdirSync(__dirname).filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'));
  const families: Family[] = [];
  for (const file of files.sort()) {
    const { definitions } = (await import(join(__dirname, file))) as { definitions?: Definitions };
    if (definitions) families.push({ name: file.slice(0, -3), definitions: Object.entries(definitions) });
  }
  return families;
}
