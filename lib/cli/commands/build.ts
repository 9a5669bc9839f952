// tensorwood build: compiles the native library from the sources in the package, where no prebuilt one fits.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail } from '../../errors';
import { addonPaths, loadAddon } from '../../native';
import type { Command } from '../command';

const root = join(__dirname, '..', '..', '..');

export const command: Command = {
  summary: 'compile the native library from source',
  usage: 'build [flags]',
  description:
    'Compiles the native library from the sources in this package with CMake, and checks that it loads. Needed where no prebuilt library fits the machine. Takes a few minutes.',
  words: [0, 0],
  sections: () => [
    {
      title: 'Build',
      flags: { cuda: { doc: 'compile the library for NVIDIA GPUs too, beside the other; needs nvcc of the CUDA toolkit' } },
    },
  ],
  async run({ flags }) {
    const script = join(root, 'scripts', 'build.mjs');
    if (!existsSync(script)) fail('ERR_TENSORWOOD_BINARY', `build: the sources are not here: ${script} is missing; reinstall the package`);
    const { build } = (await import(pathToFileURL(script).href)) as { build: (options: { cuda: boolean }) => string };
    const path = buildOrFail(() => build({ cuda: flags.cuda === true }));
    const { isas } = loadAddon([path, ...addonPaths()]).describe();
    process.stdout.write(`built ${path} (${isas.join(', ')})\n`);
  },
};

function buildOrFail(build: () => string): string {
  try {
    return build();
  } catch (error) {
    return fail('ERR_TENSORWOOD_BINARY', `build: ${(error as Error).message}`, error);
  }
}
