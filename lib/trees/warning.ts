// What is told without being refused, each once: by the process's warnings, unless the command line takes them over.
import { listed, suggestion } from '../schema';

export type WarningCode = 'TENSORWOOD_UNKNOWN_CATEGORIES' | 'TENSORWOOD_MERGED_INTEGERS';

/** Where warnings go: `tell` may be replaced, by a program that has a voice of its own. */
export const warnings = {
  tell(message: string, code: WarningCode): void {
    process.emitWarning(message, { type: 'TensorwoodWarning', code });
  },
};

const looked = 1000; // names among which the nearest spelling is searched

const isSameValue = (a: string, b: string): boolean =>
  a.trim().toLowerCase() === b.trim().toLowerCase() || (a.trim() !== '' && b.trim() !== '' && Number(a) === Number(b));

function nearest(name: string, known: readonly string[]): string {
  const same = known.find((other) => isSameValue(name, other));
  return same === undefined ? suggestion(name, known.slice(0, looked)) : `, did you mean '${same}'?`;
}

/** A column of which a model knows no value. */
export interface UnknownColumn {
  readonly name: string;
  /** What the model knows: names of categories, or how many there are. */
  readonly known: readonly string[] | number;
  /** One of the values that it does not know. */
  readonly example: string | number;
}

/** Tells it of each column once: `told` remembers their names. */
export function tellUnknown(subject: string, told: Set<string>, { name, known, example }: UnknownColumn): void {
  if (told.has(name)) return;
  told.add(name);
  const shown = typeof example === 'string' ? `'${example}'` : `code ${example}`;
  const near = typeof known === 'object' && typeof example === 'string' ? nearest(example, known) : '';
  const knows = typeof known === 'object' ? listed(known) : `codes in [0, ${known - 1}]`;
  const message = `${subject}: the model knows none of the categories in column '${name}', as ${shown}${near} (it knows ${knows})`;
  warnings.tell(message, 'TENSORWOOD_UNKNOWN_CATEGORIES');
}
