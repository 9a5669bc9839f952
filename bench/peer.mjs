// Peers: other libraries, measured by scripts of bench/reference. A script prints {"ready": ...} once it has warmed up, then answers every line it
// reads with one measurement, {"value": number}, so that peers and tensorwood can take turns.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const QUIET_LINES = 40; // of a peer's complaints that an error repeats

/** The python with the reference libraries: as given, else in TENSORWOOD_PEERS, else where their installer puts it. Undefined when there is none. */
export function findPython(given) {
  const home = process.env.TENSORWOOD_PEERS ?? join(homedir(), '.cache', 'tensorwood', 'peers');
  return [given, join(home, 'bin', 'python')].find((path) => path && existsSync(path));
}

/** Starts [runner, ...arguments]; resolves when it is ready to take turns, rejects with the reason when it cannot run. */
export async function startPeer([runner, ...values], { python }) {
  if (!python) throw new Error('no python with the reference libraries: give --python or TENSORWOOD_PEERS');
  const child = spawn(python, [join(here, 'reference', runner), ...values.map(String)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const complaints = [];
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line) > QUIET_LINES && complaints.shift());
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`${runner} ended: ${complaints.at(-1) ?? 'without a word'}`);
    return JSON.parse(value);
  };
  await next();
  return {
    async measure() {
      child.stdin.write('\n');
      return (await next()).value;
    },
    stop: () => child.kill(),
  };
}
