// How the table of a run was read, so that predict reads new ones the same way: what flags decided, and the decimal comma that was found.
import { csvSchema } from '../data/csv';
import { fromFlags, type Options } from '../schema';
import { type Flags, type Input, listFlag } from './command';
import type { Asked } from './tables';

const { decimal, thousands, dateOrder } = csvSchema;
const spellingSchema = { decimal, thousands, dateOrder } as const;

/** Lists of columns that say what their fields are. */
export const kinds = ['numbers', 'categories', 'dates'] as const;

/** Options of readTable(). The delimiter is found anew, since new rows may come from elsewhere. */
export interface Reading extends Options<typeof spellingSchema> {
  readonly missing?: readonly string[];
  readonly numbers?: readonly string[];
  readonly categories?: readonly string[];
  readonly dates?: readonly string[];
}

/** Whether numbers came with a decimal comma, and none with a point, which a comma for all would take for thousands. */
function foundComma({ table }: Asked): boolean {
  const withComma = new Set(table.notes.filter(({ cure }) => cure?.option === "decimal: '.'").map(({ column }) => column));
  if (withComma.size === 0) return false;
  const others = table.columns.flatMap((c) => (c.kind === 'number' && !c.times && !withComma.has(c.name) ? [c.values] : []));
  return others.every((values) => values.every((v) => Number.isInteger(v) || !Number.isFinite(v)));
}

/** How the table was read. */
export function readingOf({ flags }: Input, asked: Asked): Reading {
  const spelling = fromFlags(spellingSchema, flags);
  const lists = kinds.flatMap((kind) => (asked[kind].length === 0 ? [] : [[kind, asked[kind]] as const]));
  return {
    ...(spelling.decimal === undefined && foundComma(asked) && { decimal: ',' as const }),
    ...spelling,
    ...(flags.missing !== undefined && { missing: listFlag(flags, 'missing') }),
    ...Object.fromEntries(lists),
  };
}

/** What a reading says of a table with these columns, where no flag says otherwise. */
export function readingFor(reading: Reading, flags: Flags, names: readonly string[]): Reading {
  const { decimal, thousands, dateOrder, missing } = reading;
  const given = new Set(kinds.flatMap((kind) => listFlag(flags, kind, names)));
  const lists = kinds.map((kind) => [kind, (reading[kind] ?? []).filter((name) => names.includes(name) && !given.has(name))] as const);
  return {
    ...(flags.decimal === undefined && flags.thousands === undefined && { decimal, thousands }),
    ...(flags['date-order'] === undefined && { dateOrder }),
    ...(flags.missing === undefined && missing !== undefined && { missing }),
    ...Object.fromEntries(lists.filter(([, columns]) => columns.length > 0)),
  };
}
