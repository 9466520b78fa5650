import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ClientListener, ClientSide, HttpVersion, Peer, ResponseHead } from '../client-side.ts';
import type { RawFields } from '../upstream.ts';
import type { Http2Head } from './http2-admission.ts';

const { NGHTTP2_NO_ERROR } = constants;

export interface Http2Request {
  readonly stream: ServerHttp2Stream;
  readonly head: Http2Head;
  readonly hasBody: boolean;
  readonly peer: Peer;
  readonly covers: (name: string) => boolean;
  /** Silence of a client that owes us bytes, or that does not read. */
  readonly idleMs: number;
}

/** A request that came as one stream of an HTTP/2 connection. */
export class Http2Side implements ClientSide {
  readonly version: HttpVersion = '2';
  readonly peer: Peer;
  readonly hasBody: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #head: Http2Head;
  readonly #covers: (name: string) => boolean;
  readonly #idleMs: number;
  #listener: ClientListener | undefined;
  #trailers: RawFields | undefined;
  #waitsForTrailers = false;
  /** The body's first bytes, until it is known whether they are all of it. */
  #held: Buffer | undefined;
  #mayHold = true;
  #awaitsDrain = false;
  /** The rest of the request is not wanted once the response is out. */
  #callsOff = false;

  constructor({ stream, head, hasBody, peer, covers, idleMs }: Http2Request) {
    this.#stream = stream;
    this.#head = head;
    this.hasBody = hasBody;
    this.peer = peer;
    this.#covers = covers;
    this.#idleMs = idleMs;
    // What went wrong is told by the close that follows.
    stream.on('error', () => {});
    // Not by way of setTimeout, which would listen once.
    stream.on('timeout', () => this.#onSilence());
    stream.setTimeout(idleMs);
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.path;
  }

  get host(): string | undefined {
    return this.#head.authority ?? this.#head.hosts[0];
  }

  get fields(): RawFields {
    return this.#head.fields;
  }

  get isComplete(): boolean {
    return this.#stream.readableEnded || this.#stream.state.remoteClose === 1;
  }

  get body(): ServerHttp2Stream {
    return this.#stream;
  }

  covers(name: string): boolean {
    return this.#covers(name);
  }

  listen(listener: ClientListener): void {
    this.#listener = listener;
    const gone = (): void => listener.clientGone();
    // Before the body ends in JavaScript: a reset without an error would look like its end.
    this.#stream.on('aborted', gone).on('close', gone);
  }

  get hasStarted(): boolean {
    return this.#stream.headersSent;
  }

  get isHeldBack(): boolean {
    return this.#stream.writableNeedDrain;
  }

  sendContinue(): void {
    if (!this.#isGone && !this.#stream.headersSent) this.#stream.additionalHeaders({ ':status': 100 });
  }

  sendInterim(status: number, fields: RawFields): void {
    if (!this.#isGone) this.#stream.additionalHeaders({ ':status': status, ...fieldRecord(fields) });
  }

  start({ status, fields, dated, isWhole = false }: ResponseHead): void {
    const stream = this.#stream;
    if (this.#isGone) return;
    const head = [':status', String(status)];
    for (let i = 0; i < fields.length; i += 2) head.push((fields[i] ?? '').toLowerCase(), fields[i + 1] ?? '');
    const waitForTrailers = this.#head.readsTrailers && !isWhole && this.method !== 'HEAD';
    const options = { endStream: isWhole, sendDate: dated, waitForTrailers };
    stream.respond(head, options);
    this.#waitsForTrailers = waitForTrailers;
    if (!waitForTrailers) return;
    stream.once('wantTrailers', () => {
      if (this.#isGone) return;
      stream.sendTrailers(fieldRecord(this.#trailers ?? []));
      // Node sends them in an immediate of its own.
      if (this.#callsOff) setImmediate(() => stream.close(NGHTTP2_NO_ERROR));
    });
  }

  write(view: Buffer): boolean {
    // A response to HEAD has ended with its head, and one that was reset has nobody to read it.
    if (this.#stream.writableEnded || this.#isGone) return true;
    const chunk = Buffer.from(view);
    if (this.#mayHold) {
      // Goes out in one frame with the end, when that comes in the same task.
      this.#mayHold = false;
      this.#held = chunk;
      return true;
    }
    this.flush();
    return this.#stream.write(chunk) || this.#awaitDrain();
  }

  flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && !this.#isGone && !this.#stream.writableEnded) this.#stream.write(held);
  }

  end(chunk?: string, trailers?: RawFields): void {
    const stream = this.#stream;
    if (this.#isGone) return;
    this.#trailers = trailers;
    if (stream.writableEnded) return;
    if (chunk !== undefined) this.flush();
    const last = chunk ?? this.#held;
    this.#held = undefined;
    if (last === undefined) stream.end();
    else stream.end(last);
  }

  breakOff(): void {
    // INTERNAL_ERROR. Not by close(), which ends the stream properly first, so that what is there looks complete.
    this.#stream.destroy(new Error('broken off'));
  }

  /** RFC 9113 §8.1: what is still to come is called off once the response is out. */
  discardRest(): void {
    const stream = this.#stream;
    this.#callsOff = true;
    stream.resume();
    stream.once('finish', () => this.#waitsForTrailers || stream.close(NGHTTP2_NO_ERROR));
  }

  openTunnel(): void {
    // No request in HTTP/2 is taken for one that asks to switch.
    this.breakOff();
  }

  closeTunnel(): void {
    this.breakOff();
  }

  #awaitDrain(): false {
    if (!this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#stream.on('drain', () => this.#listener?.drained());
    }
    return false;
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #onSilence(): void {
    if (this.#listener?.awaitsBody === true) this.#listener.bodyFailed(408);
    else if (this.#isUnread) this.breakOff();
    // Nobody is to blame so far. Node would look again only once something moves, which need not be.
    else this.#stream.setTimeout(this.#idleMs);
  }

  /** Bytes wait for a client that gives them no room: a small response as much as a large one. */
  get #isUnread(): boolean {
    const { writableNeedDrain, writableLength, writableEnded, writableFinished } = this.#stream;
    return writableNeedDrain || writableLength > 0 || (writableEnded && !writableFinished);
  }
}

/** Node's headers for interim responses and trailers; repeated names become a list of values. */
const fieldRecord = (fields: RawFields): Record<string, string | string[]> => {
  // Without a prototype: `constructor` and `__proto__` are field names like any other.
  const record: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase();
    const value = fields[i + 1] ?? '';
    const known = record[name];
    if (known === undefined) record[name] = value;
    else if (typeof known === 'string') record[name] = [known, value];
    else known.push(value);
  }
  return record;
};
