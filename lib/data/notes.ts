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

/** A note as one line of the command line: what was guessed, and the flag that changes it. */
export const noteLine = ({ column, message, cure }: Note): string =>
  `${column === undefined ? '' : `'${column}' `}${message}${cure === undefined ? '' : `; ${cure.flag} changes it`}`;
