import {
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type BrotliCompress,
  type Gzip,
  type ZstdCompress,
} from 'node:zlib';
import type { Coding } from './negotiate.ts';

/** How long bytes may wait in the encoder for company. */
const flushMs = 20;

export interface EncoderSink {
  /** False asks for a pause until `resume`. */
  write(chunk: Buffer): boolean;
  /** There is room for more, after `write` of the encoder said otherwise. */
  drained(): void;
  failed(cause: unknown): void;
}

/** Compresses a body while it streams: what came in goes out soon, whether or not more follows. */
export class Encoder {
  readonly #stream: Gzip | BrotliCompress | ZstdCompress;
  readonly #flushKind: number;
  #timer: NodeJS.Timeout | undefined;
  #isFlushing = false;
  /** Something came since the last flush began. */
  #isDirty = false;

  constructor(coding: Coding, sink: EncoderSink) {
    const { stream, flushKind } = makers[coding]();
    this.#stream = stream;
    this.#flushKind = flushKind;
    stream.on('data', (chunk: Buffer) => {
      if (!sink.write(chunk)) stream.pause();
    });
    stream.on('drain', () => sink.drained());
    stream.on('error', (cause) => sink.failed(cause));
  }

  /** False asks for a pause until the sink is `drained`. */
  write(chunk: Buffer): boolean {
    this.#isDirty = true;
    this.#schedule();
    return this.#stream.write(chunk);
  }

  /** The sink can take more. */
  resume(): void {
    this.#stream.resume();
  }

  /** Calls back when the last byte was given to the sink. */
  end(onEnd: () => void): void {
    this.#isDirty = false;
    clearTimeout(this.#timer);
    this.#stream.once('end', onEnd);
    this.#stream.end();
  }

  /** Nothing more goes to the sink. */
  destroy(): void {
    this.#isDirty = false;
    clearTimeout(this.#timer);
    this.#stream.removeAllListeners('data').removeAllListeners('end').destroy();
  }

  /** One at a time: behind a reader that does not read they would only queue. */
  #schedule(): void {
    if (this.#isDirty && !this.#isFlushing) this.#timer ??= setTimeout(() => this.#flush(), flushMs);
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#isFlushing = true;
    this.#isDirty = false;
    this.#stream.flush(this.#flushKind, () => {
      this.#isFlushing = false;
      this.#schedule();
    });
  }
}

/** Fast rather than small, and with windows that leave room for many at once: some 300 kB each. */
const makers = {
  gzip: () => ({ stream: createGzip({ level: 5 }), flushKind: constants.Z_SYNC_FLUSH }),
  br: () => ({
    stream: createBrotliCompress({
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
    }),
    flushKind: constants.BROTLI_OPERATION_FLUSH,
  }),
  zstd: () => ({
    stream: createZstdCompress({
      params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 18 },
    }),
    flushKind: constants.ZSTD_e_flush,
  }),
} satisfies Record<Coding, () => unknown>;
