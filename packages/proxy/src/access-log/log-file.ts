import { open } from 'node:fs/promises';

/** What a log writes to; a file opened for appending. */
export interface LogSink {
  /** May take less than everything. */
  write(data: Buffer): Promise<{ readonly bytesWritten: number }>;
  close(): Promise<void>;
}

export interface LogFileOptions {
  readonly path: string;
  /** Told once when writing fails, and once when it works again. */
  readonly onChange: (change: LogChange) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly open?: (path: string) => Promise<LogSink>;
  /** How much may wait to be written; what comes beyond that is dropped and counted. */
  readonly mostBytes?: number;
  readonly everyMs?: number;
  readonly retryMs?: number;
}

export type LogChange =
  | { readonly kind: 'access-log-failed'; readonly cause: unknown }
  | { readonly kind: 'access-log-recovered'; readonly dropped: number };

const defaults = { mostBytes: 4 * 1024 * 1024, everyMs: 100, retryMs: 1_000 };
/** Enough waits to be worth a write at once. */
const batchBytes = 64 * 1024;

/**
 * Appends lines to a file without ever making their writer wait or fail: they are collected and
 * written now and then, whole batches at a time, so that lines of several processes do not mix.
 * A disk that is full or slow costs lines, which are counted, and the count is written down.
 */
export class LogFile {
  readonly #options: Required<LogFileOptions>;
  #lines: string[] = [];
  #bytes = 0;
  /** Taken out of `#lines`, and not written yet, or not all of it. */
  #batch: Buffer = nothing;
  #sink: LogSink | undefined;
  #isStale = false;
  #isFailing = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Lines dropped, and how many of them are confessed in the file. */
  #dropped = 0;
  #confessed = 0;

  constructor(options: LogFileOptions) {
    this.#options = { open: openForAppending, ...defaults, ...options };
  }

  /** How many lines there was no room for. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A line with its line feed. ASCII, so that characters are bytes. */
  append(line: string): void {
    if (this.#isClosed || this.#bytes + this.#batch.length + line.length > this.#options.mostBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= batchBytes && !this.#isFailing) void this.#flush();
    else this.#schedule(this.#options.everyMs);
  }

  /** Goes on in the file that has the path now, after the other one was renamed. Resolves when it does, or cannot. */
  async reopen(): Promise<void> {
    this.#isStale = true;
    await this.#writing;
    await this.#flush();
  }

  /** Writes what waits, as far as that is possible at once. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#flush();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#dropped += this.#lines.length + linesIn(this.#batch);
    this.#lines = [];
    this.#batch = nothing;
    await this.#sink?.close().catch(() => {});
    this.#sink = undefined;
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, ms).unref();
  }

  #flush(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      const isMore = this.#lines.length > 0 || this.#batch.length > 0;
      if (isMore) this.#schedule(this.#isFailing ? this.#options.retryMs : this.#options.everyMs);
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    try {
      const sink = await this.#current();
      if (this.#batch.length === 0) this.#batch = this.#takeLines();
      if (this.#batch.length === 0) return;
      const { bytesWritten } = await sink.write(this.#batch);
      this.#batch = this.#restBehind(bytesWritten);
      this.#recover();
    } catch (cause) {
      if (this.#isFailing) return;
      this.#isFailing = true;
      this.#options.onChange({ kind: 'access-log-failed', cause });
    }
  }

  async #current(): Promise<LogSink> {
    if (this.#sink !== undefined && !this.#isStale) return this.#sink;
    const next = await this.#options.open(this.#options.path);
    const former = this.#sink;
    this.#sink = next;
    this.#isStale = false;
    await former?.close().catch(() => {});
    return next;
  }

  #takeLines(): Buffer {
    const lines = this.#lines;
    const dropped = this.#dropped - this.#confessed;
    if (dropped > 0) {
      lines.push(`${JSON.stringify({ time: new Date(this.#options.now()).toISOString(), dropped })}\n`);
      this.#confessed = this.#dropped;
    }
    this.#lines = [];
    this.#bytes = 0;
    return Buffer.from(lines.join(''), 'latin1');
  }

  /** A line that was written in part is lost: what follows its first half may be another process's line. */
  #restBehind(written: number): Buffer {
    const batch = this.#batch;
    if (written >= batch.length) return nothing;
    if (written === 0 || batch[written - 1] === lineFeed) return batch.subarray(written);
    this.#dropped += 1;
    const end = batch.indexOf(lineFeed, written);
    return Buffer.concat([Buffer.from('\n'), batch.subarray(end + 1)]);
  }

  #recover(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.onChange({ kind: 'access-log-recovered', dropped: this.#dropped });
  }
}

const nothing = Buffer.alloc(0);
const lineFeed = 0x0a;

const linesIn = (batch: Buffer): number => batch.reduce((count, byte) => count + (byte === lineFeed ? 1 : 0), 0);

/** Others may read it who keep logs, but not everybody: it tells who asked for what. */
const openForAppending = (path: string): Promise<LogSink> => open(path, 'a', 0o640);
