import type { Target } from '../route.ts';
import type { Upstream, UpstreamCall, UpstreamHandler, UpstreamRequest } from '../upstream.ts';
import { readBufferBytes } from '../read-copies.ts';
import { Connection, type ClientTimeouts, type ConnectionOwner } from './connection.ts';
import { encodeHead } from './request-head.ts';

/** HTTP/1.1 to targets over kept-alive connections, the most recently used first. */
export const createHttp1Upstream = (timeouts: ClientTimeouts): Upstream => new Http1Upstream(timeouts);

class Http1Upstream implements Upstream, ConnectionOwner {
  readonly #timeouts: ClientTimeouts;
  readonly #readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  readonly #idle = new Map<string, Connection[]>();
  readonly #all = new Set<Connection>();
  #retained: ReadonlySet<string> = new Set();
  /** By target, since a text that was just put together is slow to look up. */
  readonly #origins = new WeakMap<Target, string>();

  constructor(timeouts: ClientTimeouts) {
    this.#timeouts = timeouts;
  }

  send(target: Target, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const head = encodeHead(request);
    if ('fault' in head) return failing(handler, 'broken', new Error(head.fault));
    try {
      return this.#connectionTo(target, request).send({ request, head, handler });
    } catch (cause) {
      // A host or port that is none.
      return failing(handler, 'connect', cause);
    }
  }

  retain(targets: readonly Target[]): void {
    this.#retained = new Set(targets.map((target) => this.#originOf(target)));
    for (const connection of this.#all) {
      if (!connection.isBusy && !this.#retained.has(connection.origin)) connection.destroy();
    }
  }

  async close(): Promise<void> {
    this.#retained = new Set();
    for (const connection of this.#all) connection.destroy();
  }

  idle(connection: Connection): void {
    if (!this.#retained.has(connection.origin)) return connection.destroy();
    const waiting = this.#idle.get(connection.origin);
    if (waiting === undefined) this.#idle.set(connection.origin, [connection]);
    else waiting.push(connection);
  }

  gone(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    const waiting = this.#idle.get(connection.origin);
    const at = waiting?.lastIndexOf(connection) ?? -1;
    if (at >= 0) waiting?.splice(at, 1);
    if (waiting?.length === 0) this.#idle.delete(connection.origin);
  }

  /** An upgrade takes its socket away for good, so it gets one of its own. */
  #connectionTo(target: Target, { fresh, upgrade }: UpstreamRequest): Connection {
    const origin = this.#originOf(target);
    if (!fresh && !upgrade) {
      const waiting = this.#idle.get(origin);
      for (let known = waiting?.pop(); known !== undefined; known = waiting?.pop()) {
        if (known.isUsable) return known;
        known.destroy();
      }
    }
    const timeouts = this.#timeouts;
    const connection = new Connection(this, { target, origin, timeouts, readBuffer: this.#readBuffer, upgrade });
    this.#all.add(connection);
    return connection;
  }

  #originOf(target: Target): string {
    const known = this.#origins.get(target);
    if (known !== undefined) return known;
    const origin = `${target.host} ${target.port}`;
    this.#origins.set(target, origin);
    return origin;
  }
}

/** A call that fails as soon as its caller can listen. */
const failing = (handler: UpstreamHandler, kind: 'connect' | 'broken', cause: unknown): UpstreamCall => {
  let isAborted = false;
  queueMicrotask(() => {
    if (!isAborted) handler.failed({ kind, cause });
  });
  return {
    resume: () => {},
    abort: () => {
      isAborted = true;
    },
  };
};
