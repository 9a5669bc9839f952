// Writes the ESM face of the compiled CJS package: one module a public entry that re-exports every name, so that `import` and `require` share
// classes and native state. Runs after tsc.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const require = createRequire(import.meta.url);

for (const entry of Object.values(manifest.exports).filter((e) => typeof e === 'object')) {
  const cjs = join(root, entry.require.default);
  const names = Object.keys(require(cjs)).filter((name) => name !== '__esModule' && name !== 'default');
  const module = `./${cjs.split('/').at(-1)}`;
  const lines = [`import cjs from '${module}';`, ...names.map((name) => `export const ${name} = cjs.${name};`), ''];
  writeFileSync(join(root, entry.import.default), lines.join('\n'));
  writeFileSync(join(root, entry.import.types), `export * from '${module}';\n`);
}
