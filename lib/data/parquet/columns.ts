// A Parquet column gathered chunk by chunk, in the form in which it crosses to the thread that asked for it: typed arrays, and the categories as UTF-8.
import { literal, type Note } from '../notes';
import type { NumberArray } from '../table';
import type { Cell, NumberMeaning, TextMeaning } from './meaning';

export interface NumberParts {
  readonly kind: 'number';
  readonly name: string;
  readonly values: NumberArray;
  readonly times?: true;
  readonly notes: readonly Note[];
}

export interface CategoryParts {
  readonly kind: 'category';
  readonly name: string;
  readonly codes: Int32Array;
  /** Of all categories, one after the other; sorted by their bytes, or by their numbers. */
  readonly text: Uint8Array;
  /** Where each ends, bytes. */
  readonly ends: Float64Array;
  readonly notes: readonly Note[];
}

export type ColumnParts = NumberParts | CategoryParts;

/** As decoded: null is missing, undefined is a code that the dictionary does not have. */
export type Cells = ArrayLike<Cell | null | undefined>;

/** Memory for all rows is taken when the first of them have been decoded, so that what a file claims to hold costs nothing. */
export interface Gatherer {
  take(cells: Cells): void;
  finish(): ColumnParts;
}

const failCode = (): never => {
  throw new Error('a code is not in its dictionary');
};

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, { length }) => sum + length, 0);

const watched = 2 ** 20; // numbers among which merged ones are looked for

const longestExact = 6; // bytes of an integer that is exact whatever it is

/** Whether a cell has more digits than a double: an integer, or one in units of its own, as times in nanoseconds are, beyond 2^53. */
const isLong = (cell: Cell): boolean =>
  typeof cell === 'string' ? cell.length > longestExact : typeof cell === 'bigint' && !Number.isSafeInteger(Number(cell));

/** Finds two cells that differ and have the same nearest number. */
function createWatch(name: string, meaning: NumberMeaning) {
  const cells = new Map<number, Cell>();
  let note: Note | undefined;
  return {
    see(value: number, cell: Cell): void {
      if (note !== undefined || !isLong(cell) || !Number.isFinite(value)) return;
      const other = cells.get(value);
      if (other === undefined) {
        if (cells.size < watched) cells.set(value, cell);
      } else if (other !== cell && meaning.text(other) !== meaning.text(cell)) {
        const both = `${meaning.text(other)} and ${meaning.text(cell)}`;
        note = {
          column: name,
          message: `holds numbers of more digits than 64-bit floats keep, of which some become one (${both} are both ${value})`,
          cure: { option: `categories: [${literal(name)}]` },
        };
      }
    },
    notes: (): readonly Note[] => (note === undefined ? [] : [note]),
  };
}

/** Numbers; NaN is missing. As f32 where that is exact for all of them, else f64; times always as f64. */
export function gatherNumbers(name: string, meaning: NumberMeaning, rows: number): Gatherer {
  let [values, at] = [new Float64Array(0), 0];
  const watch = createWatch(name, meaning);
  let wide = meaning.times === true;
  return {
    take(cells) {
      if (at === 0) values = new Float64Array(rows);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        if (cell === null) values[at++] = Number.NaN;
        else {
          const value = meaning.number(cell ?? failCode());
          values[at++] = value;
          if (!wide && Math.fround(value) !== value && !Number.isNaN(value)) wide = true;
          watch.see(value, cell!);
        }
      }
    },
    finish() {
      const kept = wide ? values : new Float32Array(values);
      return { kind: 'number', name, values: kept, ...(meaning.times ? { times: true } : {}), notes: watch.notes() };
    },
  };
}

/** A category by the order in which it was found. */
interface Found {
  readonly text: string;
  readonly code: number;
  readonly order: number | string;
}

/** Categories; the empty text, as null, is missing. */
export function gatherCategories(name: string, meaning: NumberMeaning | TextMeaning, rows: number): Gatherer {
  let [codes, at] = [new Int32Array(0), 0];
  const codeOf = new Map<Cell, number>();
  return {
    take(cells) {
      if (at === 0) codes = new Int32Array(rows);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        let code = cell === null ? -1 : codeOf.get(cell!);
        if (code === undefined) {
          code = codeOf.size;
          codeOf.set(cell ?? failCode(), code);
        }
        codes[at++] = code;
      }
    },
    finish() {
      const cells = [...codeOf.keys()];
      const { found, notes } = meaning.kind === 'number' ? byNumber(meaning, cells) : byText(name, meaning, cells as string[]);
      const { ranks, texts } = rank(
        found.filter(({ text }) => text !== ''),
        cells.length,
      );
      for (let i = 0; i < codes.length; i++) if (codes[i]! >= 0) codes[i] = ranks[codes[i]!]!;
      return { kind: 'category', name, codes, ...pack(texts), notes };
    },
  };
}

function byNumber(meaning: NumberMeaning, cells: readonly Cell[]): { found: Found[]; notes: Note[] } {
  const all = cells.map((cell, code) => ({ text: meaning.text(cell), code, order: meaning.number(cell) }));
  return { found: all.filter(({ order }) => !Number.isNaN(order)), notes: [] };
}

function byText(name: string, meaning: TextMeaning, cells: readonly string[]): { found: Found[]; notes: Note[] } {
  const { texts, doubt } = meaning.texts(cells);
  const notes = doubt === undefined ? [] : [{ column: name, message: doubt }];
  return { found: texts.map((text, code) => ({ text, code, order: text })), notes };
}

/** The place of each code among the sorted texts; what has no text has none: -1. */
function rank(found: Found[], codes: number): { ranks: Int32Array; texts: string[] } {
  found.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.text < b.text ? -1 : 1));
  const ranks = new Int32Array(codes).fill(-1);
  const texts: string[] = [];
  for (const { text, code } of found) {
    if (texts.at(-1) !== text) texts.push(text);
    ranks[code] = texts.length - 1;
  }
  return { ranks, texts };
}

function pack(texts: readonly string[]): { text: Uint8Array; ends: Float64Array } {
  const text = Buffer.alloc(lengthOf(texts));
  const ends = new Float64Array(texts.length);
  let at = 0;
  texts.forEach((one, i) => {
    at += text.write(one, at, 'latin1');
    ends[i] = at;
  });
  return { text: new Uint8Array(text.buffer, text.byteOffset, text.length), ends };
}
