// A trained model: prediction, importance, and its file.
import { TextDecoder } from 'node:util';
import { fail, type TensorwoodError } from '../errors';
import { type OpenedSource, openSource, type Source } from '../files/source';
import { checkTarget, type Target, writeTo } from '../files/target';
import { type ForestHandle, native, type PredictSpec, type RuntimeHandle, runJob } from '../native';
import { disposal } from '../realm';
import { choice, integer, type Options, parse, text } from '../schema';
import { finish, finishInTurns, type Work } from '../turns';
import { checkCall } from './check';
import type { Features } from './features';
import { matchFeatures, type Signature } from './match';
import { Owned } from './owned';
import type { TreeValues } from './params';
import { createRowReader, type NativeRow, type Row } from './row';

const predictSchema = {
  output: choice(
    ['response', 'margin', 'leaf'],
    'response',
    'response: the value, the probability of class 1, or of every class; margin: before the link; leaf: node positions',
  ),
  from: integer(0, [0, 1_000_000], 'first round used'),
  to: integer(1_000_000, [0, 1_000_000], 'round after the last one used; more than there are = all'),
} as const;

const loadSchema = { threads: integer(0, [0, 1024], 'threads that predict; 0 = the cores of this process') } as const;

const parseSchema = { ...loadSchema, subject: text('forest', 'beginning of the sentences of errors') } as const;

/** How a model is read from its text. */
export interface ParseOptions extends Options<typeof parseSchema> {
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends Options<typeof loadSchema> {
  readonly signal?: AbortSignal;
}

export interface PredictOptions extends Options<typeof predictSchema> {
  readonly signal?: AbortSignal;
}

/** What the model file keeps beside the trees. */
export interface About extends Signature {
  readonly parameters: Partial<TreeValues>;
  readonly classes?: readonly string[];
}

export interface Importance {
  readonly name: string;
  /** Sum of the gains of its splits (twice the loss taken off). */
  readonly gain: number;
  readonly splits: number;
}

// structuredClone() and postMessage() would make a copy without the trees: a symbol stops them, and its text says what to do.
const notCloned = Symbol('a forest; send the text of await forest.toJSONText() instead, and read it by parseForest(text)');

export class Forest {
  /** Of native memory, which no structuredClone() copies. @internal */
  readonly native = notCloned;
  readonly objective: TreeValues['objective'];
  /** Values per row: the number of classes for multiclass, else 1. */
  readonly outputs: number;
  readonly rounds: number;
  readonly signature: Signature;
  /** Names of the classes when labels came with names. */
  readonly classes: readonly string[] | undefined;
  readonly parameters: Partial<TreeValues>;
  #owned: Owned<ForestHandle>;
  #result: Float32Array;
  #readRow: ((row: Row) => NativeRow) | undefined;
  /** Columns of which it was told that none of their values is known. */
  readonly #told = new Set<string>();

  /** @internal use trainTrees or loadForest */
  constructor(handle: ForestHandle, about: About) {
    const { objective, classes, rounds } = native().describeForest(handle);
    this.objective = objective as TreeValues['objective'];
    this.outputs = classes;
    this.rounds = rounds;
    this.signature = { names: about.names, categories: about.categories };
    this.classes = about.classes;
    this.parameters = about.parameters;
    this.#owned = new Owned(handle, 'forest: expected a model', (alive) => native().dispose(alive));
    this.#result = new Float32Array(classes);
  }

  get #alive(): ForestHandle {
    return this.#owned.handle;
  }

  *#prepare(features: Features, options: PredictOptions): Work<{ spec: PredictSpec; output: Float32Array | Int32Array }> {
    const { signal: _, ...rest } = options;
    const values = parse('predict', predictSchema, rest);
    const { rows, columns } = yield* matchFeatures('predict', features, this.signature, this.#told);
    const to = Math.min(values.to, this.rounds);
    if (values.from > to) fail('ERR_TENSORWOOD_ARGUMENT', `predict: expected from at most ${to}, got ${values.from}`);
    const leaf = values.output === 'leaf';
    const output = leaf ? new Int32Array(rows * (to - values.from) * this.outputs) : new Float32Array(rows * this.outputs);
    return { spec: { rows, columns, output: predictSchema.output.choices!.indexOf(values.output), from: values.from, to }, output };
  }

  /**
   * Predicts all rows on all threads, off the event loop. -> (rows, outputs) Float32Array, or (rows, trees) Int32Array for `leaf`.
   * Do not change the features before the promise settles.
   * @throws ERR_TENSORWOOD_MODEL when the features do not match the model's
   */
  async predict(features: Features, options?: PredictOptions & { output?: 'response' | 'margin' }): Promise<Float32Array>;
  async predict(features: Features, options: PredictOptions & { output: 'leaf' }): Promise<Int32Array>;
  async predict(features: Features, options: PredictOptions = {}): Promise<Float32Array | Int32Array> {
    checkCall('predict', options);
    return await this.#owned.lend(async (handle) => {
      const { spec, output } = await finishInTurns(this.#prepare(features, options), options.signal);
      await runJob(() => native().predictForest(handle, spec, output), options.signal);
      return output;
    });
  }

  /** The same on the calling thread and the pool; returns when done. */
  predictSync(features: Features, options?: PredictOptions & { output?: 'response' | 'margin' }): Float32Array;
  predictSync(features: Features, options: PredictOptions & { output: 'leaf' }): Int32Array;
  predictSync(features: Features, options: PredictOptions = {}): Float32Array | Int32Array {
    checkCall('predictSync', options);
    const { spec, output } = finish(this.#prepare(features, options));
    native().predictForestSync(this.#alive, spec, output);
    return output;
  }

  /**
   * One row, at once: values in the model's order, or a record by column name; categories by name or by their code in the model.
   * null, undefined, the empty text, NaN and codes below 0 are missing.
   * -> the value or the probability of class 1; for multiclass a Float32Array of probabilities that the next call overwrites.
   * @throws ERR_TENSORWOOD_MODEL when the row has other columns than the model, or a value that its column cannot hold
   */
  predictRow(row: Row): number | Float32Array {
    this.#readRow ??= createRowReader(this.signature, this.#told);
    native().predictRow(this.#alive, this.#readRow(row), this.#result, false);
    return this.outputs === 1 ? this.#result[0]! : this.#result;
  }

  /** Columns by the gain of their splits, largest first. */
  importance(): Importance[] {
    const { gain, splits } = native().describeForest(this.#alive);
    const all = this.signature.names.map((name, i) => ({ name, gain: gain[i]!, splits: splits[i]! }));
    return all.sort((a, b) => b.gain - a.gain);
  }

  /** The model as JSON text: the content of its file, which parseForest reads. */
  async toJSONText(): Promise<string> {
    return new TextDecoder().decode(await this.#print());
  }

  /** The same as a value, for JSON.stringify(), on the calling thread: parseForest({ text: JSON.stringify(value) }) reads it. */
  toJSON(): unknown {
    return JSON.parse(new TextDecoder().decode(native().saveForestSync(this.#alive)));
  }

  #print(): Promise<Uint8Array> {
    return runJob(() => native().saveForest(this.#alive));
  }

  /**
   * Writes the model file, or into a stream. Of a file, the old one or the whole new one is there at any moment.
   * @throws ERR_TENSORWOOD_FILE
   */
  async save(target: Target): Promise<void> {
    checkTarget('save', target);
    await writeTo('save', target, [await this.#print()]);
  }

  /** Frees the native memory, at the end of the predictions that have begun. Idempotent. */
  dispose(): void {
    this.#owned.dispose();
  }

  [disposal](): void {
    this.dispose();
  }
}

/** What a model file says about its columns, checked against the trees. */
function readAbout(subject: string, text: string, features: number): About {
  const about = parseAbout(subject, text);
  const named = Array.isArray(about.names) && about.names.every((n) => typeof n === 'string');
  const listed =
    Array.isArray(about.categories) &&
    about.categories.every((c) => c === null || Number.isInteger(c) || (Array.isArray(c) && c.every((n) => typeof n === 'string')));
  if (!named || !listed || about.names.length !== features || about.categories.length !== features)
    fail('ERR_TENSORWOOD_FORMAT', `${subject}: expected the names and categories of ${features} columns; the file is damaged`);
  if (about.classes !== undefined && !(Array.isArray(about.classes) && about.classes.every((n) => typeof n === 'string')))
    fail('ERR_TENSORWOOD_FORMAT', `${subject}: expected the names of the classes as text; the file is damaged`);
  return { ...about, parameters: about.parameters ?? {} };
}

function parseAbout(subject: string, text: string): About {
  try {
    return (JSON.parse(text) ?? {}) as About;
  } catch (error) {
    return fail('ERR_TENSORWOOD_FORMAT', `${subject}: expected JSON in 'about'; the file is damaged`, error);
  }
}

const headBytes = 2 ** 16; // in which a model says that it is one

async function readHandle(runtime: RuntimeHandle, bytes: Uint8Array, subject: string, signal?: AbortSignal): Promise<ForestHandle> {
  try {
    return await runJob(() => native().loadForest(runtime, bytes, subject), signal);
  } catch (error) {
    // Of a file that never was a model, the place where reading stopped says nothing.
    const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(headBytes, bytes.length));
    if ((error as TensorwoodError).code !== 'ERR_TENSORWOOD_FORMAT' || head.includes('"tensorwood-forest"')) throw error;
    return fail(
      'ERR_TENSORWOOD_FORMAT',
      `${subject}: expected a forest that tensorwood saved, got another file; this is not a tensorwood model`,
      error,
    );
  }
}

/** A text that begins as JSON does is a model, and no path. */
const asSource = (model: Source): Source => (typeof model === 'string' && /^\s*\{/.test(model) ? { text: model } : model);

/**
 * A model from the content of its file: JSON text or its bytes (do not change them before the promise settles), or any other source.
 * @throws ERR_TENSORWOOD_FORMAT when they are anything but an undamaged model file of tensorwood
 */
export async function parseForest(model: Source, options: ParseOptions = {}): Promise<Forest> {
  checkCall('parseForest', options);
  const { signal, ...rest } = options;
  const { subject, threads } = parse('parseForest', parseSchema, rest);
  return readForest(subject, await openSource(subject, asSource(model), { signal }), { threads, signal });
}

/** Reads a model file. @throws ERR_TENSORWOOD_FILE (cannot be read), _FORMAT (not a model file) */
export async function loadForest(source: Source, options: LoadOptions = {}): Promise<Forest> {
  checkCall('loadForest', options);
  const { signal, ...rest } = options;
  const { threads } = parse('loadForest', loadSchema, rest);
  const opened = await openSource('loadForest', source, { signal });
  return readForest(`loadForest: ${opened.name}`, opened, { threads, signal });
}

interface Reading {
  readonly threads: number;
  readonly signal: AbortSignal | undefined;
}

async function readForest(subject: string, opened: OpenedSource, { threads, signal }: Reading): Promise<Forest> {
  const bytes = await opened.bytes('loadForest', signal);
  const runtime = native().createRuntime('cpu', threads, '');
  try {
    const handle = await readHandle(runtime, bytes, subject, signal);
    const { about, features } = native().describeForest(handle);
    return new Forest(handle, readAbout(subject, about, features));
  } finally {
    native().dispose(runtime); // the model keeps it alive
  }
}
