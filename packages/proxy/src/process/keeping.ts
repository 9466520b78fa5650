import { bootId } from './owner.ts';
import { writeKept, type Kept } from './state-file.ts';

export interface KeepingOptions {
  readonly path: string;
  readonly onFault: (reason: string) => void;
  /** How soon a write that failed is tried again. */
  readonly retryMs?: number;
}

const defaultRetryMs = 10_000;

/** Keeps the latest on disk: writes are one at a time, and what is overtaken meanwhile is not written. */
export class Keeping {
  readonly #o: KeepingOptions;
  #wanted: Kept | undefined;
  #isReleased = false;
  #boot = bootId();
  #writing: Promise<string | undefined> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: KeepingOptions) {
    this.#o = options;
  }

  /** Resolves when this or something later is on disk, or with why it is not; then it is tried again by itself. */
  async keep(kept: Kept): Promise<string | undefined> {
    this.#wanted = kept;
    if (this.#isReleased) return released;
    // What is being written now may be older.
    await this.#writing;
    if (this.#isReleased) return released;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** Leaves the file to somebody else: once this has resolved nothing is written any more, until `resume`. */
  async release(): Promise<void> {
    this.#isReleased = true;
    clearTimeout(this.#retry);
    await this.#writing;
    clearTimeout(this.#retry);
  }

  /** Nobody else took the file: what was to be kept meanwhile is written now. */
  resume(): void {
    this.#isReleased = false;
    if (this.#wanted !== undefined) void this.keep(this.#wanted);
  }

  /**
   * The last to be kept, of one who served something. From now on nobody tells where the targets
   * are: it is kept as if for another start of the machine.
   */
  async end(last: Kept | undefined): Promise<void> {
    clearTimeout(this.#retry);
    await this.#writing;
    this.#boot = '';
    this.#wanted = last ?? this.#wanted;
    if (this.#wanted !== undefined) await this.keep(this.#wanted);
    clearTimeout(this.#retry);
  }

  async #write(): Promise<string | undefined> {
    clearTimeout(this.#retry);
    const kept = this.#wanted;
    try {
      if (kept !== undefined) await writeKept(this.#o.path, this.#boot, kept);
      return undefined;
    } catch (error) {
      const reason = String(error);
      this.#o.onFault(reason);
      this.#retry = setTimeout(() => void (this.#wanted && this.keep(this.#wanted)), this.#o.retryMs ?? defaultRetryMs);
      return reason;
    } finally {
      this.#writing = undefined;
    }
  }
}

const released = 'it is being handed over to another supervisor';
