import { bootId } from './owner.ts';
import { writeKept, type Kept } from './state-file.ts';

const retryMs = 10_000;

/** Keeps the latest on disk: writes are one at a time, and what is overtaken meanwhile is not written. */
export class Keeping {
  readonly #path: string;
  readonly #onFault: (reason: string) => void;
  #wanted: Kept | undefined;
  #boot = bootId();
  #writing: Promise<string | undefined> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(path: string, onFault: (reason: string) => void) {
    this.#path = path;
    this.#onFault = onFault;
  }

  /** Resolves when this or something later is on disk, or with why it is not; then it is tried again by itself. */
  async keep(kept: Kept): Promise<string | undefined> {
    this.#wanted = kept;
    // What is being written now may be older.
    await this.#writing;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** From now on nobody tells where the targets are: what is kept holds for another start of the machine only. */
  async end(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#writing;
    this.#boot = '';
    if (this.#wanted !== undefined) await this.keep(this.#wanted);
    clearTimeout(this.#retry);
  }

  async #write(): Promise<string | undefined> {
    clearTimeout(this.#retry);
    const kept = this.#wanted;
    try {
      if (kept !== undefined) await writeKept(this.#path, this.#boot, kept);
      return undefined;
    } catch (error) {
      const reason = String(error);
      this.#onFault(reason);
      this.#retry = setTimeout(() => void (this.#wanted && this.keep(this.#wanted)), retryMs);
      return reason;
    } finally {
      this.#writing = undefined;
    }
  }
}
