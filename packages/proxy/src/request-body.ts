import { Readable } from 'node:stream';

export interface BodyHooks {
  readonly onFirstRead: () => void;
  /** The largest body in bytes. */
  readonly most: number;
  /** There was more; nothing of the excess is passed on. */
  readonly onOverflow: () => void;
}

/**
 * A client's body on its way to a target. Apart from the request itself, because a target's
 * connection destroys the stream it was given, and the request must outlive that: its client
 * still waits for an answer. Nothing is read before somebody asks.
 */
export class RequestBody extends Readable {
  readonly #req: Readable;
  readonly #hooks: BodyHooks;
  #begun = false;
  #bytes = 0;

  constructor(req: Readable, hooks: BodyHooks) {
    super({ highWaterMark: 64 * 1024 });
    this.#req = req;
    this.#hooks = hooks;
    // The reader destroys a body that it no longer wants; that is no fault of ours.
    this.on('error', () => {});
  }

  /** Once begun, it cannot be sent again. */
  get begun(): boolean {
    return this.#begun;
  }

  /** How many came so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the target is slower than the client. */
  get isHeldBack(): boolean {
    return this.#begun && this.#req.isPaused();
  }

  override _read(): void {
    if (this.#begun) {
      this.#req.resume();
      return;
    }
    this.#begun = true;
    this.#hooks.onFirstRead();
    this.#req.on('data', this.#push);
    this.#req.on('end', this.#end);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#req.off('data', this.#push);
    this.#req.off('end', this.#end);
    // What came and was not read would keep the request, or its whole connection, from coming to its end.
    if (this.#begun) this.#req.resume();
    done(error);
  }

  readonly #push = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#hooks.most) this.#hooks.onOverflow();
    else if (!this.push(chunk)) this.#req.pause();
  };

  readonly #end = (): void => {
    this.push(null);
  };
}
