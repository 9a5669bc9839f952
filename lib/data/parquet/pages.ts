// The pages of a column chunk, looked at before they are decoded. The decoder takes the counts of a page at their word, and a run of 2^31 values in five bytes
// would end the process; here each count is held against the rows that there are. Format: github.com/apache/parquet-format, "Data Pages".

export interface Page {
  readonly kind: 'dictionary' | 'data';
  /** Of the header of a data page: in 2, the levels lie before what is packed. */
  readonly version: 1 | 2;
  readonly values: number;
  readonly encoding: number;
  /** Whether its bytes go through unpacking. */
  readonly packed: boolean;
}

export interface Chunk {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly optional: boolean;
  readonly boolean: boolean;
}

const dictionaryEncodings = [2, 8];
const runs = 3;
const pageKinds = { data: 0, dictionary: 2, dataOfVersion2: 3 };

type Struct = ReadonlyMap<number, number | Struct>;

/** Thrift's compact protocol, as far as page headers go: numbers and records, the rest is stepped over. */
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
    const fields = new Map<number, number | Struct>();
    for (let field = 0; ; ) {
      const head = this.byte();
      if ((head & 15) === 0) return fields;
      field = head >> 4 === 0 ? this.number() : field + (head >> 4);
      fields.set(field, this.value(head & 15, depth));
    }
  }

  private value(type: number, depth: number): number | Struct {
    if (type === 1 || type === 2) return type === 1 ? 1 : 0;
    if (type === 3) return this.byte();
    if (type >= 4 && type <= 6) return this.number();
    if (type === 12) return this.struct(depth + 1);
    if (type === 7) return this.skip(8);
    if (type === 8) return this.skip(this.varint());
    throw new Error('it has a malformed page header');
  }

  private skip(bytes: number): number {
    this.at += bytes;
    return 0;
  }
}

const numberIn = (struct: Struct, field: number): number => {
  const found = struct.get(field);
  return typeof found === 'number' ? found : 0;
};

/** The pages of a chunk, one after the other. @throws Error when they do not hold the rows of the chunk, in its bytes */
export function pagesOf(chunk: Chunk): Page[] {
  const reader = new HeaderReader(chunk.bytes);
  const pages: Page[] = [];
  let values = 0;
  while (values < chunk.rows) {
    const header = reader.struct();
    const size = numberIn(header, 3);
    if (size < 0 || reader.at + size > chunk.bytes.length) throw new Error('it ends inside a page');
    const page = readPage(chunk, header, chunk.bytes.subarray(reader.at, reader.at + size));
    if (page.kind === 'data') values += page.values;
    if (page.values < 0 || values > chunk.rows) throw new Error(`a page claims ${page.values} values where ${chunk.rows} rows are`);
    if (page.kind === 'data' && isByDictionary(page) && pages[0]?.kind !== 'dictionary') throw new Error('it lacks its dictionary');
    pages.push(page);
    reader.at += size;
  }
  return pages;
}

const isByDictionary = ({ encoding }: Page): boolean => dictionaryEncodings.includes(encoding);

function readPage(chunk: Chunk, header: Struct, bytes: Uint8Array): Page {
  const fields = (field: number): Struct => {
    const found = header.get(field);
    if (found === undefined || typeof found === 'number') throw new Error('it has a page without its header');
    return found;
  };
  const unpackedBytes = numberIn(header, 2);
  switch (numberIn(header, 1)) {
    case pageKinds.dictionary: {
      const values = numberIn(fields(7), 1);
      if (values > 8 * unpackedBytes) throw new Error(`a dictionary claims ${values} values in ${unpackedBytes} bytes`);
      return { kind: 'dictionary', version: 1, values, encoding: 0, packed: true };
    }
    case pageKinds.data: {
      const data = fields(5);
      if (chunk.optional && numberIn(data, 3) !== runs) throw new Error('its levels are not run lengths');
      return { kind: 'data', version: 1, values: numberIn(data, 1), encoding: numberIn(data, 2), packed: true };
    }
    case pageKinds.dataOfVersion2:
      return readVersion2(chunk, fields(8), bytes);
    default:
      throw new Error(`it has a page of kind ${numberIn(header, 1)}`);
  }
}

function readVersion2(chunk: Chunk, data: Struct, bytes: Uint8Array): Page {
  const [values, nulls, levels] = [numberIn(data, 1), numberIn(data, 2), numberIn(data, 5)];
  if (nulls < 0 || nulls > values) throw new Error(`a page claims ${nulls} nulls among ${values} values`);
  if (numberIn(data, 6) !== 0 || levels < 0 || levels > bytes.length) throw new Error('it has malformed levels');
  const page = { kind: 'data', version: 2, values, encoding: numberIn(data, 4), packed: data.get(7) !== 0 } as const;
  if (values <= chunk.rows && chunk.optional) checkRuns(bytes.subarray(0, levels), 1, values);
  if (values <= chunk.rows && !page.packed) checkValues(page, chunk, bytes.subarray(levels));
  return page;
}

/** Looks into the unpacked bytes of a page: levels, and codes into the dictionary. @throws Error when their runs are longer than the page */
export function checkPage(page: Page, chunk: Chunk, bytes: Uint8Array): void {
  if (page.kind === 'dictionary') return;
  const levels = page.version === 1 && chunk.optional ? 4 + lengthAt(bytes) : 0;
  if (levels > 0) checkRuns(bytes.subarray(4, levels), 1, page.values);
  checkValues(page, chunk, bytes.subarray(levels));
}

function lengthAt(bytes: Uint8Array): number {
  const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (length < 0 || length > bytes.length - 4) throw new Error('it ends inside the levels of a page');
  return length;
}

function checkValues(page: Page, chunk: Chunk, bytes: Uint8Array): void {
  if (isByDictionary(page) && bytes.length > 0) checkRuns(bytes.subarray(1), bytes[0]!, page.values);
  if (page.encoding === runs && chunk.boolean)
    checkRuns(page.version === 2 ? bytes.subarray(4) : bytes.subarray(4, 4 + lengthAt(bytes)), 1, page.values);
}

const slack = 512; // values that a writer may add to fill up a last group of packed ones

/** Runs of one value and groups of eight packed ones, in turn. */
function checkRuns(bytes: Uint8Array, width: number, values: number): void {
  const reader = new HeaderReader(bytes);
  for (let seen = 0; seen < values && reader.at < bytes.length; ) {
    const head = reader.varint();
    const packed = head % 2 === 1;
    const run = packed ? ((head - 1) / 2) * 8 : head / 2;
    if (run > values - seen + (packed ? slack : 0)) throw new Error(`a run claims ${run} values where ${values - seen} are left`);
    reader.at += packed ? (run / 8) * width : Math.ceil(width / 8);
    seen += run;
  }
}
