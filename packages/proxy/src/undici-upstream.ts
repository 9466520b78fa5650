import type { Duplex } from 'node:stream';
import { Client, errors, type Dispatcher } from 'undici';
import type { Target } from './route.ts';
import { maxResponseHeaderBytes, type ProxyTimeouts } from './settings.ts';
import type { FailureKind, RawFields, Upstream, UpstreamCall, UpstreamHandler, UpstreamRequest } from './upstream.ts';

type Timeouts = Pick<ProxyTimeouts, 'connectMs' | 'responseHeadersMs' | 'targetIdleMs'>;

/** The most a target's own `Keep-Alive: timeout=` hint may stretch an idle connection. */
const longestIdleMs = 60_000;

/**
 * Undici's one-socket clients under a pool of our own: a pool that knows which socket carries
 * which request can tell a stale connection from a fresh one, and destroy exactly one.
 */
export const createUndiciUpstream = (timeouts: Timeouts): Upstream => {
  const idle = new Map<string, Connection[]>();
  const all = new Set<Connection>();
  let retained: ReadonlySet<string> = new Set();

  const drop = (connection: Connection): void => {
    all.delete(connection);
    const waiting = idle.get(connection.origin);
    const at = waiting?.indexOf(connection) ?? -1;
    if (at >= 0) waiting?.splice(at, 1);
    if (waiting?.length === 0) idle.delete(connection.origin);
    void connection.destroy();
  };

  const release = (connection: Connection): void => {
    connection.busy = false;
    if (!retained.has(connection.origin)) return drop(connection);
    const waiting = idle.get(connection.origin);
    if (waiting === undefined) idle.set(connection.origin, [connection]);
    else waiting.push(connection);
  };

  const take = (origin: string, fresh: boolean): Connection => {
    const known = fresh ? undefined : idle.get(origin)?.pop();
    const connection = known ?? new Connection(origin, timeouts, drop);
    connection.busy = true;
    all.add(connection);
    return connection;
  };

  return {
    send: (target, request, handler) => {
      try {
        // An upgrade takes its socket away for good, so it gets one of its own.
        const connection = take(originOf(target), request.fresh || request.upgrade);
        const exchange = new Exchange(connection, handler, { release, drop });
        connection.dispatch(request, exchange, request.responseHeadersMs ?? timeouts.responseHeadersMs);
        return exchange;
      } catch (cause) {
        // A host that is no host. Later, because the caller has no call to speak of yet.
        queueMicrotask(() => handler.failed({ kind: 'connect', cause }));
        return { resume: () => {}, abort: () => {} };
      }
    },
    retain: (targets) => {
      retained = new Set(targets.map(originOf));
      for (const connection of all) if (!connection.busy && !retained.has(connection.origin)) drop(connection);
    },
    close: async () => {
      retained = new Set();
      await Promise.all([...all].map((connection) => connection.destroy()));
      all.clear();
      idle.clear();
    },
  };
};

const originOf = ({ host, port }: Target): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

class Connection {
  readonly origin: string;
  readonly #client: Client;
  busy = false;
  /** Responses completed on the present socket. */
  served = 0;

  constructor(origin: string, timeouts: Timeouts, onGone: (connection: Connection) => void) {
    this.origin = origin;
    this.#client = new Client(origin, {
      allowH2: false,
      pipelining: 1,
      connect: { timeout: timeouts.connectMs, allowHalfOpen: true },
      keepAliveTimeout: timeouts.targetIdleMs,
      keepAliveMaxTimeout: longestIdleMs,
      maxHeaderSize: maxResponseHeaderBytes,
      // Silence in a body is judged by the proxy, which knows an event stream from a stalled download.
      bodyTimeout: 0,
    });
    this.#client.on('connect', () => {
      this.served = 0;
    });
    this.#client.on('disconnect', () => {
      if (!this.busy) onGone(this);
    });
  }

  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler, headersTimeout: number): void {
    const { method, path, fields, body, upgrade } = request;
    this.#client.dispatch(
      {
        method,
        path,
        headers: [...fields],
        body: body ?? null,
        upgrade: upgrade ? 'websocket' : null,
        headersTimeout,
        // Undici would close the connection after every HEAD.
        ...(upgrade ? {} : { reset: false }),
      },
      handler,
    );
  }

  async destroy(): Promise<void> {
    await this.#client.destroy();
  }
}

interface Pool {
  readonly release: (connection: Connection) => void;
  readonly drop: (connection: Connection) => void;
}

/** Turns undici's callbacks into ours, and stops talking after the last one. */
class Exchange implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #connection: Connection;
  readonly #handler: UpstreamHandler;
  readonly #pool: Pool;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #reused = false;
  #answered = false;

  constructor(connection: Connection, handler: UpstreamHandler, pool: Pool) {
    this.#connection = connection;
    this.#handler = handler;
    this.#pool = pool;
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#pool.drop(this.#connection);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#reused = this.#connection.served > 0;
  }

  onResponseStarted(): void {
    this.#answered = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, reason?: string): void {
    if (this.#settled) return;
    const fields = rawFields(controller.rawHeaders);
    if (status < 200) this.#handler.interim(status, fields);
    else this.#handler.started(status, reason ?? '', fields);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#settled && !this.#handler.data(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#connection.served += 1;
    this.#pool.release(this.#connection);
    this.#handler.ended(rawFields(controller.rawTrailers));
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, _: number, __: unknown, socket: Duplex): void {
    if (this.#settled) {
      socket.destroy();
      return;
    }
    this.#settled = true;
    this.#pool.drop(this.#connection);
    this.#handler.upgraded(rawFields(controller.rawHeaders), socket);
  }

  onResponseError(_: unknown, cause: Error): void {
    // Before the request started this may still be inside `send`, whose caller is not ready to listen.
    if (this.#controller === undefined) queueMicrotask(() => this.#fail(cause));
    else this.#fail(cause);
  }

  #fail(cause: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#pool.drop(this.#connection);
    this.#handler.failed({ kind: this.#kindOf(cause), cause });
  }

  #kindOf(cause: Error): FailureKind {
    if (cause instanceof errors.InvalidArgumentError) return 'broken';
    if (this.#controller === undefined) return 'connect';
    if (cause instanceof errors.HeadersTimeoutError) return 'timeout';
    return this.#reused && !this.#answered ? 'stale' : 'broken';
  }
}

const rawFields = (raw: Dispatcher.DispatchController['rawHeaders']): RawFields =>
  Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : [];
