// tensorwood train trees: a table in, a run folder with model, history, report and some held-out rows out.
import { join } from 'node:path';
import { describeForest } from '../dashboard/describe-forest';
import { writeForestReport } from '../dashboard/forest-report';
import { duration, grouped } from '../dashboard/html';
import { csvText } from '../data/csv-text';
import { type Column, columnOf, type Table, takeRows, withoutColumns } from '../data/table';
import { fail } from '../errors';
import { makeRunFolder, setAside } from '../files/set-aside';
import { writeTo } from '../files/target';
import { permutation } from '../nn/philox';
import { choice, counted, fromFlags, parse, type Values } from '../schema';
import { createProgressLine } from '../train/progress-line';
import { type EvaluationSet, type TreeProgress, trainTrees } from '../trees/booster';
import { createDataset } from '../trees/dataset';
import type { Forest } from '../trees/forest';
import { type Label, labelledRows } from '../trees/label';
import { datasetSchema, type TreeOptions, treeSchema } from '../trees/params';
import { flagsOfSchema, type Input, listFlag, requiredFlag, type Section, textFlag } from './command';
import { describeEnvironment } from './environment';
import { openWord } from './model-file';
import { encoded } from './output';
import { type Reading, readingOf } from './reading';
import { checkRunFolder, runSchema } from './run-flags';
import { shellWord, writeRun } from './runs';
import { asAsked, atLeast, readAsked, tableSections, tellGuesses, withColumn } from './tables';

const treeRunSchema = {
  ...runSchema({ things: 'rows', heldOut: 0.1, output: join('runs', 'trees'), choosers: '--early-stopping' }),
  missingLabels: choice(['fail', 'drop'], 'fail', 'what to do with rows whose label is missing'),
};
type TreeRunOptions = Values<typeof treeRunSchema>;

export const treeSections: readonly Section[] = [
  {
    title: 'Run',
    flags: {
      label: { value: 'COLUMN', doc: 'what to predict: numbers, or categories' },
      'at-least': { value: 'X', doc: 'predict whether the label is at least X' },
      ...flagsOfSchema(treeRunSchema),
    },
  },
  ...tableSections,
  { title: 'Bins', flags: flagsOfSchema(datasetSchema) },
  { title: 'Trees', flags: flagsOfSchema(treeSchema) },
];

const shownRows = 1000; // of the held-out ones that are kept as a file
const splitStream = 0x73706c74;
/** What a run leaves in its folder. */
const products = ['model.json', 'run.json', 'history.jsonl', 'held-out.csv', 'report.html'];

interface Parts {
  readonly train: Table;
  /** Rows that choose where to stop, so that the test stays untouched. */
  readonly validation: Table | undefined;
  readonly test: Table | undefined;
}

const labelOf = (column: Column): Label => (column.kind === 'number' ? column.values : column);

const fewClasses = 20;

/** The objective that fits a label when none is asked for. */
function guessObjective(label: Column): TreeOptions['objective'] {
  if (label.kind === 'category') return label.categories.length === 2 ? 'binary' : 'multiclass';
  return label.values.every((v) => v === 0 || v === 1) ? 'binary' : 'regression';
}

/** Says of small integers from 0, which may be classes by number, that they are taken for numbers. */
function tellRegression(label: Column, asked: TreeOptions['objective']): void {
  if (asked !== undefined || label.kind !== 'number' || guessObjective(label) !== 'regression') return;
  const found = new Set<number>();
  for (const value of label.values) {
    if (!(Number.isInteger(value) && value >= 0 && value < fewClasses)) return;
    found.add(value);
  }
  if (Math.max(...found) >= found.size) return;
  process.stderr.write(
    `note: '${label.name}': integers 0 to ${found.size - 1} are learned by regression (to change it: --objective multiclass)\n`,
  );
}

function split(table: Table, { heldOut }: TreeRunOptions, { seed, earlyStopping }: Values<typeof treeSchema>): Parts {
  const count = heldOut < 1 ? Math.round(heldOut * table.rows) : heldOut;
  const held = earlyStopping > 0 ? 2 * count : count;
  if (earlyStopping > 0 && held === 0)
    fail('ERR_TENSORWOOD_ARGUMENT', 'train: expected --held-out to leave rows for --early-stopping to choose by, got none');
  if (!Number.isInteger(count) || held >= table.rows)
    fail(
      'ERR_TENSORWOOD_ARGUMENT',
      `train: expected --held-out to be a share below 1 or fewer than the ${counted(table.rows, 'row')}, got ${heldOut}${held > count ? ' twice, since --early-stopping needs as many to choose by' : ''}`,
    );
  const order = permutation(table.rows, { seed, stream: splitStream });
  const part = (from: number, to: number): Table | undefined => (from === to ? undefined : takeRows(table, order.subarray(from, to)));
  return {
    train: held === 0 ? table : takeRows(table, order.subarray(held)),
    validation: part(count, held),
    test: part(0, count),
  };
}

/** Refuses classes of which nearly every row has its own: they are numbers in another spelling, or no label. */
function refuseDifferent(column: Column, { flags }: Input): void {
  if (column.kind === 'number' || listFlag(flags, 'categories', [column.name]).includes(column.name)) return;
  const { name, categories, codes } = column;
  if (categories.length <= fewClasses || 2 * categories.length <= codes.length) return;
  const some = categories.slice(0, 3).map((c) => `'${c}'`);
  fail(
    'ERR_TENSORWOOD_DATA',
    `train: expected --label '${name}' to be numbers or a few classes, got ${grouped(categories.length)} classes in ${grouped(codes.length)} rows (${some.join(', ')}, …); if they are numbers, --numbers names the first that is none; --categories takes them for classes`,
  );
}

/** The rows that can be learned from. @throws ERR_TENSORWOOD_DATA when there is none, or others are not to be left out */
function withLabels(table: Table, label: Column, { missingLabels }: TreeRunOptions): Table {
  const rows = labelledRows(labelOf(label));
  const left = table.rows - rows.length;
  if (left === 0) return table;
  const first = rows.findIndex((row, i) => row !== i);
  if (missingLabels === 'fail')
    fail(
      'ERR_TENSORWOOD_DATA',
      `train: expected a label in every row, got none in ${counted(left, 'row')}, the first row ${first < 0 ? rows.length : first} (from 0); leave such rows out with --missing-labels drop`,
    );
  if (rows.length === 0)
    fail('ERR_TENSORWOOD_DATA', `train: expected labels in column '${label.name}', got none in ${counted(left, 'row')}`);
  process.stderr.write(`left out ${counted(left, 'row')} without a label\n`);
  return takeRows(table, rows);
}

interface Prepared {
  readonly table: Table;
  /** Times that were made into features. */
  readonly times: readonly string[];
  readonly reading: Reading;
}

/** The table with its label ready to be learned, and how it came about. */
async function prepare(input: Input, label: string, run: TreeRunOptions): Promise<Prepared> {
  const asked = await readAsked(await openWord('train', requiredFlag('train', input.flags, 'data'), input), input, { label });
  tellGuesses(asked);
  const all = asAsked(asked);
  refuseDifferent(columnOf(all, label), input);
  const table = withLabels(all, columnOf(all, label), run);
  const least = textFlag(input.flags, 'at-least');
  const labelled = least === undefined ? table : withColumn(table, atLeast(columnOf(table, label), Number(least)));
  return { table: labelled, times: asked.times, reading: readingOf(input, asked) };
}

/** Refuses flags that no table could make right, before one is read. */
function checkFlags({ flags }: Input): { run: TreeRunOptions; trees: Values<typeof treeSchema> } {
  parse('train', datasetSchema, fromFlags(datasetSchema, flags));
  const least = textFlag(flags, 'at-least');
  if (least !== undefined && (least.trim() === '' || !Number.isFinite(Number(least))))
    fail('ERR_TENSORWOOD_ARGUMENT', `train: expected --at-least to be a number, got '${least}'`);
  return {
    run: checkRunFolder(parse('train', treeRunSchema, fromFlags(treeRunSchema, flags))),
    trees: parse('train', treeSchema, fromFlags(treeSchema, flags)),
  };
}

const showMetric = (value: number): string => value.toFixed(Math.abs(value) < 1000 ? 4 : 2);

const metricsOf = ({ evaluation }: TreeProgress): string[] =>
  Object.entries(evaluation['held-out'] ?? {}).map(([name, value]) => `${name} ${showMetric(value)}`);

const describeRound = (progress: TreeProgress): string => [`tree ${progress.round}/${progress.rounds}`, ...metricsOf(progress)].join('  ');

/** The round that the model ends with: an early stop keeps the best, not the last. */
function describeKept({ forest: { rounds }, history }: Trained): string | undefined {
  const last = history.at(-1);
  const kept = history[rounds - 1];
  if (last === undefined || kept === undefined || kept === last) return last && describeRound(last);
  return [`kept ${rounds} of ${counted(last.round, 'tree')}`, ...metricsOf(kept)].join(', ');
}

interface Trained {
  readonly forest: Forest;
  readonly history: readonly TreeProgress[];
  readonly seconds: number;
  readonly state: 'completed' | 'aborted';
}

const evaluationSet = (table: Table, label: string): EvaluationSet => ({
  features: withoutColumns(table, [label]),
  label: labelOf(columnOf(table, label)),
});

/** Ctrl-C keeps what was grown so far. */
async function grow({ train, validation, test }: Parts, label: string, { flags, signal }: Input): Promise<Trained> {
  const start = performance.now();
  const target = columnOf(train, label);
  const threads = fromFlags(datasetSchema, flags);
  const line = createProgressLine();
  const history: TreeProgress[] = [];
  let kept: Forest | undefined;
  using dataset = await createDataset(withoutColumns(train, [label]), { ...threads, label: labelOf(target), signal });
  const training = trainTrees(dataset, {
    objective: guessObjective(target),
    ...fromFlags(treeSchema, flags),
    // The first set decides where an early stop is.
    ...(test && {
      evaluation: { ...(validation && { validation: evaluationSet(validation, label) }), 'held-out': evaluationSet(test, label) },
    }),
    signal,
    onProgress(progress) {
      history.push(progress);
      line.show(progress.round, progress.rounds, `${describeRound(progress)}  ${duration((performance.now() - start) / 1000)}`);
    },
    onAborted(forest) {
      kept = forest;
    },
  });
  const forest = await training
    .catch((error: unknown) => {
      if (kept === undefined || kept.rounds === 0) throw error;
      return kept;
    })
    .finally(() => line.end());
  return { forest, history, seconds: (performance.now() - start) / 1000, state: kept === undefined ? 'completed' : 'aborted' };
}

/** Probabilities of class 1 for the held-out rows, of a binary model. */
async function heldOutOf(
  { forest }: Trained,
  test: Table | undefined,
  label: string,
): Promise<{ probabilities: Float32Array; labels: ArrayLike<number> } | undefined> {
  if (test === undefined || forest.objective !== 'binary') return undefined;
  const column = columnOf(test, label);
  return { probabilities: await forest.predict(test), labels: column.kind === 'number' ? column.values : column.codes };
}

/** Runs `tensorwood train trees`. */
export async function runTrainTrees(input: Input): Promise<void> {
  const { flags } = input;
  const label = requiredFlag('train', flags, 'label');
  const { run, trees } = checkFlags(input);
  const { output } = run;
  const { table, times, reading } = await prepare(input, label, run);
  tellRegression(columnOf(table, label), fromFlags(treeSchema, input.flags).objective);
  const parts = split(table, run, trees);
  const choosing = parts.validation === undefined ? '' : `${grouped(parts.validation.rows)} to choose where to stop, `;
  process.stderr.write(
    `${counted(parts.train.rows, 'row')} to learn from, ${choosing}${grouped(parts.test?.rows ?? 0)} held out, ${counted(table.columns.length - 1, 'feature')}\n`,
  );
  makeRunFolder('train', output);
  const trained = await grow(parts, label, input);
  await save({ input, label, times, reading, run, parts, trained });
  const kept = describeKept(trained);
  process.stdout.write(`${trained.state} after ${duration(trained.seconds)}${kept === undefined ? '' : `: ${kept}`}\n`);
  process.stdout.write(`model   ${join(output, 'model.json')}\nreport  ${join(output, 'report.html')}\n`);
  if (parts.test !== undefined) process.stdout.write(`next    ${nextLine(output)}\n`);
  trained.forest.dispose();
  input.signal.throwIfAborted();
}

const nextLine = (output: string): string =>
  `npx tensorwood predict ${shellWord(output)} --data ${shellWord(join(output, 'held-out.csv'))}`;

const heldOutWords = (rows: number): string => `${counted(rows, 'row')} ${rows === 1 ? 'was' : 'were'}`;

interface Finished {
  readonly input: Input;
  readonly label: string;
  readonly times: readonly string[];
  readonly reading: Reading;
  readonly run: TreeRunOptions;
  readonly parts: Parts;
  readonly trained: Trained;
}

async function save({ input, label, times, reading, run: { output, title }, parts, trained }: Finished): Promise<void> {
  const { flags } = input;
  const { forest, history, seconds, state } = trained;
  const least = textFlag(flags, 'at-least');
  setAside('train', output, products);
  await forest.save(join(output, 'model.json'));
  await writeRun(output, {
    kind: 'trees',
    model: 'model.json',
    label,
    times,
    reading,
    ...(least === undefined ? {} : { atLeast: Number(least) }),
  });
  await writeText(
    join(output, 'history.jsonl'),
    history.map((h) => `${JSON.stringify(h)}\n`),
  );
  if (parts.test !== undefined)
    await writeText(
      join(output, 'held-out.csv'),
      csvText(parts.test, { to: Math.min(shownRows, parts.test.rows), decimal: reading.decimal === ',' ? ',' : '.' }),
    );
  const heldOut = await heldOutOf(trained, parts.test, label);
  const what = least === undefined ? label : `${label} ≥ ${least}`;
  const report = describeForest({
    title: title || `Trees for ${what}`,
    summary: `Predicts ${what} from ${counted(forest.signature.names.length, 'feature')}; ${heldOutWords(parts.test?.rows ?? 0)} held out of training.`,
    forest,
    history,
    state,
    seconds,
    rows: parts.train.rows,
    ...(heldOut === undefined ? {} : { heldOut }),
    environment: describeEnvironment(Number(textFlag(flags, 'threads') ?? 0)),
    ...(parts.test === undefined ? {} : { next: nextLine(output) }),
  });
  await writeForestReport(join(output, 'report.html'), report);
}

const writeText = (path: string, pieces: Iterable<string>): Promise<void> => writeTo('train', path, encoded(pieces));
