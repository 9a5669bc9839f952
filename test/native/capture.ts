// Keeps the bytes of every program that the tests of this process load, as seeds for fuzz_program: loaded before each test file by
// capture.config.mjs. One file a program, named by its bytes; large ones teach the mutator nothing new.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../lib/native';

const LARGEST = 8192;
const folder = process.env.TENSORWOOD_SEEDS!;
mkdirSync(folder, { recursive: true });

const addon = native();
const described = addon.describe();
addon.describe = () => ({ ...described, isas: ['scalar'] }); // programs do not depend on it
const load = addon.loadProgram;
addon.loadProgram = (runtime, bytes) => {
  const program = load(runtime, bytes); // what is refused throws here
  const name = createHash('sha1').update(bytes).digest('hex');
  if (bytes.length <= LARGEST) writeFileSync(join(folder, `${name}.bin`), bytes);
  return program;
};
