import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Hold } from '@orca/proxy';
import { freePort } from '@orca/tooling-testbed';
import { Holds } from '../src/hold.ts';
import {
  aProxy,
  bodyOf,
  closing,
  dial,
  exchange,
  httpOrigin,
  inFlightIn,
  portOf,
  rawOrigin,
  route,
  statusOf,
  target,
  valuesOf,
  type RawClient,
  type RunningProxy,
} from './harness.ts';

const get = 'GET / HTTP/1.1\nHost: app.test';
const wire = (method: string, path: string, more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;

/** Long enough for whatever would be answered at once to have been answered. */
const aMomentMs = 100;

const holding = (hold: Hold): Promise<RunningProxy> => aProxy([route([], { hold })]);

/** A client whose request is waiting in the proxy. */
const waiting = async (proxy: RunningProxy, text = wire('GET', '/')): Promise<RawClient> => {
  const before = inFlightIn(proxy);
  const client = (await dial(proxy.port)).send(text);
  while (inFlightIn(proxy) === before) await sleep(5);
  await sleep(aMomentMs);
  expect(client.received).toBe('');
  return client;
};

const echo = async (): Promise<number> =>
  portOf(
    await httpOrigin((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        const answer = `${req.method} ${req.url} ${body}.`;
        res.writeHead(200, { 'Content-Length': answer.length }).end(answer);
      });
    }),
  );

test('P52 does not hold unless the route asks for it', async () => {
  for (const hold of [undefined, { maxMs: 0 }]) {
    const proxy = await aProxy([route([], hold === undefined ? {} : { hold })]);
    expect(statusOf(await exchange(proxy.port, get))).toBe(503);
  }
});

test('P52 holds requests while there is no target, and sends them on when there is one', async () => {
  const hold = { maxMs: 60_000 };
  const proxy = await holding(hold);
  const clients = [
    await waiting(proxy),
    await waiting(proxy, `${wire('POST', '/form', 'Content-Length: 4\r\n')}body`),
    await waiting(proxy, wire('PUT', '/big', 'Content-Length: 4\r\nExpect: 100-continue\r\n')),
  ];
  // Another table that has nobody for it changes nothing.
  proxy.replace({ routes: [route([], { hold }), route([], { host: 'other.test' })] });
  await sleep(aMomentMs);
  expect(clients.map(({ received }) => received)).toEqual(['', '', '']);
  proxy.replace({ routes: [route([target(await echo())], { hold })] });
  expect(bodyOf((await clients[0]?.until('.')) ?? '')).toBe('GET / .');
  expect(bodyOf((await clients[1]?.until('body.')) ?? '')).toBe('POST /form body.');
  await clients[2]?.until('100 Continue');
  expect(await clients[2]?.send('late').until('late.')).toMatch(/PUT \/big late\.$/);
});

test('P52 reads no body of a request that is held', async () => {
  const proxy = await holding({ maxMs: 60_000 });
  const client = await waiting(proxy, wire('POST', '/', 'Content-Length: 67108864\r\n'));
  const chunk = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 64; i += 1) client.socket.write(chunk);
  await sleep(aMomentMs);
  // The rest is where it came from: the kernel and the proxy together take some of it.
  expect(client.socket.writableLength).toBeGreaterThan(32 * 1024 * 1024);
});

test('P52 answers 503 when the time is over, with Retry-After', async () => {
  const proxy = await holding({ maxMs: 200 });
  const begun = performance.now();
  const response = await exchange(proxy.port, get);
  expect(performance.now() - begun).toBeGreaterThan(190);
  expect([statusOf(response), valuesOf(response, 'Retry-After')]).toEqual([503, ['5']]);
  expect(proxy.events).toEqual([{ kind: 'hold-expired', route: 'app.test' }]);
});

test('P52 holds no more requests than the route allows, and says 503 to the next at once', async () => {
  const hold = { maxMs: 60_000, maxRequests: 2 };
  const proxy = await holding(hold);
  const clients = [await waiting(proxy), await waiting(proxy)];
  expect(statusOf(await exchange(proxy.port, get))).toBe(503);
  expect(proxy.events).toEqual([{ kind: 'hold-refused', route: 'app.test' }]);
  // Whoever leaves makes room.
  clients[0]?.socket.resetAndDestroy();
  while (inFlightIn(proxy) > 1) await sleep(5);
  const third = await waiting(proxy);
  proxy.replace({ routes: [route([target(await echo())], { hold })] });
  await Promise.all([clients[1]?.until('GET / .'), third.until('GET / .')]);
});

test('P52 answers health checks 200 while it holds, and asks the target otherwise', async () => {
  const hold = { maxMs: 60_000, healthPaths: ['/up'] };
  const proxy = await holding(hold);
  const response = await exchange(proxy.port, 'GET /up?x=1 HTTP/1.1\nHost: app.test');
  expect([statusOf(response), bodyOf(response)]).toEqual([200, 'held\n']);
  expect(bodyOf(await exchange(proxy.port, 'HEAD /up HTTP/1.1\nHost: app.test'))).toBe('');
  await waiting(proxy, wire('POST', '/up', 'Content-Length: 0\r\n'));
  await waiting(proxy, wire('GET', '/upx'));
  proxy.replace({ routes: [route([target(await echo())], { hold })] });
  expect(bodyOf(await exchange(proxy.port, 'GET /up HTTP/1.1\nHost: app.test'))).toBe('GET /up .');
});

test('P52 answers 503 and says why when the service is stopped, also to those who wait', async () => {
  const proxy = await holding({ maxMs: 60_000 });
  const client = await waiting(proxy);
  proxy.replace({ routes: [route([target(await echo())], { hold: { maxMs: 60_000 }, isStopped: true })] });
  expect(await client.until('operator')).toMatch(/^HTTP\/1\.1 503 /);
  const response = await exchange(proxy.port, get);
  expect([statusOf(response), bodyOf(response)]).toEqual([503, 'The service was stopped by its operator\n']);
});

test('P52 answers 404 to those who wait for a route that goes away', async () => {
  const proxy = await holding({ maxMs: 60_000 });
  const client = await waiting(proxy);
  proxy.replace({ routes: [] });
  expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 /);
});

test('P52 waits for a sole target that cannot be reached, and sends each request once', async () => {
  const port = await freePort();
  const proxy = await aProxy([route([target(port)], { hold: { maxMs: 60_000 } })]);
  const clients = [await waiting(proxy), await waiting(proxy, `${wire('POST', '/', 'Content-Length: 4\r\n')}body`)];
  let requests = 0;
  const back = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (!/^(?:GET|POST) /.test(chunk.toString('latin1'))) return;
      requests += 1;
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nback!');
    });
  }).listen(port, '127.0.0.1');
  closing(() => void back.close());
  await Promise.all(clients.map((client) => client.until('back!')));
  expect(requests).toBe(2);
});

/** Twenty requests in a queue, and how many of them have been let go. */
const queued = (): { holds: Holds; gone: () => number; more: () => void } => {
  const holds = new Holds(
    () => performance.now(),
    () => undefined,
  );
  closing(() => holds.end());
  let gone = 0;
  const again = (): void => {
    gone += 1;
  };
  const waits = { deadline: performance.now() + 60_000, again, expired: () => undefined };
  const more = (): void => void holds.enter(one, { ...waits }, true);
  for (let i = 0; i < 20; i += 1) holds.enter(one, { ...waits }, false);
  return { holds, gone: () => gone, more };
};
const one = route([], { hold: { maxMs: 60_000 } });

test('P52 lets those who wait go a few at a time, and one more for each answer: a queue of ten is all some servers have', async () => {
  const { holds, gone } = queued();
  holds.release(() => true);
  expect(gone()).toBe(0);
  holds.release(() => false);
  expect(gone()).toBe(4);
  holds.reached(one);
  expect(gone()).toBe(5);
  // Without any answer too, for the target may be slow.
  while (gone() < 20) await sleep(10);
});

test('P52 stops letting them go when the target is lost again, and tries with one at a time', async () => {
  const { holds, gone, more } = queued();
  holds.release(() => false);
  expect(gone()).toBe(4);
  more();
  while (gone() < 5) await sleep(10);
  expect(gone()).toBe(5);
  holds.reached(one);
  expect(gone()).toBeGreaterThanOrEqual(5 + 4 + 1);
});

test('P52 answers 503 when a sole target stays out of reach', async () => {
  const proxy = await aProxy([route([target(9)], { hold: { maxMs: 300 } })]);
  expect(statusOf(await exchange(proxy.port, get))).toBe(503);
});

test('P52 holds WebSocket requests as well', async () => {
  const hold = { maxMs: 60_000 };
  const proxy = await holding(hold);
  const client = await waiting(proxy, wire('GET', '/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
  });
  proxy.replace({ routes: [route([target(origin.port)], { hold })] });
  expect(await client.until('hello')).toMatch(/^HTTP\/1\.1 101 /);
});

test('P53 answers those who wait when the proxy ends', async () => {
  const proxy = await holding({ maxMs: 60_000 });
  const client = await waiting(proxy);
  const closed = proxy.close(300);
  expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 /);
  await closed;
});
