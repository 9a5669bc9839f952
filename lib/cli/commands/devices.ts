// tensorwood devices: what this machine can compute on, and why not on the rest.
import { native } from '../../native';
import type { Command } from '../command';
import { layOut } from '../help';

export const command: Command = {
  summary: 'what this machine can compute on, and why not on the rest',
  usage: 'devices [flags]',
  description:
    'Lists the devices, the instruction sets and the cores that this process may use. TENSORWOOD_ISA forces an instruction set, TENSORWOOD_THREADS the number of threads.',
  words: [0, 0],
  sections: () => [{ title: 'Flags', flags: { json: { doc: 'print one JSON object' } } }],
  async run({ flags }) {
    const found = native().describe();
    if (flags.json === true) {
      process.stdout.write(`${JSON.stringify(found)}\n`);
      return;
    }
    const rows = found.devices.map(
      ({ name, available, reason, description }) => [name, available ? description : `not usable: ${reason}`] as const,
    );
    const more = [
      ['instruction sets', found.isas.join(', ')],
      ['cores', String(found.cores)],
    ] as const;
    process.stdout.write(`${layOut([...rows, ...more])}\n`);
  },
};
