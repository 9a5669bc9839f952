// Packs the tarball with a prebuilt addon, installs it with scripts blocked into fresh CommonJS, ES module and TypeScript consumers in a folder with a
// space in its name, and uses it; then publint and attw. Run after a build: node test/package/run.mjs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const work = mkdtempSync(join(tmpdir(), 'tensorwood package '));
const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

function pack() {
  const prebuilds = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(prebuilds, { recursive: true });
  copyFileSync(join(root, 'build/Release/tensorwood.node'), join(prebuilds, 'tensorwood.node'));
  const [report] = JSON.parse(run(root, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', work));
  const stray = report.files.map((f) => f.path).filter((f) => /^(test|bench|lib|node_modules|build|runs)\//.test(f));
  assert.deepEqual(stray, [], 'the tarball carries only what its users need');
  for (const needed of ['dist/index.js', 'dist/index.mjs', 'dist/cli/main.js', 'CMakeLists.txt', 'binding.gyp', 'native/core/kernel.h']) {
    assert.ok(
      report.files.some((f) => f.path === needed),
      `${needed} is packed`,
    );
  }
  return join(work, report.filename);
}

const program = `
const values = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i * 12.9898));
const label = Float32Array.from({ length: 100 }, (_, i) => (values[4 * i]! > 0 ? 1 : 0));
const dataset = await createDataset({ values, columns: 4 }, { label });
const forest = await trainTrees(dataset, { objective: 'binary', trees: 5, minRowsInLeaf: 1 });
const scores = await forest.predict({ values, columns: 4 });
if (scores.length !== 100 || scores[0]! > 0.5 !== (label[0] === 1)) throw new Error('expected 100 good predictions');
const sum = await add(tensor([1, 2, 3]), tensor([1, 1, 1])).data();
if (String(sum) !== '2,3,4') throw new Error('expected 2,3,4, got ' + sum);
console.log('used');
`;
const plain = program.replaceAll(']!', ']');

const consumers = {
  cjs: [
    'use.cjs',
    `const { add, tensor } = require('tensorwood');\nconst { createDataset, trainTrees } = require('tensorwood/trees');\n(async () => {${plain}})();`,
  ],
  esm: ['use.mjs', `import { add, tensor } from 'tensorwood';\nimport { createDataset, trainTrees } from 'tensorwood/trees';\n${plain}`],
  typescript: [
    'use.mts',
    `import { add, tensor } from 'tensorwood';\nimport { createLinear } from 'tensorwood/nn';\nimport { createDataset, type Forest, trainTrees } from 'tensorwood/trees';\nexport type Kept = [Forest, typeof createLinear];\n${program}`,
  ],
};

function consume(tarball, kind) {
  const folder = join(work, kind);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `consumer-${kind}`, private: true }));
  run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball);
  const [file, text] = consumers[kind];
  writeFileSync(join(folder, file), text);
  if (kind === 'typescript') {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    for (const module of ['node16', 'nodenext']) {
      run(
        folder,
        process.execPath,
        tsc,
        '--strict',
        '--module',
        module,
        '--target',
        'es2022',
        '--skipLibCheck',
        'false',
        '--types',
        'node',
        '--typeRoots',
        join(root, 'node_modules/@types'),
        file,
      );
    }
    assert.match(run(folder, process.execPath, 'use.mjs'), /used/);
  } else {
    assert.match(run(folder, process.execPath, file), /used/);
  }
  assert.match(run(folder, 'npx', '--no-install', 'tensorwood', 'devices'), /cpu/);
  console.log(`ok ${kind} consumer`);
}

try {
  const tarball = pack();
  console.log(`ok packed ${(statSync(tarball).size / 1e6).toFixed(2)} MB`);
  for (const kind of Object.keys(consumers)) consume(tarball, kind);
  run(root, 'npx', '--no-install', 'publint', '--strict', tarball);
  console.log('ok publint --strict');
  run(root, 'npx', '--no-install', 'attw', tarball);
  console.log('ok attw');
  assert.equal(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies, undefined, 'no run-time dependencies');
} finally {
  rmSync(work, { recursive: true, force: true });
}
