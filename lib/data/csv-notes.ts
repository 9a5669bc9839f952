// What the reader of delimited text guessed, in words: notes from the doubts that native/data reports.
import type { CsvDoubt } from '../native';
import { differentNote, literal, type Note } from './notes';

const lists = (option: string, text: string): Note['cure'] => ({ option: `${option}: [${literal(text)}]` });

const times = (count: number, thing = 'field'): string => (count === 1 ? `1 ${thing}` : `${count.toLocaleString('en')} ${thing}s`);

const most = 24; // characters of a field that is shown

const shown = (text: string): string => `'${text.length > most ? `${text.slice(0, most - 1)}…` : text}'`;

const at = ({ text, line }: CsvDoubt): string => `${shown(text)}${line > 0 ? ` in line ${line}` : ''}`;

const oddAmong = (thing: string, doubt: CsvDoubt): string =>
  doubt.count === 1
    ? `read as categories for 1 field that is no ${thing}: ${at(doubt)}`
    : `read as categories for ${times(doubt.count)} that are no ${thing}s, the first ${at(doubt)}`;

const otherOrder = (doubt: CsvDoubt): string =>
  `read as categories: ${at(doubt)} is no date in the order of day, month and year that was told`;

const noDate = (doubt: CsvDoubt): string =>
  `read as categories: ${at(doubt)} looks like a date but is none that is read, such as 2024-01-31`;

type Words = (doubt: CsvDoubt) => Pick<Note, 'message' | 'cure'>;

/** For each kind of doubt of native/data/csv_columns.cpp, csv_dialect.cpp and libsvm_table.cpp. */
const words: Readonly<Record<string, Words>> = {
  header: ({ text }) => ({
    message: `line 1 (${text}) was taken for the names of the columns`,
    cure: { option: "header: 'no'" },
  }),
  'no header': ({ text }) => ({
    message: `line 1 (${text}) was taken for a row, not for the names of the columns`,
    cure: { option: "header: 'yes'" },
  }),
  index: ({ column }) => ({ message: 'has no name and counts the rows, like the index that pandas writes', cure: lists('ignore', column) }),
  comments: ({ count }) => ({
    message: `${times(count, 'line')} above the header that begin${count === 1 ? 's' : ''} with # ${count === 1 ? 'was' : 'were'} left out`,
  }),
  'stray quotes': ({ count, line }) => ({
    message: `${times(count, 'line end')} inside quotes, the first in line ${line}, ${count === 1 ? 'was' : 'were'} taken for text, and other quotes stand inside fields`,
    cure: { option: "quote: ''" },
  }),
  spaces: () => ({
    message: 'columns were told apart by runs of spaces',
    cure: { option: "delimiter: ','" },
  }),
  libsvm: ({ text }) => ({
    message: `libsvm was read: label, ${text === '' ? '' : 'qid (the query, no feature) '}and f1, f2, … by their index; what a line leaves out is 0`,
    cure: { option: "delimiter: ' '" },
  }),
  decimal: ({ text }) => ({
    message: `read as numbers with a decimal comma${text === '' ? '' : `, as ${shown(text)}`}`,
    cure: { option: "decimal: '.'" },
  }),
  points: (doubt) => ({
    message: `points between groups of three digits were read as thousands, as ${at(doubt)}: commas are decimal in other columns`,
    cure: { option: "decimal: '.'" },
  }),
  'point or group': ({ text }) => ({
    message: `read with decimal points, as ${shown(text)}; where commas are decimal these are thousands`,
    cure: { option: "decimal: ','" },
  }),
  thousands: ({ column, text }) => ({
    message: `read as numbers with commas between thousands, as ${shown(text)}`,
    cure: lists('categories', column),
  }),
  'comma or group': (doubt) => ({
    message: `read as categories: ${at(doubt)} may be a fraction or thousands`,
    cure: { option: "decimal: ',' or thousands: ','" },
  }),
  'decimal comma': (doubt) => ({
    message: `read as categories: numbers have a decimal comma, as ${at(doubt)}`,
    cure: { option: "decimal: ','" },
  }),
  group: (doubt) => ({
    message: `read as categories: numbers have commas between thousands, as ${at(doubt)}`,
    cure: { option: "thousands: ','" },
  }),
  spaced: (doubt) => ({
    message: `read as categories: numbers have gaps between thousands, as ${at(doubt)}`,
    cure: lists('numbers', doubt.column),
  }),
  percent: (doubt) => ({
    message: `read as categories: numbers come with a percent sign, as ${at(doubt)}`,
    cure: lists('numbers', doubt.column),
  }),
  currency: (doubt) => ({
    message: `read as categories: numbers come with a currency, as ${at(doubt)}`,
    cure: lists('numbers', doubt.column),
  }),
  'day and month': (doubt) => ({
    message: `read as categories: ${at(doubt)} is a date by day and month or by month and day`,
    cure: { option: "dateOrder: 'dmy' or dateOrder: 'mdy'" },
  }),
  'other order': (doubt) => ({
    message: otherOrder(doubt),
    cure: { option: "dateOrder: 'dmy' or 'mdy'", flag: '--date-order dmy, or mdy' },
  }),
  'date order': (doubt) => ({ message: otherOrder(doubt), cure: oddWords(doubt, 'dates') }),
  'date like': (doubt) => ({ message: noDate(doubt), cure: oddWords(doubt, 'dates') }),
  'unread dates': (doubt) => ({ message: noDate(doubt) }),
  zones: (doubt) => ({
    message: `${times(doubt.count, 'time')} without a zone ${doubt.count === 1 ? 'was' : 'were'} read as UTC, the first ${at(doubt)}; others have a zone`,
  }),
  empty: ({ column }) => ({ message: 'has no values, as where lines end with a delimiter', cure: lists('ignore', column) }),
  identifiers: (doubt) => ({
    message: `read as categories: ${at(doubt)} looks like an identifier (${/^[-+]?0/.test(doubt.text) ? 'zeros before a digit' : 'an integer beyond 2^53'})`,
    cure: lists('numbers', doubt.column),
  }),
  'words among numbers': (doubt) => ({ message: oddAmong('number', doubt), cure: oddWords(doubt, 'numbers') }),
  'words among dates': (doubt) => ({ message: oddAmong('date', doubt), cure: oddWords(doubt, 'dates') }),
  'bad values': (doubt) => ({
    message: `${times(doubt.count)} that ${doubt.count === 1 ? 'is no number was' : 'are no numbers were'} taken for missing, the first ${at(doubt)}`,
  }),
  rounded: (doubt) => ({
    message: `${times(doubt.count, 'integer')} beyond 2^53 may be rounded, the first ${at(doubt)}`,
    cure: lists('categories', doubt.column),
  }),
  different: ({ column, count }) => differentNote(column, count),
};

/** A spelling of missing, or the column as numbers with what is none taken for missing. */
const oddWords = ({ column, text }: CsvDoubt, option: 'numbers' | 'dates'): Note['cure'] => {
  const named = `${lists(option, column)!.option}, badValues: 'missing'`;
  return { option: text.length > most ? named : `${named}, or ${lists('missing', text)!.option} in place of the usual words` };
};

/** The notes of a table that was read. */
export const notesOf = (doubts: readonly CsvDoubt[]): Note[] =>
  doubts.map((doubt) => ({ ...(doubt.column === '' ? {} : { column: doubt.column }), ...words[doubt.kind]!(doubt) }));
