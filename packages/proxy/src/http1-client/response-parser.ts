import { maxResponseHeaderBytes } from '../settings.ts';
import type { RawFields } from '../upstream.ts';
import { ChunkedBody } from './chunked-body.ts';
import type { Malformed } from './field-lines.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

/** Told in this order: interim*, then head, data*, complete; or switched. It may stop the parser at any time. */
export interface ResponseSink {
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** A view into what was read, good only during this call. */
  onData(view: Buffer): void;
  /** `surplus`: bytes follow that nobody asked for. */
  onComplete(trailers: RawFields, surplus: boolean): void;
  /** A 101; what follows belongs to the new protocol, and is good only during this call. */
  onSwitched(head: ResponseHead, rest: Buffer): void;
}

type State = 'idle' | 'head' | 'length' | 'chunked' | 'close';

const emptyLine = Buffer.from('\r\n\r\n');
const none = Buffer.alloc(0);
const noTrailers: RawFields = [];
const versionPrefix = 'HTTP/1.';

/** Reads the responses of one connection, one for each `expect`, however their bytes are cut up. */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #state: State = 'idle';
  #method = '';
  #maySwitch = false;
  /** The bytes of a head that is not all there yet. */
  #partial: Buffer = none;
  #left = 0;
  #chunked: ChunkedBody | undefined;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** The next response answers this method; `maySwitch` says whether a 101 was asked for. */
  expect(method: string, maySwitch: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#maySwitch = maySwitch;
    this.#partial = none;
  }

  /** Nothing more is told; what comes is a fault. */
  stop(): void {
    this.#state = 'idle';
  }

  feed(bytes: Buffer): Malformed | undefined {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case 'idle':
          return { fault: 'bytes that belong to no response' };
        case 'head': {
          const next = this.#readHead(bytes, at);
          if (typeof next !== 'number') return next;
          at = next;
          break;
        }
        case 'length':
          at = this.#readLength(bytes, at);
          break;
        case 'chunked': {
          const next = this.#readChunked(bytes, at);
          if (typeof next !== 'number') return next;
          at = next;
          break;
        }
        case 'close':
          this.#sink.onData(at === 0 ? bytes : bytes.subarray(at));
          return undefined;
      }
    }
    return undefined;
  }

  /** The peer has ended its side; a fault unless that is how the response ends. */
  end(): Malformed | undefined {
    if (this.#state === 'idle') return undefined;
    if (this.#state !== 'close') return { fault: 'the connection ended within the response' };
    this.#complete(noTrailers, false);
    return undefined;
  }

  #readHead(bytes: Buffer, at: number): number | Malformed {
    const known = this.#partial.length;
    const head = known === 0 ? bytes : Buffer.concat([this.#partial, at === 0 ? bytes : bytes.subarray(at)]);
    const from = known === 0 ? at : 0;
    const found = head.indexOf(emptyLine, Math.max(from, known - emptyLine.length));
    const end = found + emptyLine.length;
    if ((found === -1 ? head.length : end) - from > maxResponseHeaderBytes) return { fault: 'head too large' };
    if (found === -1) return this.#keepPartial(head.subarray(from), known) ?? bytes.length;
    const parsed = parseResponseHead(head.toString('latin1', from, end), this.#method);
    if ('fault' in parsed) return parsed;
    this.#partial = none;
    const next = known === 0 ? end : at + end - known;
    return this.#begin(parsed, bytes, next);
  }

  /** What cannot become a head any more is not waited for. */
  #keepPartial(head: Buffer, known: number): Malformed | undefined {
    if (!versionPrefix.startsWith(head.toString('latin1', 0, versionPrefix.length)))
      return { fault: 'malformed status line' };
    if (hasBareLineEnd(head, Math.max(0, known - 1))) return { fault: 'bare CR or LF in the head' };
    this.#partial = Buffer.from(head);
    return undefined;
  }

  #begin(head: ResponseHead, bytes: Buffer, at: number): number | Malformed {
    if (head.status === 101) {
      if (!this.#maySwitch) return { fault: 'a change of protocol that nobody asked for' };
      this.#state = 'idle';
      this.#sink.onSwitched(head, bytes.subarray(at));
      return bytes.length;
    }
    if (head.status < 200) {
      // A connection that closes, or a body, leaves no room for the response that is to follow.
      if (!head.persistent) return { fault: 'an interim response that is the last' };
      this.#sink.onInterim(head);
      return at;
    }
    this.#left = head.length;
    if (head.framing === 'chunked') this.#chunked = new ChunkedBody();
    if (head.framing !== 'none') this.#state = head.framing;
    this.#sink.onHead(head);
    const isEmpty = head.framing === 'none' || (head.framing === 'length' && head.length === 0);
    if (isEmpty && this.#state !== 'idle') this.#complete(noTrailers, at < bytes.length);
    return at;
  }

  #readLength(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#sink.onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left === 0 && this.#state !== 'idle') this.#complete(noTrailers, end < bytes.length);
    return end;
  }

  #readChunked(bytes: Buffer, at: number): number | Malformed {
    const body = this.#chunked ?? new ChunkedBody();
    const end = body.read(bytes, at, (chunk) => {
      if (this.#state === 'chunked') this.#sink.onData(chunk);
    });
    if (this.#state !== 'chunked') return bytes.length;
    if (body.fault !== undefined) return body.fault;
    if (body.isDone) this.#complete(body.trailers, end < bytes.length);
    return end;
  }

  #complete(trailers: RawFields, surplus: boolean): void {
    this.#state = 'idle';
    this.#chunked = undefined;
    this.#sink.onComplete(trailers, surplus);
  }
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

const hasBareLineEnd = (bytes: Buffer, from: number): boolean => {
  for (let i = from; i < bytes.length; i += 1) {
    if (bytes[i] === lineFeed && bytes[i - 1] !== carriageReturn) return true;
    if (bytes[i] === carriageReturn && i + 1 < bytes.length && bytes[i + 1] !== lineFeed) return true;
  }
  return false;
};
