// The thread that decodes a Parquet file, so that the one that asked for it stays free. It hands over each column as soon as it is done.
import { parentPort, workerData } from 'node:worker_threads';
import type { ErrorCode, TensorwoodError } from '../../errors';
import type { ColumnParts } from './columns';
import { decodeParquet, type Job, type Told } from './decode';

export type Message =
  | { readonly column: ColumnParts }
  | { readonly told: Told }
  | { readonly error: { readonly code?: ErrorCode; readonly message: string } };

const memoryOf = (column: ColumnParts): ArrayBuffer[] => {
  const arrays = column.kind === 'number' ? [column.values] : [column.codes, column.text, column.ends];
  return arrays.map(({ buffer }) => buffer as ArrayBuffer);
};

const send = (message: Message, memory: ArrayBuffer[] = []): void => parentPort?.postMessage(message, memory);

if (parentPort !== null)
  decodeParquet(workerData as Job, (column) => send({ column }, memoryOf(column))).then(
    (told) => send({ told }),
    ({ code, message }: TensorwoodError) => send({ error: { code, message } }),
  );
