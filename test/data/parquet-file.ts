// Parquet files written by hand, for what no library writes: old names of types, and files that lie about what they hold.
type Thrift = number | bigint | boolean | string | Buffer | readonly Thrift[] | Struct;
/** Fields by their number; a number is an i32, a bigint an i64. */
export interface Struct {
  readonly [field: number]: Thrift | undefined;
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt(value);
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

const zigzag = (value: number | bigint): Buffer => {
  const whole = BigInt(value);
  return varint(whole < 0n ? -2n * whole - 1n : 2n * whole);
};

function typeOf(value: Thrift): number {
  if (typeof value === 'boolean') return value ? 1 : 2;
  if (typeof value === 'number') return 5;
  if (typeof value === 'bigint') return 6;
  if (typeof value === 'string' || Buffer.isBuffer(value)) return 8;
  return Array.isArray(value) ? 9 : 12;
}

function encode(value: Thrift): Buffer {
  if (typeof value === 'boolean') return Buffer.alloc(0);
  if (typeof value === 'number' || typeof value === 'bigint') return zigzag(value);
  if (typeof value === 'string' || Buffer.isBuffer(value))
    return Buffer.concat([varint(Buffer.from(value as string).length), Buffer.from(value as string)]);
  if (Array.isArray(value)) {
    const head =
      value.length < 15
        ? Buffer.from([(value.length << 4) | typeOf(value[0] ?? 0)])
        : Buffer.concat([Buffer.from([0xf0 | typeOf(value[0])]), varint(value.length)]);
    return Buffer.concat([head, ...value.map(encode)]);
  }
  return struct(value as Struct);
}

/** A record of Thrift's compact protocol. */
export function struct(fields: Struct): Buffer {
  let last = 0;
  const parts = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const step = Number(key) - last;
    const head =
      step < 16 ? Buffer.from([(step << 4) | typeOf(value)]) : Buffer.concat([Buffer.from([typeOf(value)]), zigzag(Number(key))]);
    last = Number(key);
    return [head, encode(value)];
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export const physical = { BOOLEAN: 0, INT32: 1, INT64: 2, INT96: 3, FLOAT: 4, DOUBLE: 5, BYTE_ARRAY: 6, FIXED_LEN_BYTE_ARRAY: 7 };

export interface HandColumn {
  readonly name: string;
  readonly type?: keyof typeof physical;
  /** The pages, with their headers. */
  readonly pages?: Buffer;
  /** More fields of the schema element, by number: 2 type_length, 3 repetition (0 required, 1 optional, 2 repeated), 6 converted, 7 scale, 10 logical. */
  readonly element?: Struct;
  /** Elements below it. */
  readonly children?: readonly Struct[];
  /** More fields of its metadata. */
  readonly meta?: Struct;
}

/** A data page of version 1. */
export function page(values: number, body: Buffer, { encoding = 0, size = body.length } = {}): Buffer {
  return Buffer.concat([struct({ 1: 0, 2: size, 3: body.length, 5: { 1: values, 2: encoding, 3: 3, 4: 3 } }), body]);
}

export function dictionary(values: number, body: Buffer): Buffer {
  return Buffer.concat([struct({ 1: 2, 2: body.length, 3: body.length, 7: { 1: values, 2: 0 } }), body]);
}

/** Text or bytes as plain values. */
export const texts = (...values: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.from(value as string).length);
      return [length, Buffer.from(value as string)];
    }),
  );

export const bytesOf = (values: ArrayBufferView): Buffer => Buffer.from(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);

/** A file of one row group, whose columns are required unless their element says otherwise. */
export function parquetFile(columns: readonly HandColumn[], rows: number | bigint, claimed = rows): Buffer {
  const parts: Buffer[] = [Buffer.from('PAR1')];
  let at = 4;
  const chunks = columns.flatMap(({ name, type, pages = Buffer.alloc(0), children, meta }) => {
    if (children !== undefined) return [];
    const begin = at;
    parts.push(pages);
    at += pages.length;
    const own = {
      1: physical[type!],
      2: [0],
      3: [name],
      4: 0,
      5: BigInt(rows),
      6: BigInt(pages.length),
      7: BigInt(pages.length),
      9: BigInt(begin),
    };
    return [{ 2: BigInt(begin), 3: { ...own, ...meta } }];
  });
  const elements = columns.flatMap(({ name, type, element, children }): Struct[] => {
    const own = children === undefined ? { 1: physical[type!], 3: 0, 4: name } : { 3: 1, 4: name, 5: children.length };
    return [{ ...own, ...element }, ...(children ?? [])];
  });
  const footer = struct({
    1: 1,
    2: [{ 4: 'root', 5: columns.length }, ...elements],
    3: BigInt(claimed),
    4: [{ 1: chunks, 2: BigInt(at), 3: BigInt(rows) }],
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, Buffer.from('PAR1')]);
}
