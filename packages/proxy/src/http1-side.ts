import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasBody } from './admission.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientListener, ClientSide, HttpVersion, Peer, ResponseHead } from './client-side.ts';
import { fieldValue } from './raw-fields.ts';
import { writeCopy } from './read-copies.ts';
import { readsTrailers } from './trailer-fields.ts';
import { openTunnel } from './tunnel.ts';
import type { RawFields } from './upstream.ts';

export interface Http1Request {
  readonly connection: ClientConnection;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Bytes behind the head of a WebSocket request; `undefined` for every other request. */
  readonly upgradeHead: Buffer | undefined;
}

/** A request that came in HTTP/1.0 or 1.1. */
export class Http1Side implements ClientSide {
  readonly hasBody: boolean;
  readonly #connection: ClientConnection;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #upgradeHead: Buffer | undefined;
  #listener: ClientListener | undefined;
  /** The body's first bytes, as latin1, until it is known whether they are all of it. */
  #held: string | undefined;
  #mayHold = true;
  #awaitsDrain = false;
  /** The client can tell a complete response from one that broke off. */
  #isDelimited = true;

  constructor({ connection, req, res, upgradeHead }: Http1Request) {
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#upgradeHead = upgradeHead;
    this.hasBody = hasBody(req);
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  covers(name: string): boolean {
    return this.#connection.covers(name);
  }

  get version(): HttpVersion {
    return this.#req.httpVersion === '1.0' ? '1.0' : '1.1';
  }

  get method(): string {
    return this.#req.method ?? 'GET';
  }

  get target(): string {
    return this.#req.url ?? '';
  }

  get host(): string | undefined {
    return fieldValue(this.#req.rawHeaders, 'host');
  }

  get fields(): RawFields {
    return this.#req.rawHeaders;
  }

  get isComplete(): boolean {
    return this.#req.complete;
  }

  get body(): IncomingMessage {
    return this.#req;
  }

  listen(listener: ClientListener): void {
    this.#listener = listener;
    this.#connection.carries(listener, this.#res);
  }

  get hasStarted(): boolean {
    return this.#res.headersSent;
  }

  get isHeldBack(): boolean {
    return this.#res.writableNeedDrain;
  }

  sendContinue(): void {
    if (!this.#res.headersSent) this.#res.writeContinue();
  }

  sendInterim(status: number, fields: RawFields): void {
    // HTTP/1.0 clients know no interim responses.
    if (this.version !== '1.0') this.#res.writeInformation(status, [...fields]);
  }

  start({ status, reason, fields, dated, close }: ResponseHead): void {
    const res = this.#res;
    res.sendDate = dated;
    res.writeHead(status, reason, close ? [...fields, 'Connection', 'close'] : [...fields]);
    if (close) this.#connection.endAfterThis();
    this.#isDelimited = res.chunkedEncoding || fieldValue(fields, 'content-length') !== undefined;
  }

  write(view: Buffer): boolean {
    if (this.#mayHold && view.length <= mostHeldBytes) {
      // As a string it goes out in one piece with the head, and with the end.
      this.#held = view.toString('latin1');
      this.#mayHold = false;
      return true;
    }
    this.#mayHold = false;
    this.#release();
    const res = this.#res;
    if (writeCopy(view, (copy, onWritten) => res.write(copy, onWritten))) return true;
    // So much needs no more company; and what the kernel takes at once is nothing to wait for.
    res.socket?.uncork();
    return res.writableLength < res.writableHighWaterMark || this.#awaitDrain();
  }

  /** A head without a body so far goes out alone, since a stream may be silent for long, and so do first bytes. */
  flush(): void {
    if (this.#mayHold && this.method !== 'HEAD' && !this.#res.writableEnded) this.#res.flushHeaders();
    this.#mayHold = false;
    this.#release();
  }

  end(chunk?: string, trailers?: RawFields): void {
    if (trailers !== undefined && trailers.length > 0 && this.#res.chunkedEncoding && readsTrailers(this)) {
      this.#res.addTrailers(pairsOf(trailers));
    }
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) this.#res.end(chunk);
    else this.#res.end(held, 'latin1');
  }

  breakOff(): void {
    this.#connection.breakOff(this.#res, this.#isDelimited);
  }

  discardRest(): void {
    this.#connection.endAfterThis();
    this.#req.resume();
  }

  openTunnel(fields: RawFields, target: Duplex, onClosed: () => void): void {
    const { socket, timeouts: limits } = this.#connection;
    this.#res.detachSocket(socket);
    this.#connection.becameTunnel();
    openTunnel(fields, { client: socket, head: this.#upgradeHead ?? Buffer.alloc(0), target, limits }, onClosed);
  }

  closeTunnel(): void {
    this.#connection.socket.destroySoon();
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#res.write(held, 'latin1');
  }

  #awaitDrain(): false {
    if (!this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#res.on('drain', () => this.#listener?.drained());
    }
    return false;
  }
}

/** What is read of a small response comes in one task; so much of it may wait for the task's end. */
const mostHeldBytes = 16 * 1024;

const pairsOf = (fields: RawFields): [string, string][] => {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i] ?? '', fields[i + 1] ?? '']);
  return pairs;
};
