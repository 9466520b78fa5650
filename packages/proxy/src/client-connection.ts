import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientListener, Peer } from './client-side.ts';
import type { Http1Connection } from './http1-front.ts';
import { rawAnswer } from './refusal.ts';

export interface ConnectionTimeouts {
  readonly firstByteMs: number;
  readonly bodyIdleMs: number;
  readonly halfCloseMs: number;
  readonly lingerMs: number;
}

/** One client socket: what is pending on it, and how it ends without hurting what is. */
export class ClientConnection {
  readonly socket: Socket;
  /** Kept, because a socket forgets its peer when it closes. */
  readonly peer: Peer;
  readonly covers: (name: string) => boolean;
  readonly closed: Promise<void>;
  readonly timeouts: ConnectionTimeouts;
  readonly #reset: () => void;
  /** Those that are not over yet, each with whoever hears of its client. */
  readonly #responses = new Map<ServerResponse, ClientListener | undefined>();
  #latest: ClientListener | undefined;
  #hasSpoken = false;
  #isEnding = false;
  #isRetired = false;
  #parting: string | undefined;
  #next: (() => void) | undefined;
  #isTunnel = false;
  #halfClosed: NodeJS.Timeout | undefined;

  constructor({ socket, peer, covers, reset }: Http1Connection, timeouts: ConnectionTimeouts) {
    this.socket = socket;
    this.peer = peer;
    this.covers = covers;
    this.#reset = reset;
    this.timeouts = timeouts;
    socket.setTimeout(timeouts.firstByteMs);
    socket.once('end', () => this.#onHalfClose());
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.once('close', () => {
      this.#onClose();
      resolve();
    });
  }

  /** No request may follow the present one. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#responses.size;
  }

  opened(res: ServerResponse): void {
    // That limit was for the first byte; between requests Node changes it by itself.
    if (!this.#hasSpoken) this.socket.setTimeout(this.timeouts.bodyIdleMs);
    this.#hasSpoken = true;
    this.#latest = undefined;
    this.#responses.set(res, undefined);
    // Comes once. The next request's listener may be there by then: this one's is kept with its response.
    res.on('close', () => this.#onResponseClosed(res));
  }

  carries(incoming: ClientListener, res: ServerResponse): void {
    this.#latest = incoming;
    this.#responses.set(res, incoming);
  }

  /**
   * Node has handed the socket over, for a request that leaves HTTP, and looks after it no more:
   * neither for that request, which may yet be answered in HTTP, nor for those before it.
   */
  handedOver(): void {
    const { socket } = this;
    socket.on('error', () => socket.destroy());
    socket.on('timeout', () => this.onSilence());
    socket.setTimeout(this.timeouts.bodyIdleMs);
    socket.on('drain', () => {
      for (const res of this.#responses.keys()) if (res.socket === socket) res.emit('drain');
    });
  }

  /** From here on it carries bytes that are no requests, and either side may be done talking before the other. */
  becameTunnel(): void {
    this.#isTunnel = true;
    clearTimeout(this.#halfClosed);
  }

  /** Now, or once every earlier request on this connection has its response. */
  afterResponses(then: () => void): void {
    if (this.#responses.size === 0) then();
    else this.#next = then;
  }

  /**
   * Closes behind the present response. Closing a socket with unread bytes makes the kernel send
   * a reset, which may overtake the answer (RFC 9112 §9.6): so half-close, swallow for a moment, close.
   */
  endAfterThis(): void {
    this.#isEnding = true;
    this.socket.destroySoon = () => this.#linger();
  }

  /** Ends a started response so that the client cannot take it for complete; only the close delimits some. */
  breakOff(res: ServerResponse, isDelimited: boolean): void {
    if (res.socket === this.socket && !isDelimited) this.#reset();
    else res.destroy();
  }

  /** The proxy shuts down: a connection without a request ends now, any other with its response. */
  retire(): void {
    const isUnused = !this.#hasSpoken && this.socket.bytesRead === 0;
    if (isUnused) this.socket.destroy();
    this.#isRetired = true;
  }

  /** An heir takes the next connection; nothing that may be on its way on this one is cut. */
  endWithNextResponse(): void {
    this.#isRetired = true;
  }

  /** The parser gave up on what the client sends; says whom that concerned: a request that was known, or none. */
  onParserFault(status: number): 'request' | 'connection' | 'ending' {
    if (this.#isEnding) return 'ending';
    if (this.#latest?.isIncomplete === true) {
      this.#latest.bodyFailed(status);
      return 'request';
    }
    this.endAfterThis();
    // Earlier requests are still owed their responses, in order.
    this.#parting = rawAnswer(status);
    if (this.#responses.size === 0) this.#part();
    return 'connection';
  }

  /** Nothing moved on the socket for as long as its present state allows. */
  onSilence(): void {
    if (this.#latest?.awaitsBody === true) return this.#latest.bodyFailed(408);
    // A slow head is judged by its own clock, and answered.
    if (!this.#hasSpoken && this.socket.bytesRead > 0) return;
    const isUnread = this.socket.writableLength > 0;
    if (this.#responses.size === 0 || isUnread) this.socket.destroy();
    // Nobody is to blame so far. Node would look again only once something moves, which need not be.
    else this.socket.setTimeout(this.timeouts.bodyIdleMs);
  }

  #onResponseClosed(res: ServerResponse): void {
    this.#responses.delete(res);
    if (this.#responses.size > 0) return;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined && this.socket.writable) next();
    else if (this.#parting !== undefined) this.#part();
    else if (this.#isRetired) this.socket.destroySoon();
  }

  #part(): void {
    if (!this.socket.writable) return;
    this.socket.write(this.#parting ?? '');
    this.socket.destroySoon();
  }

  #linger(): void {
    if (this.socket.destroyed) return;
    this.socket.end();
    if (this.socket.readableEnded) return;
    this.socket.once('end', () => this.socket.destroy());
    const limit = setTimeout(() => this.socket.destroy(), this.timeouts.lingerMs);
    this.socket.once('close', () => clearTimeout(limit));
    this.socket.resume();
  }

  #onHalfClose(): void {
    if (this.#isTunnel) return;
    // A client that is done talking may still listen; from one that left altogether it cannot be told.
    this.#halfClosed = setTimeout(() => this.socket.destroy(), this.timeouts.halfCloseMs);
  }

  #onClose(): void {
    clearTimeout(this.#halfClosed);
    for (const incoming of this.#responses.values()) incoming?.clientGone();
  }
}
