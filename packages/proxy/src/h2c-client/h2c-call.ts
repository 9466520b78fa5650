import { STATUS_CODES } from 'node:http';
import { constants, type ClientHttp2Stream } from 'node:http2';
import { fieldValue } from '../raw-fields.ts';
import type { FailureKind, RawFields, UpstreamCall, UpstreamHandler, UpstreamRequest } from '../upstream.ts';
import type { H2cSession } from './h2c-session.ts';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;

/** One request on its stream, and what comes back. */
export class H2cCall implements UpstreamCall {
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  readonly #responseHeadersMs: number;
  readonly #abort = new AbortController();
  #stream: ClientHttp2Stream | undefined;
  #late: NodeJS.Timeout | undefined;
  #trailers: RawFields | undefined;
  /** Bytes of the body that the head announced, and those that came. */
  #announced: number | undefined;
  #received = 0;
  #isSent = false;
  #isReused = false;
  #isAnswered = false;
  #isSettled = false;
  #isPausing = false;

  constructor(request: UpstreamRequest, handler: UpstreamHandler, responseHeadersMs: number) {
    this.#request = request;
    this.#handler = handler;
    this.#responseHeadersMs = responseHeadersMs;
  }

  /** On a connection of the pool, or on one that is made for it. */
  begin(connection: () => H2cSession): void {
    try {
      const owner = connection();
      const { body } = this.#request;
      const { signal } = this.#abort;
      const stream = owner.session.request(headOf(this.#request), { endStream: body === undefined, signal });
      this.#carry(owner, stream);
    } catch (cause) {
      // A field that HTTP/2 has no room for, say. What a client sends must not end the process.
      this.failLater('broken', cause);
    }
  }

  #carry(owner: H2cSession, stream: ClientHttp2Stream): void {
    owner.enter();
    this.#isReused = owner.isUsed;
    const { body } = this.#request;
    this.#stream = stream;
    // Given up before its end, it will never end the stream: a target that has answered would hold it for ever.
    body?.once('close', () => body.readableEnded || this.#abort.abort());
    owner.whenConnected(() => {
      this.#isSent = true;
      if (body !== undefined && !this.#isSettled) body.pipe(stream);
    });
    stream.once('finish', () => this.#awaitHead());
    stream.on('headers', (_, __, raw) => this.#interim(raw));
    stream.on('response', (_, flags, raw) => this.#started(flags, raw));
    stream.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
      if (!this.#isSettled && !this.#handler.data(chunk)) stream.pause();
      this.#pauseAfterTask();
    });
    stream.on('trailers', (_, __, raw) => {
      this.#trailers = withoutPseudo(raw);
    });
    stream.once('end', () => this.#ended());
    let cause: unknown;
    stream.on('error', (error) => {
      cause = error;
    });
    stream.once('close', () => {
      owner.leave(this.#isAnswered);
      this.#fail(this.#kindOf(stream.rstCode), cause ?? new Error(`stream closed with code ${stream.rstCode}`));
    });
  }

  failLater(kind: FailureKind, cause: unknown): void {
    queueMicrotask(() => this.#fail(kind, cause));
  }

  resume(): void {
    this.#stream?.resume();
  }

  abort(): void {
    this.#settle();
    // CANCEL. Not by close(), which ends the request properly first, so that what is there looks complete.
    this.#abort.abort();
  }

  #awaitHead(): void {
    if (this.#isAnswered || this.#isSettled || this.#responseHeadersMs === 0) return;
    this.#late = setTimeout(() => {
      this.#fail('timeout', new Error(`no response within ${this.#responseHeadersMs} ms`));
      this.#abort.abort();
    }, this.#responseHeadersMs).unref();
  }

  #interim(raw: RawFields): void {
    if (!this.#isSettled) this.#handler.interim(statusOf(raw), withoutPseudo(raw));
  }

  #started(flags: number, raw: RawFields): void {
    clearTimeout(this.#late);
    if (this.#isSettled) return;
    this.#isAnswered = true;
    const status = statusOf(raw);
    const fields = withoutPseudo(raw);
    const isWhole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const length = fieldValue(fields, 'content-length');
    if (!isWhole && length !== undefined && this.#request.method !== 'HEAD') this.#announced = Number(length);
    this.#handler.started(status, STATUS_CODES[status] ?? '', fields, isWhole);
    this.#pauseAfterTask();
  }

  /** What comes at once comes in one task. */
  #pauseAfterTask(): void {
    if (this.#isPausing || this.#isSettled) return;
    this.#isPausing = true;
    void endOfTask.then(() => {
      this.#isPausing = false;
      if (!this.#isSettled) this.#handler.waiting();
    });
  }

  /**
   * Node shows a stream's end also where its connection broke, or where it was reset without an
   * error code: neither completes a response.
   */
  #ended(): void {
    const isShort = this.#announced !== undefined && this.#received !== this.#announced;
    if (this.#isSettled || !this.#isAnswered || isShort || this.#stream?.destroyed === true) return;
    this.#settle();
    this.#handler.ended(this.#trailers);
  }

  #fail(kind: FailureKind, cause: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#handler.failed({ kind, cause });
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#late);
  }

  #kindOf(code: number | undefined): FailureKind {
    if (!this.#isSent) return 'connect';
    if (this.#isAnswered) return 'broken';
    // RFC 9113 §8.7: a refused stream was not looked at.
    return this.#isReused || code === NGHTTP2_REFUSED_STREAM ? 'stale' : 'broken';
  }
}

const endOfTask = Promise.resolve();

/** Pseudo-fields first; the Host field is one of them here. */
const headOf = ({ method, path, fields }: UpstreamRequest): readonly string[] => {
  const head = [':method', method, ':scheme', 'http', ':authority', '', ':path', path];
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase();
    const value = fields[i + 1] ?? '';
    if (name === 'host') head[5] = value;
    else head.push(name, value);
  }
  return head;
};

const statusOf = (raw: RawFields): number => Number(raw[raw.indexOf(':status') + 1]);

const withoutPseudo = (raw: RawFields): RawFields => {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i]?.startsWith(':') !== true) fields.push(raw[i] ?? '', raw[i + 1] ?? '');
  return fields;
};
