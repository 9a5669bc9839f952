// What the cells of a Parquet column mean, by how they are stored and what the schema says of them: numbers, times or text. Bytes come as byte strings, a
// character each: so they can be told apart by a map, and text stays undecoded. Format: github.com/apache/parquet-format, "LogicalTypes".
import { isUtf8 } from 'node:buffer';
import { shortestSingle, widen } from '../../floats';

/** A bigint for 64-bit integers and, as nanoseconds since 1970, for INT96; a byte string for bytes. */
export type Cell = number | bigint | string | boolean;

export interface NumberMeaning {
  readonly kind: 'number';
  /** Milliseconds since 1970. */
  readonly times?: true;
  number(cell: Cell): number;
  /** As a category: the shortest text that tells it from its neighbours. */
  text(cell: Cell): string;
}

export interface TextMeaning {
  readonly kind: 'text';
  /** The byte strings of UTF-8 text, one for each of `cells`; `doubt` says how, where it is no plain text. */
  texts(cells: readonly string[]): { readonly texts: readonly string[]; readonly doubt?: string };
}

export interface Unreadable {
  readonly kind: 'unreadable';
  /** Follows 'is'. */
  readonly reason: string;
}

export type Meaning = NumberMeaning | TextMeaning | Unreadable;

/** What hyparquet says of a column. */
export interface Element {
  readonly type?: string | undefined;
  readonly type_length?: number | undefined;
  readonly repetition_type?: string | undefined;
  readonly converted_type?: string | undefined;
  readonly logical_type?: object | undefined;
  readonly scale?: number | undefined;
}

interface Annotation {
  readonly type: string;
  readonly unit?: string;
  readonly scale?: number;
  readonly isSigned?: boolean;
}

const day = 86_400_000; // milliseconds
const unitsInMillisecond: Readonly<Record<string, number>> = { MILLIS: 1, MICROS: 1e3, NANOS: 1e6 };

/** The older names of what is now an annotation with parameters. */
function annotationOf({ logical_type, converted_type: old, scale }: Element): Annotation | undefined {
  const { type, ...parameters } = (logical_type ?? {}) as Partial<Annotation>;
  if (type !== undefined) return { type, ...(scale === undefined ? {} : { scale }), ...parameters };
  if (old === undefined) return undefined;
  const integer = /^(U?)INT_/.exec(old);
  if (integer !== null) return { type: 'INTEGER', isSigned: integer[1] === '' };
  const timed = /^(TIME|TIMESTAMP)_(MILLIS|MICROS)$/.exec(old);
  if (timed !== null) return { type: timed[1]!, unit: timed[2]! };
  return { type: old === 'UTF8' ? 'STRING' : old, scale: scale ?? 0 };
}

const plain = (number: (cell: Cell) => number, text: (cell: Cell) => string = String): NumberMeaning => ({ kind: 'number', number, text });

const signed = plain(Number);
const unsigned32 = (cell: Cell): number => Number(cell) >>> 0;
const unsigned64 = (cell: Cell): bigint => BigInt.asUintN(64, cell as bigint);
const unsigned = {
  INT32: plain(unsigned32, (cell) => String(unsigned32(cell))),
  INT64: plain(
    (cell) => Number(unsigned64(cell)),
    (cell) => String(unsigned64(cell)),
  ),
};

const halfForm = { exponentBits: 5, mantissaBits: 10 };

/** IEEE 754 binary16, little-endian. */
const halfOf = (cell: Cell): number => widen((cell as string).charCodeAt(0) | ((cell as string).charCodeAt(1) << 8), halfForm);

/** A whole number of any storage; bytes are big-endian, in two's complement. */
function wholeOf(cell: Cell): bigint {
  if (typeof cell !== 'string') return BigInt(cell);
  return cell === '' ? 0n : BigInt.asIntN(8 * cell.length, BigInt(`0x${hexOf(cell)}`));
}

function decimalText(cell: Cell, scale: number): string {
  const whole = wholeOf(cell);
  const digits = (whole < 0n ? -whole : whole).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${whole < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
}

const exactPower = 22; // 10^22 is the last power of ten that is a double

/** The double that is nearest: a quotient of two exact numbers is, and so is what the digits say. */
function decimalOf(cell: Cell, scale: number): number {
  const whole = typeof cell === 'string' ? Number(wholeOf(cell)) : Number(cell);
  if (Number.isSafeInteger(whole) && scale <= exactPower) return whole / 10 ** scale;
  return Number(decimalText(cell, scale));
}

function decimal({ scale = 0 }: Annotation): Meaning {
  if (scale < 0 || scale > 1000) return { kind: 'unreadable', reason: `a DECIMAL of scale ${scale}` };
  return plain(
    (cell) => decimalOf(cell, scale),
    (cell) => decimalText(cell, scale),
  );
}

/** Rounded once: whole milliseconds are exact, and their fraction is added. */
function millisecondsOf(cell: Cell, units: number): number {
  if (typeof cell === 'number' || units < 1e6) return Number(cell) / units;
  const [whole, rest] = [(cell as bigint) / 1_000_000n, (cell as bigint) % 1_000_000n];
  return Number(whole) + Number(rest) / units;
}

/** ISO 8601 with all digits of the unit, zeros at the end left out. */
function timeText(cell: Cell, units: number): string {
  const all = BigInt(cell as bigint | number);
  const rest = BigInt.asUintN(64, ((all % BigInt(units)) + BigInt(units)) % BigInt(units));
  const milliseconds = Number((all - rest) / BigInt(units));
  if (Math.abs(milliseconds) > 8.64e15) return String(milliseconds);
  const digits = units === 1 ? '' : String(rest).padStart(String(units).length - 1, '0');
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${digits}`.replace(/\.?0+$/, '');
}

function timestamp({ unit = '' }: Annotation): Meaning {
  const units = unitsInMillisecond[unit];
  if (units === undefined) return { kind: 'unreadable', reason: 'a TIMESTAMP without its unit' };
  return {
    ...plain(
      (cell) => millisecondsOf(cell, units),
      (cell) => `${timeText(cell, units)}Z`,
    ),
    times: true,
  };
}

/** Milliseconds since midnight. */
function timeOfDay({ unit = '' }: Annotation): Meaning {
  const units = unitsInMillisecond[unit];
  if (units === undefined) return { kind: 'unreadable', reason: 'a TIME without its unit' };
  return plain(
    (cell) => millisecondsOf(cell, units),
    (cell) => timeText(cell, units).slice(11),
  );
}

const date: NumberMeaning = {
  ...plain(
    (cell) => Number(cell) * day,
    (cell) => timeText(Number(cell) * day, 1).slice(0, 10),
  ),
  times: true,
};

const hexOf = (cell: string): string => Buffer.from(cell, 'latin1').toString('hex');
const isText = (cell: string): boolean => isUtf8(Buffer.from(cell, 'latin1'));
const isNotText = (cell: string): boolean => !isText(cell);
const repaired = (cell: string): string => (isText(cell) ? cell : Buffer.from(Buffer.from(cell, 'latin1').toString()).toString('latin1'));

const text: TextMeaning = {
  kind: 'text',
  texts(cells) {
    const broken = cells.filter(isNotText).length;
    if (broken === 0) return { texts: cells };
    return { texts: cells.map(repaired), doubt: `holds ${broken} texts that are not UTF-8: what cannot be read in them stands as \ufffd` };
  },
};

const bytes: TextMeaning = {
  kind: 'text',
  texts(cells) {
    if (!cells.some(isNotText)) return { texts: cells };
    return { texts: cells.map(hexOf), doubt: 'holds bytes that are no UTF-8 text: read as hexadecimal digits' };
  },
};

const uuid: TextMeaning = {
  kind: 'text',
  texts: (cells) => ({ texts: cells.map((cell) => hexOf(cell).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')) }),
};

const missing = plain(() => Number.NaN);

const integers = (annotation: Annotation, storage: 'INT32' | 'INT64'): Meaning =>
  annotation.isSigned === false ? unsigned[storage] : signed;

/** By annotation and storage; what is not here cannot be read. */
const meanings: Readonly<Record<string, (annotation: Annotation) => Meaning>> = {
  BOOLEAN: () => signed,
  INT32: () => signed,
  INT64: () => signed,
  INT96: () => timestamp({ type: 'TIMESTAMP', unit: 'NANOS' }),
  FLOAT: () => plain(Number, (cell) => shortestSingle(cell as number)),
  DOUBLE: () => signed,
  BYTE_ARRAY: () => bytes,
  FIXED_LEN_BYTE_ARRAY: () => bytes,
  'INTEGER INT32': (annotation) => integers(annotation, 'INT32'),
  'INTEGER INT64': (annotation) => integers(annotation, 'INT64'),
  'DECIMAL INT32': decimal,
  'DECIMAL INT64': decimal,
  'DECIMAL BYTE_ARRAY': decimal,
  'DECIMAL FIXED_LEN_BYTE_ARRAY': decimal,
  'DATE INT32': () => date,
  'TIME INT32': timeOfDay,
  'TIME INT64': timeOfDay,
  'TIMESTAMP INT64': timestamp,
  'FLOAT16 FIXED_LEN_BYTE_ARRAY': () => plain(halfOf, (cell) => String(halfOf(cell))),
  'STRING BYTE_ARRAY': () => text,
  'STRING FIXED_LEN_BYTE_ARRAY': () => text,
  'ENUM BYTE_ARRAY': () => text,
  'JSON BYTE_ARRAY': () => text,
  'UUID FIXED_LEN_BYTE_ARRAY': () => uuid,
};

const lengths: Readonly<Record<string, number>> = { FLOAT16: 2, UUID: 16 };

/** What a column without children means. */
export function meaningOf(element: Element): Meaning {
  const { type: storage = 'no type', type_length: length } = element;
  const annotation = annotationOf(element);
  if (annotation?.type === 'NULL') return missing;
  const meaning = meanings[annotation === undefined ? storage : `${annotation.type} ${storage}`];
  const expected = lengths[annotation?.type ?? ''];
  if (meaning === undefined || (expected !== undefined && length !== expected))
    return { kind: 'unreadable', reason: annotation === undefined ? `of type ${storage}` : `${annotation.type} (in ${storage})` };
  return meaning(annotation ?? { type: storage });
}
