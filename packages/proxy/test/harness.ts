import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect } from '@jest/globals';
import { createProxy, type Proxy, type ProxyEvent, type ProxyOptions, type Route, type Target } from '@orca/proxy';

const patienceMs = 60_000;
const open: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Closed after the test, last first. */
export const closing = (close: () => Promise<unknown> | void): void => {
  open.push(close);
};

export const portOf = (server: Server | HttpServer): number => (server.address() as AddressInfo).port;

/** A client that says exactly the bytes it is told and shows exactly the bytes it got, as latin1. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  error: NodeJS.ErrnoException | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('end', () => this.#wake());
    socket.on('close', () => this.#wake());
    closing(() => void socket.destroy());
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Everything received by the time that the pattern has appeared. */
  async until(pattern: string | RegExp): Promise<string> {
    await this.#when(() =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received),
    );
    return this.received;
  }

  /** Everything received by the time that the peer has ended or reset the connection. */
  async ended(): Promise<string> {
    await this.#when(() => this.socket.readableEnded || this.socket.destroyed);
    return this.received;
  }

  async #when(isTrue: () => boolean): Promise<void> {
    const late = setTimeout(() => this.#changed.reject(new Error(`waited in vain, got: ${this.received}`)), patienceMs);
    try {
      while (!isTrue()) {
        if (this.socket.destroyed) throw new Error(`closed, got: ${this.received}`, { cause: this.error });
        await this.#changed.promise;
      }
    } finally {
      clearTimeout(late);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

export const dial = async (port: number, host = '127.0.0.1'): Promise<RawClient> => {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  return new RawClient(socket);
};

/** What an origin made of bytes saw and does. */
export interface RawOrigin {
  readonly port: number;
  /** Everything received, per connection. */
  readonly received: string[];
  readonly sockets: Socket[];
  /** Resolves when the pattern has appeared on any connection. */
  until(pattern: string | RegExp): Promise<string>;
}

/** An origin that is told of each request head (and whatever came with it) and answers in bytes. */
export const rawOrigin = async (respond: (socket: Socket, head: string, nth: number) => void): Promise<RawOrigin> => {
  const received: string[] = [];
  const sockets: Socket[] = [];
  let heads = 0;
  let changed = Promise.withResolvers<void>();
  const server = createServer({ noDelay: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    received[index] = '';
    let unread = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString('latin1');
      unread += chunk.toString('latin1');
      changed.resolve();
      changed = Promise.withResolvers();
      if (!/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(unread) || !unread.includes('\r\n\r\n')) return;
      const head = unread;
      unread = '';
      heads += 1;
      respond(socket, head, heads);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const until = async (pattern: string | RegExp): Promise<string> => {
    const deadline = setTimeout(() => changed.reject(new Error(`origin got: ${received.join('|')}`)), patienceMs);
    try {
      for (;;) {
        const all = received.join('');
        if (typeof pattern === 'string' ? all.includes(pattern) : pattern.test(all)) return all;
        await changed.promise;
      }
    } finally {
      clearTimeout(deadline);
    }
  };
  return { port: portOf(server), received, sockets, until };
};

/** An ordinary HTTP origin. */
export const httpOrigin = async (listener: RequestListener): Promise<HttpServer> => {
  const server = createHttpServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(async () => {
    server.close();
    server.closeAllConnections();
  });
  return server;
};

export const target = (port: number, id = `t${port}`): Target => ({ id, host: '127.0.0.1', port });

export const route = (targets: readonly Target[], more: Partial<Route> = {}): Route => ({
  host: 'app.test',
  pathPrefix: '/',
  stripPrefix: false,
  targets,
  ...more,
});

export interface RunningProxy extends Proxy {
  readonly port: number;
  readonly events: ProxyEvent[];
}

/** A listening proxy with the given routes. */
export const aProxy = async (routes: readonly Route[], options: Partial<ProxyOptions> = {}): Promise<RunningProxy> => {
  const events: ProxyEvent[] = [];
  const proxy = createProxy({ port: 0, bind: '127.0.0.1', onEvent: (event) => events.push(event), ...options });
  proxy.replace({ routes });
  await proxy.listen();
  closing(() => proxy.close(0));
  return { ...proxy, address: proxy.address, port: proxy.address.port, events };
};

/** Requests that the proxy has and that are not over, those that are held included. */
export const inFlightIn = (proxy: Pick<Proxy, 'metrics'>): number =>
  proxy.metrics().routes.reduce((sum, { inFlight }) => sum + inFlight, 0);

/** Resolves when the proxy has neither a request nor a connection any more. */
export const settled = async (proxy: Pick<Proxy, 'metrics'>): Promise<void> => {
  const deadline = performance.now() + patienceMs;
  while (inFlightIn(proxy) > 0 || proxy.metrics().connections.open > 0) {
    if (performance.now() > deadline) throw new Error(`not settled: ${JSON.stringify(proxy.metrics())}`);
    await sleep(10);
  }
};

/** One request with `Connection: close`, and everything that came back. */
export const exchange = async (port: number, head: string, body = ''): Promise<string> => {
  const client = await dial(port);
  client.send(`${head.trim().replaceAll('\n', '\r\n')}\r\nConnection: close\r\n\r\n${body}`);
  return client.ended();
};

export const statusOf = (response: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1]);

/** The values of a field, in order. */
export const valuesOf = (message: string, name: string): readonly string[] =>
  message
    .split('\r\n\r\n', 1)
    .join('')
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());

export const bodyOf = (message: string): string => message.slice(message.indexOf('\r\n\r\n') + 4);

/** What an origin gets to see of a request with these fields. */
export const forwarded = async (fields: string, options: Partial<ProxyOptions> = {}): Promise<string> => {
  const origin = await rawOrigin((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  const proxy = await aProxy([route([target(origin.port)])], options);
  const response = await exchange(proxy.port, `GET /a HTTP/1.1\nHost: app.test:8080\n${fields}`.trim());
  expect(statusOf(response)).toBe(204);
  return origin.received.join('');
};
