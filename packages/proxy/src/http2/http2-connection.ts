import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Observer } from '../events.ts';
import type { ProxyTimeouts } from '../settings.ts';

/** The highest stream identifier: nothing that the client has sent so far is refused. */
const everyStream = 2 ** 31 - 1;
/** How long a client may take to hear that no request may follow. */
const noticeMs = 1_000;

interface ConnectionDeps {
  readonly address: string;
  readonly observe: Observer;
  readonly timeouts: Pick<ProxyTimeouts, 'firstByteMs' | 'keepAliveMs'>;
}

/** One HTTP/2 connection: when it is idle for too long, and how it ends without hurting what it carries. */
export class Http2Connection {
  readonly #session: ServerHttp2Session;
  #open = 0;

  constructor(session: ServerHttp2Session, { address, observe, timeouts }: ConnectionDeps) {
    this.#session = session;
    session.setTimeout(timeouts.firstByteMs, () => {
      if (this.#open === 0) session.close();
    });
    // It has begun to speak HTTP/2; from here on it may be idle like any other.
    session.once('remoteSettings', () => session.setTimeout(timeouts.keepAliveMs));
    session.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') observe({ kind: 'session-failed', peer: address, reason: error.message });
    });
  }

  opened(stream: ServerHttp2Stream): void {
    this.#open += 1;
    stream.once('close', () => {
      this.#open -= 1;
    });
  }

  /**
   * RFC 9113 §6.8: first a notice, so that what the client sends meanwhile is still served, and
   * when it has heard of that, the end of what is open.
   */
  retire(): void {
    const session = this.#session;
    if (session.destroyed || session.closed) return;
    session.goaway(constants.NGHTTP2_NO_ERROR, everyStream);
    const close = (): void => {
      clearTimeout(late);
      if (!session.destroyed) session.close();
    };
    const late = setTimeout(close, noticeMs);
    session.once('close', () => clearTimeout(late));
    session.ping(close);
  }

  cut(): void {
    this.#session.destroy();
  }
}
