// A native handle with one owner. Work that borrowed it, and reads its inputs in turns first, keeps it until it has ended: the owner may dispose
// of it meanwhile.
import { fail } from '../errors';

export class Owned<H> {
  #handle: H | undefined;
  #borrowers = 0;
  #disposed = false;
  readonly #subject: string;
  readonly #free: (handle: H) => void;

  /** @param subject the beginning of the sentence when it is used after disposal: `forest: expected a model` */
  constructor(handle: H, subject: string, free: (handle: H) => void) {
    this.#handle = handle;
    this.#subject = subject;
    this.#free = free;
  }

  get handle(): H {
    if (this.#disposed || this.#handle === undefined)
      fail('ERR_TENSORWOOD_DISPOSED', `${this.#subject} that is alive, got one that was disposed of`);
    return this.#handle;
  }

  async lend<T>(work: (handle: H) => Promise<T>): Promise<T> {
    const { handle } = this;
    this.#borrowers++;
    try {
      return await work(handle);
    } finally {
      this.#borrowers--;
      this.#freeWhenIdle();
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#freeWhenIdle();
  }

  #freeWhenIdle(): void {
    const handle = this.#handle;
    if (!this.#disposed || this.#borrowers > 0 || handle === undefined) return;
    this.#handle = undefined;
    this.#free(handle);
  }
}
