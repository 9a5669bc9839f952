// Programs that use the installed package, as CommonJS, as an ES module, and as strict TypeScript under two ways of resolving modules.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { root, run, write } from './commands.mjs';

const body = `
const values = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i * 12.9898));
const label = Float32Array.from({ length: 100 }, (_, i) => (values[4 * i]! > 0 ? 1 : 0));
const dataset = await createDataset({ values, columns: 4 }, { label });
const forest = await trainTrees(dataset, { objective: 'binary', trees: 5, minRowsInLeaf: 1 });
const scores = await forest.predict({ values, columns: 4 });
if (scores.length !== 100 || scores[0]! > 0.5 !== (label[0] === 1)) throw new Error('expected 100 good predictions');
const total = await add(tensor([1, 2, 3]), tensor([1, 1, 1])).data();
if (String(total) !== '2,3,4') throw new Error('expected 2,3,4, got ' + total);
const refused = await readCsv('/no/such/file.csv').catch((error: unknown) => error);
if (!(refused instanceof TensorwoodError)) throw new Error('expected a TensorwoodError, got ' + refused);
console.log('used');
`;
const plain = body.replaceAll(']!', ']').replace('error: unknown', 'error');

export const programs = {
  'use.cjs': `const { add, readCsv, tensor, TensorwoodError } = require('tensorwood');
const { createDataset, trainTrees } = require('tensorwood/trees');
(async () => {${plain}})();`,
  'use.mjs': `import { add, readCsv, tensor, TensorwoodError } from 'tensorwood';
import { createDataset, trainTrees } from 'tensorwood/trees';
${plain}`,
  'use.mts': `import { add, readCsv, tensor, TensorwoodError } from 'tensorwood';
import { createLinear } from 'tensorwood/nn';
import { createDataset, type Forest, trainTrees } from 'tensorwood/trees';
export type Kept = [Forest, typeof createLinear];
export const forget = (forest: Forest): void => { using held = forest; void held; };
${body}`,
  'peers.mjs': `import { readDigits, readParquet } from 'tensorwood';
const { count } = await readDigits();
if (count !== 10000) throw new Error('expected 10000 digits, got ' + count);
const { code } = await readParquet(Buffer.from('PAR1')).catch((error) => error);
if (code !== 'ERR_TENSORWOOD_FORMAT') throw new Error('expected hyparquet to be found, got ' + code);
console.log('used');
`,
};

export function writePrograms(folder) {
  for (const [file, text] of Object.entries(programs)) write(folder, file, text);
}

/** Runs one of the programs. `launch` puts something before its name, as \`yarn node\`. */
export async function runProgram(folder, file, { node = process.execPath, launch = [node], env = {} } = {}) {
  const output = await run(folder, launch[0], [...launch.slice(1), file], env);
  assert.match(output, /used/, `${file} says what it did`);
}

const resolutions = {
  node16: ['--module', 'node16'],
  nodenext: ['--module', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
};

/** Type-checks the TypeScript program strictly, the declarations of the package included. */
export async function checkTypes(folder) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable', '--skipLibCheck', 'false'];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  for (const resolution of Object.values(resolutions))
    await run(folder, process.execPath, [tsc, ...strict, ...types, ...resolution, 'use.mts']);
  return Object.keys(resolutions);
}
