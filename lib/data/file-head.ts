// The first bytes of a file, which tell what it is whatever its name.
import { open } from 'node:fs/promises';
import { fail } from '../errors';

/** The first bytes of a file; fewer when it is shorter. @throws ERR_TENSORWOOD_FILE */
export async function readHead(subject: string, path: string, bytes: number): Promise<Buffer> {
  const file = await open(path).catch((error: Error) =>
    fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${path}': ${error.message}`, error),
  );
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    return fail('ERR_TENSORWOOD_FILE', `${subject}: cannot read '${path}': ${(error as Error).message}`, error);
  } finally {
    await file.close();
  }
}
