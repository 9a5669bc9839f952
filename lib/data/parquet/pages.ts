// The pages of a column chunk, looked at before they are decoded. The decoder takes the counts of a page at their word, and a run of 2^31 values in five bytes
// would end the process; here each count is held against the rows that there are. Format: github.com/apache/parquet-format, "Data Pages".

/** A column of a row group as it lies in the file. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly optional: boolean;
  readonly boolean: boolean;
}

/** Unpacks the bytes of a page to so many. */
export type Unpack = (bytes: Uint8Array, length: number) => Uint8Array;

export interface Pages {
  /** In the order in which the decoder asks for them to be unpacked. */
  readonly unpacked: readonly Uint8Array[];
  /** No value is missing, and the levels that say so are taken out: to be decoded as a column that is required, which is faster by half. */
  readonly complete: boolean;
}

interface Page {
  readonly kind: 'dictionary' | 'data';
  readonly values: number;
  /** As the header says, where it does. */
  readonly nulls?: number;
  readonly encoding: number;
  /** Bytes of levels before what is packed: none but in version 2. */
  readonly levels: number;
  readonly isPacked: boolean;
  readonly unpackedBytes: number;
  readonly version: 1 | 2;
}

const dictionaryEncodings = [2, 8];
const runs = 3;
const deltas = { numbers: 5, lengths: 6, prefixes: 7 };
const pageKinds = { data: 0, dictionary: 2, dataOfVersion2: 3 };

type Value = number | boolean | Struct | undefined;
type Struct = ReadonlyMap<number, Value>;

/** Thrift's compact protocol, as far as page headers go: numbers of 32 bits, booleans and records; the rest is stepped over. */
class HeaderReader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.at >= this.bytes.length) throw new Error('it ends inside a page header');
    return this.bytes[this.at++]!;
  }

  varint(): number {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Error('it has a malformed number in a page header');
  }

  number(): number {
    const folded = this.varint();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  struct(depth = 0): Struct {
    if (depth > 8) throw new Error('it has a malformed page header');
    const fields = new Map<number, Value>();
    for (let field = 0; ; ) {
      const head = this.byte();
      if ((head & 15) === 0) return fields;
      field = head >> 4 === 0 ? this.number() : field + (head >> 4);
      fields.set(field, this.value(head & 15, depth));
    }
  }

  private value(type: number, depth: number): Value {
    if (type === 1 || type === 2) return type === 1;
    if (type === 3) return this.skip(1);
    if (type === 5) return this.number();
    if (type === 4 || type === 6) return void this.varint();
    if (type === 12) return this.struct(depth + 1);
    if (type === 7) return this.skip(8);
    if (type === 8) return this.skip(this.varint());
    throw new Error('it has a malformed page header');
  }

  private skip(bytes: number): undefined {
    this.at += bytes;
  }
}

function numberIn(struct: Struct, field: number): number {
  const found = struct.get(field);
  if (typeof found === 'number' && Math.abs(found) < 2 ** 31) return found;
  throw new Error('it has a malformed page header');
}

/**
 * Unpacks the pages of a chunk, one after the other.
 * @throws Error when they do not hold the rows of the chunk, in its bytes
 */
export function unpackPages(chunk: Chunk, unpack: Unpack): Pages {
  const reader = new HeaderReader(chunk.bytes);
  const unpacked: { bytes: Uint8Array; levels: number }[] = [];
  const limit = process.availableMemory();
  let [values, bytes, complete, hasDictionary] = [0, 0, chunk.optional, false];
  while (values < chunk.rows) {
    const header = reader.struct();
    const size = numberIn(header, 3);
    if (size < 0 || reader.at + size > chunk.bytes.length) throw new Error('it ends inside a page');
    const page = readPage(header);
    if (page.kind === 'data') values += page.values;
    if (page.values < 0 || values > chunk.rows) throw new Error(`a page claims ${page.values} values where ${chunk.rows} rows are`);
    bytes += page.unpackedBytes;
    if (bytes > limit) throw new Error(`it unpacks to ${bytes} bytes, which is more than there is memory`);
    hasDictionary ||= page.kind === 'dictionary';
    if (isByDictionary(page) && !hasDictionary) throw new Error('it lacks its dictionary');
    const looked = lookInto(page, chunk, { packed: chunk.bytes.subarray(reader.at, reader.at + size), unpack });
    if (page.isPacked) unpacked.push(looked);
    complete &&= page.isPacked && looked.complete;
    reader.at += size;
  }
  // Behind the values nothing is read, so the levels may stand there: the page keeps its length.
  if (complete) for (const page of unpacked) page.bytes.copyWithin(0, page.levels);
  return { unpacked: unpacked.map((page) => page.bytes), complete };
}

const isByDictionary = ({ kind, encoding }: Page): boolean => kind === 'data' && dictionaryEncodings.includes(encoding);

function readPage(header: Struct): Page {
  const fields = (field: number): Struct => {
    const found = header.get(field);
    if (typeof found !== 'object') throw new Error('it has a page without its header');
    return found;
  };
  const unpackedBytes = numberIn(header, 2);
  const page = { version: 1, levels: 0, isPacked: true, unpackedBytes } as const;
  switch (numberIn(header, 1)) {
    case pageKinds.dictionary: {
      const values = numberIn(fields(7), 1);
      if (values > 8 * unpackedBytes) throw new Error(`a dictionary claims ${values} values in ${unpackedBytes} bytes`);
      return { ...page, kind: 'dictionary', values, encoding: 0 };
    }
    case pageKinds.data: {
      const data = fields(5);
      if (numberIn(data, 3) !== runs) throw new Error('its levels are not run lengths');
      return { ...page, kind: 'data', values: numberIn(data, 1), encoding: numberIn(data, 2) };
    }
    case pageKinds.dataOfVersion2: {
      const data = fields(8);
      const [values, nulls, rows, levels] = [1, 2, 3, 5].map((field) => numberIn(data, field)) as [number, number, number, number];
      if (nulls < 0 || nulls > values) throw new Error(`a page claims ${nulls} nulls among ${values} values`);
      if (rows !== values || numberIn(data, 6) !== 0 || levels < 0) throw new Error('it has malformed levels');
      return {
        kind: 'data',
        version: 2,
        values,
        encoding: numberIn(data, 4),
        levels,
        isPacked: data.get(7) !== false,
        unpackedBytes: unpackedBytes - levels,
      };
    }
    default:
      throw new Error(`it has a page of kind ${numberIn(header, 1)}`);
  }
}

interface Looked {
  readonly bytes: Uint8Array;
  readonly levels: number;
  readonly complete: boolean;
}

/** Unpacks a page and looks at its levels and at its codes into the dictionary. @throws Error when their runs are longer than the page */
function lookInto(page: Page, chunk: Chunk, { packed, unpack }: { packed: Uint8Array; unpack: Unpack }): Looked {
  if (page.levels > packed.length) throw new Error('it has malformed levels');
  const body = packed.subarray(page.levels);
  const bytes = page.isPacked ? unpack(body, page.unpackedBytes) : body;
  if (bytes.length !== page.unpackedBytes) throw new Error(`a page of ${page.unpackedBytes} bytes unpacks to ${bytes.length}`);
  if (page.kind === 'dictionary') return { bytes, levels: 0, complete: true };
  const inside = page.version === 1 && chunk.optional ? 4 + lengthAt(bytes) : 0;
  const levels = page.version === 2 ? packed.subarray(0, page.levels) : bytes.subarray(4, inside);
  const present = chunk.optional ? countOnes(levels, page.values) : page.values;
  if (page.nulls !== undefined && page.nulls !== page.values - present)
    throw new Error(`a page claims ${page.nulls} nulls where ${page.values - present} are`);
  checkValues({ ...page, values: present }, chunk, bytes.subarray(inside));
  return { bytes, levels: inside, complete: present === page.values };
}

function lengthAt(bytes: Uint8Array): number {
  const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (length < 0 || length > bytes.length - 4) throw new Error('it ends inside the levels of a page');
  return length;
}

/** @param page with those of its values that are there */
function checkValues(page: Page, chunk: Chunk, bytes: Uint8Array): void {
  const { encoding, values } = page;
  const reader = new HeaderReader(bytes);
  if (Object.values(deltas).includes(encoding)) skipDeltas(reader, values);
  if (encoding === deltas.prefixes) skipDeltas(reader, values);
  if (isByDictionary(page) && bytes.length > 0) for (const _ of runsOf(bytes.subarray(1), bytes[0]!, page.values));
  if (page.encoding === runs && chunk.boolean) for (const _ of runsOf(bytes.subarray(4, 4 + lengthAt(bytes)), 1, page.values));
}

interface Run {
  readonly values: number;
  readonly isPacked: boolean;
  /** Its first byte. */
  readonly at: number;
}

const slack = 512; // values that a writer may add to fill up a last group of packed ones

/** Runs of one value, and groups of eight packed ones, in turn. */
function* runsOf(bytes: Uint8Array, width: number, values: number): Generator<Run> {
  const reader = new HeaderReader(bytes);
  for (let left = values; left > 0 && reader.at < bytes.length; ) {
    const head = reader.varint();
    const isPacked = head % 2 === 1;
    const run = isPacked ? ((head - 1) / 2) * 8 : head / 2;
    if (run > left + (isPacked ? slack : 0)) throw new Error(`a run claims ${run} values where ${left} are left`);
    yield { values: Math.min(run, left), isPacked, at: reader.at };
    reader.at += isPacked ? (run / 8) * width : Math.ceil(width / 8);
    left -= run;
  }
}

/** How many levels of one bit are set: of values that are not missing. */
function countOnes(bytes: Uint8Array, values: number): number {
  let ones = 0;
  for (const run of runsOf(bytes, 1, values)) {
    if (!run.isPacked) ones += bytes[run.at]! & 1 ? run.values : 0;
    else for (let i = 0; i < run.values; i++) ones += (bytes[run.at + (i >> 3)]! >> (i & 7)) & 1;
  }
  return ones;
}

/** Steps over numbers kept as differences, in blocks of smaller blocks. @throws Error when their sizes are not those of the format */
function skipDeltas(reader: HeaderReader, values: number): void {
  const [block, parts] = [reader.varint(), reader.varint()];
  reader.varint();
  reader.varint();
  const size = block / parts;
  if (block % 128 !== 0 || !(size > 0) || size % 32 !== 0) throw new Error(`a page has blocks of ${block} differences in ${parts} parts`);
  for (let left = values - 1; left > 0; ) {
    reader.varint();
    const widths = Array.from({ length: parts }, () => reader.byte());
    for (const width of widths) {
      if (left <= 0) break;
      reader.at += (size * width) / 8;
      left -= size;
    }
  }
}
