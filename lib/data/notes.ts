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

/** A text as JavaScript writes it. */
export const literal = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
