// `npm start`: sets up, then does the main job: a vision transformer on real digits and boosted trees on three million real flights, both by the command
// line that users have, each with a saved model and a report.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runMain, SetupError, setUp } from './setup.mjs';

const flights = 'node_modules/vega-datasets/data/flights-3m.parquet';

const jobs = [
  {
    title: 'A vision transformer learns 8,000 digits; 2,000 others test it',
    folder: 'runs/digits',
    args: ['train', 'vit', '--data', 'digits', '--recipe', 'digits', '--held-out', '2000', '--title', 'Digits by a vision transformer'],
  },
  {
    title: '100 trees learn which of 2.9 million flights come late; 100,000 others test them',
    folder: 'runs/flights',
    args: [
      ...['train', 'trees', '--data', flights, '--label', 'delay', '--at-least', '15', '--times', 'date', '--held-out', '100000'],
      ...[
        '--growth',
        'leaf',
        '--max-leaves',
        '512',
        '--max-depth',
        '0',
        '--l2',
        '0',
        '--min-child-weight',
        '0.001',
        '--min-rows-in-leaf',
        '20',
      ],
      ...['--title', 'Late flights by 100 trees'],
    ],
  },
];

/** Runs the command line, shows what it says, and returns its standard output. */
async function tensorwood(args) {
  const { shellWord } = await import(pathToFileURL(join(root, 'dist', 'cli', 'runs.js')));
  console.log(`$ npx tensorwood ${args.map(shellWord).join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...args], {
      cwd: root,
      stdio: ['inherit', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
      process.stdout.write(text);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(said);
      else if (code === 130) process.exit(130);
      else reject(new SetupError(`The command above ended with exit code ${code}.`));
    });
  });
}

/** The last numbers of a job, from what it said and wrote. */
function summarize({ title, folder }, said) {
  const [result] = said.split('\n').filter((line) => line.startsWith('completed'));
  const next = said.split('\n').find((line) => line.startsWith('next'));
  return [
    title,
    `  ${result}`,
    `  model   ${folder}`,
    `  report  ${join(root, folder, 'report.html')}`,
    `  next    ${next.slice('next'.length).trim()}`,
  ];
}

// Ctrl-C reaches the command line too, which saves what it has and says how it ended.
process.on('SIGINT', () => {});

await runMain(async () => {
  await setUp();
  const lines = [];
  for (const job of jobs) {
    console.log(`\n${job.title}`);
    lines.push(...summarize(job, await tensorwood([...job.args, '--output', job.folder])), '');
  }
  console.log(`\n${'-'.repeat(72)}\n${lines.join('\n')}`);
});
