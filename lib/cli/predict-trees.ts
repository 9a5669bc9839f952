// tensorwood predict with a forest: a table in, its rows with their predictions out.
import { type Column, columnOf, createTable, type Table } from '../data/table';
import { answersOf } from '../train/metrics';
import type { Forest } from '../trees/forest';
import { type Input, requiredFlag, type Section } from './command';
import { openWord } from './model-file';
import { writeTable } from './output';
import type { Run } from './runs';
import { type Asked, asAsked, readAsked, tableSections, tellGuesses } from './tables';

export const predictTreeSections: readonly Section[] = tableSections;

/** The table as it is read for the model: text by what the model knows, and categories that are numbers in Parquet again as categories. */
async function readFor(forest: Forest, run: Run | undefined, input: Input): Promise<Asked> {
  const { names, categories } = forest.signature;
  const source = await openWord('predict', requiredFlag('predict', input.flags, 'data'), input);
  const beside = { like: forest, ...(run?.reading && { reading: run.reading }) };
  const asked = await readAsked(source, input, beside);
  tellGuesses(asked, [...names, ...(run?.times ?? [])]);
  const isMistaken = (c: Column): boolean => c.kind === 'number' && Array.isArray(categories[names.indexOf(c.name)]);
  const mistaken = asked.table.columns.filter(isMistaken).map((c) => c.name);
  return mistaken.length === 0 ? asked : readAsked(source, input, { ...beside, categories: mistaken });
}

/** The times that the run made calendar features of, where the table has them. */
const timesFor = (forest: Forest, run: Run | undefined, table: Table): string[] =>
  (run?.times ?? []).filter((name) => table.columns.some((c) => c.name === name) && !forest.signature.names.includes(name));

/** The probability of class 0 at even places, of class 1 at odd ones. */
const both = (ofOne: number, place: number): number => (place % 2 === 1 ? ofOne : 1 - ofOne);

/** Predictions as columns: the number or the probability of class 1; where classes have names, the likeliest one and its probability. */
function predictionColumns(forest: Forest, values: Float32Array): Column[] {
  if (forest.outputs === 1 && forest.classes === undefined) return [{ kind: 'number', name: 'prediction', values }];
  const classes = forest.classes ?? Array.from({ length: forest.outputs }, (_, c) => String(c));
  const probabilities =
    forest.outputs === 1 ? Float32Array.from({ length: 2 * values.length }, (_, i) => both(values[i >> 1]!, i)) : values;
  const { predicted, confidence } = answersOf(probabilities, classes.length);
  return [
    { kind: 'category', name: 'prediction', codes: predicted, categories: classes },
    { kind: 'number', name: 'confidence', values: confidence },
  ];
}

/** Columns that predictions bring. */
const ours = ['prediction', 'confidence'];

/** Runs `tensorwood predict` for trees. */
export async function runPredictTrees(forest: Forest, run: Run | undefined, input: Input): Promise<void> {
  const asked = await readFor(forest, run, input);
  const { table, keep, ignore } = asked;
  for (const name of keep) columnOf(table, name);
  const values = await forest.predict(asAsked(asked, timesFor(forest, run, table)), { signal: input.signal });
  const isKept = ({ name }: Column): boolean => keep.includes(name) || (name === run?.label && !ignore.includes(name));
  const columns = table.columns.filter((column) => isKept(column) && !ours.includes(column.name));
  await writeTable(createTable([...columns, ...predictionColumns(forest, values)]), input);
}
