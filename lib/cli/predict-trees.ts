// tensorwood predict with a forest: a table in, its rows with their predictions out.
import { type Column, createTable, type Table } from '../data/table';
import type { Forest } from '../trees/forest';
import { type Input, listFlag, requiredFlag, type Section } from './command';
import { writeTable } from './output';
import type { Run } from './runs';
import { expandTimes, openTable, tableSections } from './tables';

export const predictTreeSections: readonly Section[] = tableSections;

/** The table as the model wants it: categories that look like numbers are read again as categories, times become calendar features. */
async function openFor(forest: Forest, run: Run | undefined, input: Input): Promise<Table> {
  const { names, categories } = forest.signature;
  const path = requiredFlag('predict', input.flags, 'data');
  const table = await openTable(path, input);
  const mistaken = table.columns.filter((c) => c.kind === 'number' && Array.isArray(categories[names.indexOf(c.name)])).map((c) => c.name);
  const right = mistaken.length === 0 ? table : await openTable(path, input, { categories: mistaken });
  const times = (run?.times ?? []).filter((name) => right.columns.some((c) => c.name === name) && !names.includes(name));
  return expandTimes(right, times);
}

/** Predictions as columns: the number or the probability of class 1; where classes have names, the likeliest one and its probability. */
function predictionColumns(forest: Forest, values: Float32Array): Column[] {
  if (forest.outputs === 1 && forest.classes === undefined) return [{ kind: 'number', name: 'prediction', values }];
  const classes = forest.classes ?? Array.from({ length: forest.outputs }, (_, c) => String(c));
  const count = classes.length;
  const codes = new Int32Array(values.length / forest.outputs);
  const confidence = new Float32Array(codes.length);
  for (let row = 0; row < codes.length; row++) {
    const of = forest.outputs === 1 ? [1 - values[row]!, values[row]!] : values.subarray(row * count, (row + 1) * count);
    for (let c = 1; c < count; c++) if (of[c]! > of[codes[row]!]!) codes[row] = c;
    confidence[row] = of[codes[row]!]!;
  }
  return [
    { kind: 'category', name: 'prediction', codes, categories: classes },
    { kind: 'number', name: 'confidence', values: confidence },
  ];
}

/** Runs `tensorwood predict` for trees. */
export async function runPredictTrees(forest: Forest, run: Run | undefined, input: Input): Promise<void> {
  const table = await openFor(forest, run, input);
  const values = await forest.predict(table, { signal: input.signal });
  const kept = [...listFlag(input.flags, 'keep'), ...(run?.label === undefined ? [] : [run.label])];
  const columns = table.columns.filter((c) => kept.includes(c.name) && c.name !== 'prediction' && c.name !== 'confidence');
  await writeTable(createTable([...columns, ...predictionColumns(forest, values)]), input);
}
