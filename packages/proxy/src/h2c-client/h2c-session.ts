import { connect, type ClientHttp2Session } from 'node:http2';

export interface H2cSessionOptions {
  readonly authority: string;
  readonly connectMs: number;
  /** A connection without requests is of no use for longer (a minute). */
  readonly idleMs?: number;
  readonly onGone: () => void;
}

const defaultIdleMs = 60_000;
const maxHeaderListBytes = 64 * 1024;
const maxFields = 1_000;
/** What a target may send ahead of its reader, for one response and for all. */
const streamWindowBytes = 256 * 1024;
const sessionWindowBytes = 1024 * 1024;

const sessionOptions = {
  maxHeaderListPairs: maxFields,
  // What a client repeats is for the target to judge. Node's types know this of servers only.
  strictSingleValueFields: false,
  settings: { enablePush: false, maxHeaderListSize: maxHeaderListBytes, initialWindowSize: streamWindowBytes },
};

/** One connection to a target. It is given no more requests than the target takes at once. */
export class H2cSession {
  readonly session: ClientHttp2Session;
  readonly #late: NodeJS.Timeout;
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #isUsed = false;

  constructor({ authority, connectMs, idleMs = defaultIdleMs, onGone }: H2cSessionOptions) {
    this.session = connect(`http://${authority}`, sessionOptions);
    this.#late = setTimeout(() => this.session.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    this.session
      .once('connect', () => {
        clearTimeout(this.#late);
        // Its target left the table, or the last request its client, before it was there.
        if (this.session.destroyed) return;
        this.session.setLocalWindowSize(sessionWindowBytes);
        for (const connected of this.#waiting.splice(0)) connected();
      })
      .once('close', () => {
        clearTimeout(this.#late);
        onGone();
      })
      // Its requests hear of it each by themselves.
      .on('error', () => {})
      .once('goaway', onGone)
      // Not by way of setTimeout, which would listen once: a request may take longer than that.
      .on('timeout', () => {
        if (this.#open === 0) this.session.close();
        else this.session.setTimeout(idleMs);
      })
      .setTimeout(idleMs);
  }

  /** Whether one more request may go over it. */
  get hasRoom(): boolean {
    const { closed, destroyed, connecting } = this.session;
    if (closed || destroyed) return false;
    return connecting || this.#open < (this.session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  /** A response has come over it: it may have been closed since. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** Calls back once the connection is there; never, if it will not be. */
  whenConnected(connected: () => void): void {
    if (this.session.connecting) this.#waiting.push(connected);
    else queueMicrotask(connected);
  }

  enter(): void {
    this.#open += 1;
  }

  leave(answered: boolean): void {
    this.#open -= 1;
    if (answered) this.#isUsed = true;
  }

  /** Takes no more requests and closes behind the last one. */
  retire(): void {
    if (!this.session.destroyed) this.session.close();
  }

  destroy(): void {
    this.session.destroy();
  }
}
