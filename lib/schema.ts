// Parameters from one source: a schema is a record of fields, and from it come the TypeScript type, the checks, the command-line flags, the table in the
// documentation and the block that a saved model carries.

import { describe, fail } from './errors';
import { isAbortSignal } from './realm';

/** The upper end of a range that has none. */
export const many = Number.POSITIVE_INFINITY;
/** The largest number below 1 that is so in f32 too. */
export const belowOne = 1 - 2 ** -24;

type Kind = 'number' | 'integer' | 'boolean' | 'text' | 'choice' | 'integers';

export interface Field<T> {
  readonly kind: Kind;
  readonly default: T;
  /**
   * Closed interval of allowed values, always finite ones; use Number.MIN_VALUE as the lower end for "more than 0", belowOne as the upper for "less than 1".
   * Each element's, for lists.
   */
  readonly range?: readonly [number, number];
  readonly choices?: readonly string[];
  readonly doc: string;
}

export type Schema = Readonly<Record<string, Field<any>>>;
/** All parameters, defaults filled in. */
export type Values<S extends Schema> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };
/** What a caller passes: any subset. */
export type Options<S extends Schema> = { readonly [K in keyof S]?: Values<S>[K] | undefined };

export const number = (value: number, range: readonly [number, number], doc: string): Field<number> => ({
  kind: 'number',
  default: value,
  range,
  doc,
});
export const integer = (value: number, range: readonly [number, number], doc: string): Field<number> => ({
  kind: 'integer',
  default: value,
  range,
  doc,
});
export const boolean = (value: boolean, doc: string): Field<boolean> => ({ kind: 'boolean', default: value, doc });
export const text = (value: string, doc: string): Field<string> => ({ kind: 'text', default: value, doc });
export const integers = (value: readonly number[], range: readonly [number, number], doc: string): Field<readonly number[]> => ({
  kind: 'integers',
  default: value,
  range,
  doc,
});
export const choice = <const C extends readonly string[]>(choices: C, value: C[number], doc: string): Field<C[number]> => ({
  kind: 'choice',
  default: value,
  choices,
  doc,
});

/** A value of a field: lists with their elements. */
export const show = (value: unknown): string => (Array.isArray(value) ? `[${value.join(', ')}]` : describe(value));

/** What a field accepts, in words: `a number in [0, 1]`. */
export function accepts(field: Field<unknown>): string {
  const within = field.range === undefined ? '' : rangeInWords(field.range);
  switch (field.kind) {
    case 'number':
      return `a number${within}`;
    case 'integer':
      return `an integer${within}`;
    case 'integers':
      return `integers${within}`;
    case 'boolean':
      return 'true or false';
    case 'text':
      return 'a string';
    case 'choice':
      return `one of ${field.choices!.join(', ')}`;
  }
}

function rangeInWords([low, high]: readonly [number, number]): string {
  const below = low === Number.MIN_VALUE ? 'more than 0' : `at least ${low}`;
  if (high === many) return low === Number.NEGATIVE_INFINITY ? '' : ` of ${below}`;
  return ` in ${low === Number.MIN_VALUE ? '(0' : `[${low}`}, ${high === belowOne ? '1)' : `${high}]`}`;
}

function isAccepted(field: Field<unknown>, value: unknown): boolean {
  const inRange = (n: unknown): boolean =>
    typeof n === 'number' &&
    Number.isFinite(n) &&
    (field.range === undefined || (n >= field.range[0] && n <= field.range[1])) &&
    (field.kind === 'number' || Number.isInteger(n));
  switch (field.kind) {
    case 'number':
    case 'integer':
      return inRange(value);
    case 'integers':
      return Array.isArray(value) && value.every(inRange);
    case 'boolean':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string';
    case 'choice':
      return field.choices!.includes(value as string);
  }
}

/** @throws ERR_TENSORWOOD_ARGUMENT when the options of `subject` are no object */
export function checkIsOptions(subject: string, options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) refuseOptions(subject, options);
}

export const refuseOptions = (subject: string, options: unknown): never =>
  fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected options as an object, got ${describe(options)}`);

/** @throws ERR_TENSORWOOD_ARGUMENT when the signal given to `subject` is no AbortSignal */
export function checkSignal(subject: string, signal: unknown): void {
  if (signal === undefined || isAbortSignal(signal)) return;
  fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected signal to be an AbortSignal, got ${describe(signal)}`);
}

/**
 * Refuses options that are no object, or of other names than these, and a signal among them that is none.
 * @throws ERR_TENSORWOOD_ARGUMENT
 */
export function checkOptions(subject: string, options: unknown, names: readonly string[]): void {
  checkIsOptions(subject, options);
  const unknown = Object.keys(options as object).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const near = suggestion(unknown, names);
    fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: unknown option '${unknown}'${near === '' ? `; it takes ${names.join(', ')}` : near}`);
  }
  checkSignal(subject, (options as { readonly signal?: unknown }).signal);
}

/**
 * Checks options against a schema and fills in the defaults. An option that is undefined counts as absent.
 * @param subject the beginning of every error sentence, such as `trainTrees`
 * @throws ERR_TENSORWOOD_ARGUMENT for what is no object, an unknown name (the nearest known one is suggested) or a value out of its range
 */
export function parse<S extends Schema>(subject: string, schema: S, options: Options<S> = {}): Values<S> {
  checkIsOptions(subject, options);
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(schema, name))
      fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: unknown option '${name}'${suggestion(name, Object.keys(schema))}`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const value = options[name] === undefined ? field.default : options[name];
    if (!isAccepted(field, value))
      fail('ERR_TENSORWOOD_ARGUMENT', `${subject}: expected ${name} to be ${accepts(field)}, got ${show(value)}`);
    values[name] = value;
  }
  return values as Values<S>;
}

/** The options of a schema among others. */
export const pick = <S extends Schema>(schema: S, options: Options<S>): Options<S> =>
  Object.fromEntries(Object.keys(schema).map((name) => [name, options[name]])) as Options<S>;

/** `, did you mean 'x'?` for the known name within two edits, and one for every two letters, else nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const best = known.map((k) => ({ k, d: editDistance(name.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.d - b.d)[0];
  return best !== undefined && best.d <= Math.min(2, name.length / 2) ? `, did you mean '${best.k}'?` : '';
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}

/** learningRate -> learning-rate */
export const flagName = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** Options from the values that parseArgs found; flags of other schemas are left alone. Give the result to parse(). */
export function fromFlags<S extends Schema>(schema: S, found: Readonly<Record<string, unknown>>): Options<S> {
  const options: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const given = found[flagName(name)];
    if (given !== undefined) options[name] = fromText(field, given);
  }
  return options as Options<S>;
}

function fromText(field: Field<unknown>, value: unknown): unknown {
  const given = Array.isArray(value) ? value.join(',') : value; // a list that was given in parts
  if (typeof given !== 'string') return given;
  // What is no number stays text, so that the refusal shows what was written.
  if (field.kind === 'integers') {
    const list = given === '' ? [] : given.split(',').map(Number);
    return list.some(Number.isNaN) ? given : list;
  }
  if (field.kind !== 'number' && field.kind !== 'integer') return given;
  return given.trim() === '' || Number.isNaN(Number(given)) ? given : Number(given);
}

/** One row a field, for --help and the documentation. */
export function rowsOf(schema: Schema): { name: string; flag: string; accepts: string; default: string; doc: string }[] {
  return Object.entries(schema).map(([name, f]) => ({
    name,
    flag: `--${flagName(name)}`,
    accepts: accepts(f),
    default: show(f.default),
    doc: f.doc,
  }));
}

/** Names as a sentence lists them: the first dozen. */
export const listed = (names: readonly string[]): string => `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`;

/** How many there are, in words: `1 row`, `2,000 rows`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
