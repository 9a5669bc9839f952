// Random tables, written in random dialects, come back as they were, without an option that says which.
import { describe, expect, it } from 'vitest';
import { readCsv } from '../../lib/data/csv';
import type { Column } from '../../lib/data/table';
import { uniform } from '../../lib/nn/philox';

type Draw = (below: number) => number;

const drawer = (seed: number): Draw => {
  const draws = uniform(60_000, { seed, stream: 9 });
  let at = 0;
  return (below) => Math.floor(draws[at++ % draws.length]! * below);
};

const words = ['red', 'deep blue', 'it is "so"', 'a;b', 'x, y', 'two\nlines', 'élan', '+', 'a|b'];

type Kind = 'fraction' | 'integer' | 'word' | 'truth' | 'date';
interface Cell {
  readonly text: string;
  readonly value: number | string | null;
}

const dateOf = (days: number): Cell => {
  const date = new Date(Date.UTC(1960, 0, 1) + days * 86_400_000);
  return { text: date.toISOString().slice(0, 10), value: date.getTime() };
};

/** A cell of a kind; now and then a missing one. */
function cellOf(kind: Kind, draw: Draw, comma: boolean): Cell {
  if (draw(12) === 0 && kind === 'word') return { text: '', value: null }; // other spellings in quotes are words
  if (draw(12) === 0 && kind !== 'word') return { text: ['', 'NA', 'NULL', '#N/A'][draw(4)]!, value: Number.NaN };
  switch (kind) {
    case 'fraction': {
      const value = (draw(2_000_000) - 1_000_000) / 100;
      const written = value.toFixed(2);
      return { text: comma ? written.replace('.', ',') : written, value: Math.fround(value) };
    }
    case 'integer': {
      const value = draw(100_000) - 50_000;
      return { text: String(value), value };
    }
    case 'truth':
      return [
        { text: 'true', value: 1 },
        { text: 'False', value: 0 },
        { text: 'TRUE', value: 1 },
      ][draw(3)]!;
    case 'date':
      return dateOf(draw(40_000));
    case 'word': {
      const text = words[draw(words.length)]!;
      return { text, value: text };
    }
  }
}

interface Dialect {
  readonly delimiter: string;
  readonly end: string;
  readonly quoteAll: boolean;
  readonly spaces: boolean;
  readonly mark: boolean;
  readonly separator: boolean;
  readonly comma: boolean;
}

function dialectOf(draw: Draw): Dialect {
  const delimiter = [',', ';', '\t', '|', ' '][draw(5)]!;
  const end = ['\n', '\r\n', '\r'][draw(3)]!;
  const separator = delimiter !== ' ' && draw(4) === 0;
  return { delimiter, end, separator, quoteAll: draw(3) === 0, spaces: draw(3) === 0, mark: draw(3) === 0, comma: draw(2) === 0 };
}

function lineOf(cells: readonly string[], { delimiter, quoteAll, spaces }: Dialect, draw: Draw): string {
  const runs = delimiter === ' ';
  const written = cells.map((text) => {
    const must = /["\n\r]/.test(text) || text.includes(delimiter) || (runs && text === '');
    return must || quoteAll ? `"${text.replaceAll('"', '""')}"` : text;
  });
  const gap = (): string => (runs ? ' '.repeat(1 + draw(3)) : spaces && delimiter !== '\t' ? delimiter + ' '.repeat(draw(3)) : delimiter);
  return written.reduce((line, text) => line + gap() + text);
}

const valuesOf = (column: Column): (number | string | null)[] =>
  column.kind === 'number' ? Array.from(column.values) : Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));

describe('random tables', () => {
  it('come back from any dialect', async () => {
    const kinds: readonly Kind[] = ['fraction', 'integer', 'word', 'truth', 'date'];
    for (let seed = 0; seed < 300; seed++) {
      const draw = drawer(seed);
      const dialect = dialectOf(draw);
      const columns = ['integer' as Kind, ...Array.from({ length: 1 + draw(5) }, () => kinds[draw(kinds.length)]!)];
      const rows = Array.from({ length: 20 + draw(60) }, () => columns.map((kind) => cellOf(kind, draw, dialect.comma)));
      const names = columns.map((kind, c) => `${kind}_${c}`);
      const lines = [names, ...rows.map((row) => row.map((cell) => cell.text))].map((cells) => lineOf(cells, dialect, draw));
      const head = `${dialect.mark ? '\ufeff' : ''}${dialect.separator ? `sep=${dialect.delimiter}${dialect.end}` : ''}`;
      const words = /\n/g; // line ends inside quotes stay as they are but where files end lines by returns alone
      const text = head + lines.map((line) => (dialect.end === '\r' ? line.replace(words, '\r') : line) + dialect.end).join('');
      const table = await readCsv({ text });
      const expected = columns.map((_, c) =>
        rows.map((row) => (dialect.end === '\r' && typeof row[c]!.value === 'string' ? row[c]!.value.replace(words, '\r') : row[c]!.value)),
      );
      expect({ seed, ...dialect, names: table.columns.map((c) => c.name), columns: table.columns.map(valuesOf) }).toEqual({
        seed,
        ...dialect,
        names,
        columns: expected,
      });
    }
  });
});
