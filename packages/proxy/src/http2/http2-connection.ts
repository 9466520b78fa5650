import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Observer } from '../events.ts';
import type { ProxyTimeouts } from '../settings.ts';

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
    // Not by way of setTimeout, which would listen once: a request may take longer than any idle time.
    session.on('timeout', () => {
      if (this.#open === 0) session.close();
      else session.setTimeout(timeouts.keepAliveMs);
    });
    session.setTimeout(timeouts.firstByteMs);
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
   * RFC 9113 §6.8: GOAWAY names the last request that is served, and the connection ends behind
   * it. A request that crosses it on its way is one that the client knows to be untouched. The
   * notice ahead, with the highest number, is not for us: nghttp2 as Node has it serves nothing
   * new after any GOAWAY.
   */
  retire(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  cut(): void {
    this.#session.destroy();
  }
}
