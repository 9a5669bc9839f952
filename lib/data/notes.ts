// What a reader guessed, as data on the table it returns: one note a doubtful column, with the option that decides it otherwise.
import type { Table } from './table';

export interface Note {
  /** The column it is about; absent when it is about the file. */
  readonly column?: string;
  /** One line: how it was read, and why that is in doubt. */
  readonly message: string;
  /** What decides it otherwise: options of the reader, as `decimal: ','`. */
  readonly cure?: { readonly option: string };
}

/** A table that a reader returns: what it guessed stands beside the columns. */
export interface ReadTable extends Table {
  readonly notes: readonly Note[];
}

/** What is said of a column of categories of which nearly every row has its own. */
export const differentNote = (column: string, count: number): Required<Note> => ({
  column,
  message: `read as ${count.toLocaleString('en')} different texts, nearly one a row: an identifier or free text tells trees little`,
  cure: { option: `ignore: [${literal(column)}]` },
});

/** A text as JavaScript writes it. */
export const literal = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
