// What a reader guessed, as data on the table it returns: one note a doubtful column, with the option and the flag that decide it otherwise.
import type { Table } from './table';

export interface Note {
  /** The column it is about; absent when it is about the file. */
  readonly column?: string;
  /** One line: how it was read, and why that is in doubt. */
  readonly message: string;
  /** What decides it otherwise: the option of the reader, as `decimal: ','`, and the flag of the command line, as `--decimal ,`. */
  readonly cure?: { readonly option: string; readonly flag: string };
}

/** A table that a reader returns: what it guessed stands beside the columns. */
export interface ReadTable extends Table {
  readonly notes: readonly Note[];
}

const quoted = (columns: readonly string[]): string => {
  const shown = columns.slice(0, 3).map((c) => `'${c}'`);
  return columns.length > shown.length ? `${shown.join(', ')} and ${columns.length - shown.length} more` : shown.join(', ');
};

/** Notes as lines of the command line, with the flag that decides otherwise; columns of which the same is to be said share one. */
export function noteLines(notes: readonly Note[]): string[] {
  const columns = new Map<string, string[]>();
  for (const { column, message, cure } of notes) {
    const told = `${message}${cure === undefined ? '' : ` (to change it: ${cure.flag})`}`;
    columns.set(told, [...(columns.get(told) ?? []), ...(column === undefined ? [] : [column])]);
  }
  return Array.from(columns, ([told, named]) => (named.length === 0 ? told : `${quoted(named)}: ${told}`));
}
