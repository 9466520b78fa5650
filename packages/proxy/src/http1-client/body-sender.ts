import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

export interface BodySenderEvents {
  /** The last byte was handed to the socket. */
  sent(): void;
  /** The body ended early, late or in an error: what was sent so far is no complete request. */
  broken(cause: unknown): void;
  /** The peer takes no more for now, or again. */
  stalled(isStalled: boolean): void;
}

interface Body {
  readonly socket: Socket;
  /** The request's head, in latin1. */
  readonly head: string;
  readonly stream: Readable;
  /** Exactly so many bytes; undefined sends it chunked. */
  readonly length: number | undefined;
}

/** A source that never waits is told to. */
const mostWaitingBytes = 64 * 1024;

/**
 * Carries a head and its body to a socket, as fast as that takes it. A small body leaves together
 * with its head: a server whose accept queue is full answers a lone second segment with a reset
 * (the SYN cookie is no longer to be checked by it), and such a request may not be repeated. Writes wait for the end of the present
 * turn of the event loop: a peer that has answered and closed is then heard before a failing write
 * destroys the socket, and the answer with it (RFC 9112 §9.6).
 */
export class BodySender {
  readonly #body: Body;
  readonly #events: BodySenderEvents;
  #left: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #isBegun = false;
  #isEnded = false;
  #isOver = false;

  constructor(body: Body, events: BodySenderEvents) {
    this.#body = body;
    this.#events = events;
    this.#left = body.length ?? Infinity;
    const { stream, socket } = body;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onGone);
    stream.on('close', this.#onGone);
    socket.on('drain', this.#onDrain);
    this.#schedule();
  }

  /** Sends nothing more; the body is destroyed if it is not all read. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearImmediate(this.#scheduled);
    const { stream, socket } = this.#body;
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('error', this.#onGone);
    stream.off('close', this.#onGone);
    socket.off('drain', this.#onDrain);
    stream.on('error', () => {});
    stream.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#left -= chunk.length;
    if (this.#left < 0) return this.#break(new Error('the body is longer than its length'));
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= mostWaitingBytes) this.#body.stream.pause();
    this.#schedule();
  };

  readonly #onEnd = (): void => {
    if (this.#body.length !== undefined && this.#left > 0) return this.#onGone();
    this.#isEnded = true;
    this.#schedule();
  };

  readonly #onGone = (error?: unknown): void => {
    if (!this.#isEnded) this.#break(error ?? new Error('the body broke off'));
  };

  readonly #onDrain = (): void => {
    this.#events.stalled(false);
    this.#body.stream.resume();
  };

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = undefined;
    const { socket, head, stream, length } = this.#body;
    const chunks = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    socket.cork();
    if (!this.#isBegun) socket.write(head, 'latin1');
    this.#isBegun = true;
    let isFlowing = true;
    for (const chunk of chunks) {
      if (length === undefined) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      isFlowing = socket.write(chunk);
      if (length === undefined) isFlowing = socket.write('\r\n', 'latin1');
    }
    if (this.#isEnded && length === undefined) socket.write('0\r\n\r\n', 'latin1');
    socket.uncork();
    // The write may have failed, and the answer that explains it may have been read meanwhile.
    if (this.#isOver) return;
    if (this.#isEnded) {
      this.stop();
      this.#events.sent();
    } else if (!isFlowing && socket.writableNeedDrain) {
      stream.pause();
      this.#events.stalled(true);
    } else stream.resume();
  }

  #break(cause: unknown): void {
    this.stop();
    this.#events.broken(cause);
  }
}
