// One column of one row group. The library is given it alone, as a file of its own, so that its planning does not look at all others each time; and without
// what it means, so that cells come as they are stored.
import type { Cells } from './columns';
import { type Unpack, unpackPages } from './pages';

export type Library = typeof import('hyparquet', { with: { 'resolution-mode': 'import' }});
export type Metadata = Awaited<ReturnType<Library['parquetMetadataAsync']>>;
export type Field = ReturnType<Library['parquetSchema']>;
type Element = Field['element'];
type RowGroup = Metadata['row_groups'][number];

export interface ChunkReading {
  readonly library: Library;
  readonly slice: (from: number, to: number) => Promise<ArrayBuffer>;
  /** By codec. */
  readonly unpackers: Readonly<Record<string, Unpack>>;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

// All bytes come as byte strings, and INT96 as nanoseconds.
const parsers = { stringFromBytes: latin1, uuidFromBytes: latin1, timestampFromNanoseconds: (nanoseconds: bigint) => nanoseconds };

/** How it is stored alone; of what it means, only the name under which the library has a parser for bytes. */
function storageOf({ type, name, type_length, repetition_type }: Element): Element {
  return {
    name,
    ...(type === undefined ? {} : { type }),
    ...(type_length === undefined ? {} : { type_length }),
    ...(repetition_type === undefined ? {} : { repetition_type }),
    ...(type === 'BYTE_ARRAY' ? { converted_type: 'UTF8' } : {}),
    ...(type === 'FIXED_LEN_BYTE_ARRAY' ? { logical_type: { type: 'UUID' } } : {}),
  };
}

/** The cells, in pieces. @throws Error when the bytes do not hold what the file says of them */
export async function readChunk({ library, slice, unpackers }: ChunkReading, element: Element, group: RowGroup): Promise<Cells[]> {
  const column = group.columns.find((c) => c.meta_data?.path_in_schema.length === 1 && c.meta_data.path_in_schema[0] === element.name);
  if (column?.meta_data === undefined) throw new Error('a row group lacks it, or has it encrypted');
  if (column.file_path) throw new Error('it lies in another file');
  const { codec, data_page_offset, dictionary_page_offset, total_compressed_size } = column.meta_data;
  const unpack = unpackers[codec];
  if (unpack === undefined) throw new Error(`it is packed by ${codec}, for which there is no unpacker`);
  const from = Number(dictionary_page_offset || data_page_offset);
  const bytes = await slice(from, from + Number(total_compressed_size));
  const { unpacked, complete } = unpackPages(
    {
      bytes: new Uint8Array(bytes),
      rows: Number(group.num_rows),
      optional: element.repetition_type !== 'REQUIRED',
      boolean: element.type === 'BOOLEAN',
    },
    unpack,
  );
  return decodeAlone(library, {
    element: complete ? { ...element, repetition_type: 'REQUIRED' } : element,
    rows: group.num_rows,
    bytes,
    unpacked,
  });
}

interface Alone {
  readonly element: Element;
  readonly rows: bigint;
  readonly bytes: ArrayBuffer;
  readonly unpacked: readonly Uint8Array[];
}

const anyCodec = 'GZIP'; // that packs: under its name the library asks for pages

async function decodeAlone(library: Library, { element, rows, bytes, unpacked }: Alone): Promise<Cells[]> {
  const size = BigInt(bytes.byteLength);
  const meta_data: NonNullable<RowGroup['columns'][number]['meta_data']> = {
    type: element.type ?? 'INT32',
    encodings: [],
    path_in_schema: [element.name],
    codec: anyCodec,
    num_values: rows,
    total_uncompressed_size: size,
    total_compressed_size: size,
    data_page_offset: 0n,
  };
  const metadata: Metadata = {
    version: 1,
    schema: [{ name: 'root', num_children: 1 }, storageOf(element)],
    num_rows: rows,
    row_groups: [{ columns: [{ file_offset: 0n, meta_data }], total_byte_size: size, num_rows: rows }],
    metadata_length: 0,
  };
  const found: Cells[] = [];
  let next = 0;
  await library.parquetRead({
    file: { byteLength: bytes.byteLength, slice: (from, to) => (from === 0 && to === bytes.byteLength ? bytes : bytes.slice(from, to)) },
    metadata,
    compressors: { [anyCodec]: () => unpacked[next++]! },
    parsers,
    onChunk: ({ columnData }) => void found.push(columnData as Cells),
  });
  const decoded = found.reduce((sum, { length }) => sum + length, 0);
  if (BigInt(decoded) !== rows) throw new Error(`it holds ${decoded} values where ${rows} rows are`);
  return found;
}
