import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Route } from '@orca/proxy';
import { session } from '../front/http2-harness.ts';
import { aSecureProxy, shake, type SecureProxy } from '../front/tls-harness.ts';
import { closing, inFlightIn, rawOrigin, route, settled, target } from '../harness.ts';
import { randomOf, type Random } from './random.ts';

const forMs = 3_000;
const clients = 10;
/** All short, so that in three seconds each of them has passed often. */
const timeouts = {
  firstByteMs: 100,
  headersMs: 200,
  bodyIdleMs: 200,
  keepAliveMs: 200,
  halfCloseMs: 50,
  lingerMs: 50,
  connectMs: 200,
  responseHeadersMs: 300,
  responseIdleMs: 200,
};

const requests = (host: string, body: number): readonly string[] => [
  `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n`,
  `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n${'y'.repeat(body)}`,
  `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhead`,
  `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n`,
  'HEAD / HTTP/1.0\r\n\r\n',
  `CONNECT a:80 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  'GARBAGE\r\n\r\n',
];

/** What a target may do to a request, the worst of it included. */
const misbehave = (socket: Socket, random: Random): void => {
  const whims: readonly (() => unknown)[] = [
    () => socket.resetAndDestroy(),
    () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`),
    () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', () => socket.destroy()),
    () => socket.end('HTTP/1.1 200 OK\r\n\r\nbody'),
    () => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi'),
    () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  ];
  setTimeout(() => socket.destroyed || random.pick(whims)(), random.below(10));
};

const misbehaveOnStream = (stream: ServerHttp2Stream, random: Random): void => {
  stream.on('error', () => undefined);
  const whims: readonly (() => unknown)[] = [
    () => stream.close(8),
    () => stream.session?.destroy(),
    () => (stream.respond({ ':status': 200 }), stream.end('ok')),
  ];
  setTimeout(() => stream.destroyed || random.pick(whims)(), random.below(10));
};

const h2cOrigin = async (random: Random): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  server.on('sessionError', () => undefined);
  server.on('stream', (stream) => misbehaveOnStream(stream, random));
  await once(server, 'listening');
  closing(() => void server.close());
  return (server.address() as AddressInfo).port;
};

const visitHttp1 = async (proxy: SecureProxy, random: Random, host: string): Promise<void> => {
  const socket = random.below(2) === 0 ? connect(proxy.port, '127.0.0.1') : await shake(proxy.httpsPort);
  socket.on('error', () => undefined).on('data', () => undefined);
  for (let more = random.below(4); more >= 0; more -= 1)
    socket.write(random.pick(requests(host, random.below(100_000))));
  await sleep(random.below(60));
  // Only TCP itself can be reset.
  const reset = (): unknown => ('encrypted' in socket ? socket.destroy() : socket.resetAndDestroy());
  const ends: readonly (() => unknown)[] = [reset, () => socket.end(), () => socket.pause()];
  random.pick(ends)();
  await sleep(random.below(300));
  socket.destroy();
};

const visitHttp2 = async (proxy: SecureProxy, random: Random, host: string): Promise<void> => {
  const client = await session(proxy.httpsPort);
  for (let more = random.below(6); more >= 0 && !client.destroyed && !client.closed; more -= 1) {
    const hasBody = random.below(2) === 0;
    const stream = client.request({ ':path': '/', ':authority': host, ':method': hasBody ? 'POST' : 'GET' });
    stream.on('error', () => undefined).on('data', () => undefined);
    if (hasBody) stream.write('z'.repeat(random.below(90_000)));
    if (random.below(2) === 0) stream.end();
    if (random.below(3) === 0) stream.close(8);
  }
  await sleep(random.below(80));
  client.destroy();
};

test('P36 P70 whatever clients and targets do to each other, nothing stays in flight and no process ends', async () => {
  const random = randomOf(1, 0);
  const origin = await rawOrigin((socket) => misbehave(socket, random));
  const h2c = { ...target(await h2cOrigin(random), 'c'), protocol: 'h2c' as const };
  const all: readonly Route[] = [
    route([target(origin.port, 'a')], { host: 'a.test', compress: true, hold: { maxMs: 100 } }),
    route([h2c], { host: 'c.test' }),
    route([], { host: 'held.test', hold: { maxMs: 50 } }),
    route([target(1, 'gone'), target(origin.port, 'b')], { host: 'b.test' }),
  ];
  const proxy = await aSecureProxy(all, { timeouts });
  const until = performance.now() + forMs;
  const visit = async (): Promise<void> => {
    while (performance.now() < until || proxy.metrics().connections.accepted <= clients) {
      const host = random.pick(['a.test', 'b.test', 'c.test', 'held.test', 'nobody.test']);
      const visited = random.below(2) === 0 ? visitHttp1(proxy, random, host) : visitHttp2(proxy, random, host);
      // Whoever finds the proxy closing what was idle comes again.
      await visited.catch(() => undefined);
    }
  };
  const deploying = setInterval(() => {
    const left = random.below(all.length * 2);
    proxy.replace({ routes: all.filter((_, nth) => nth !== left) });
  }, 40);
  await Promise.all(Array.from({ length: clients }, visit));
  clearInterval(deploying);
  proxy.replace({ routes: [] });
  await settled(proxy);
  expect([inFlightIn(proxy), proxy.metrics().connections.open]).toEqual([0, 0]);
});
