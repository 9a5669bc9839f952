// Where a run took place: what its report and its folder keep.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { native } from '../native';

export const packageVersion = (): string => {
  const manifest = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
};

/** Names and values, for a table. */
export function describeEnvironment(threads: number): Record<string, string | number> {
  const { isas, cores } = native().describe();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    tensorwood: packageVersion(),
    node: process.version,
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    'instruction set': process.env.TENSORWOOD_ISA ?? isas.at(-1) ?? 'scalar',
    threads: threads || cores,
  };
}
