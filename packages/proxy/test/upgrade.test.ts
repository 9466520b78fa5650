import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import type { ProxyTimeouts } from '@orca/proxy';
import {
  aProxy,
  bodyOf,
  closing,
  dial,
  portOf,
  rawOrigin,
  route,
  settled,
  statusOf,
  target,
  valuesOf,
  type RawClient,
  type RunningProxy,
} from './harness.ts';

const request =
  'GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: abc\r\n\r\n';
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: xyz\r\n\r\n';

type Respond = Parameters<typeof rawOrigin>[0];

/** A client behind a proxy, in front of an origin that answers like this. */
const behind = async (
  respond: Respond,
): Promise<{ client: RawClient; origin: Awaited<ReturnType<typeof rawOrigin>>; events: readonly unknown[] }> => {
  const origin = await rawOrigin(respond);
  const proxy = await aProxy([route([target(origin.port)])]);
  return { client: await dial(proxy.port), origin, events: proxy.events };
};

test('P44 relays the real 101 and what both sides said along with their heads', async () => {
  const { client, origin } = await behind((socket) => socket.write(`${switching}from origin\x00\xff`, 'latin1'));
  const response = await client.send(`${request}from client\x00\xff`).until('from origin\x00\xff');
  expect(response).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  expect(valuesOf(response, 'Sec-WebSocket-Accept')).toEqual(['xyz']);
  expect(valuesOf(response, 'Upgrade').concat(valuesOf(response, 'Connection'))).toEqual(['websocket', 'Upgrade']);
  const arrived = await origin.until('from client\x00\xff');
  expect(valuesOf(arrived, 'Upgrade').concat(valuesOf(arrived, 'Connection'))).toEqual(['websocket', 'Upgrade']);
  expect(valuesOf(arrived, 'Sec-WebSocket-Key')).toEqual(['abc']);
});

test('P44 passes bytes both ways, and a half-close after the bytes before it', async () => {
  const { client, origin } = await behind((socket) => {
    socket.write(switching);
    socket.on('data', (bytes: Buffer) => bytes.includes('ping') && socket.write('pong'));
    socket.on('end', () => socket.end('bye'));
  });
  await client.send(request).until('\r\n\r\n');
  await client.send('ping').until('pong');
  client.socket.end('last');
  expect(await client.ended()).toMatch(/pongbye$/);
  expect(origin.received[0]).toMatch(/pinglast$/);
});

test.each(['origin', 'client'] as const)('P44 P70 ends both sides when the %s resets', async (side) => {
  const { client, origin } = await behind((socket) => socket.write(switching));
  await client.send(request).until('\r\n\r\n');
  const [other] = origin.sockets;
  const gone = new Promise((resolve) => other?.once('close', resolve));
  (side === 'client' ? client.socket : other)?.resetAndDestroy();
  await (side === 'client' ? gone : client.ended());
});

test.each([
  ['401 Unauthorized', 'Content-Length: 2\r\nWWW-Authenticate: Basic\r\n\r\nno'],
  ['426 Upgrade Required', 'Transfer-Encoding: chunked\r\nUpgrade: h2c\r\n\r\n2\r\nno\r\n0\r\n\r\n'],
  ['503 Service Unavailable', 'Connection: close\r\n\r\nno'],
])('P45 gives a refusal of %s to the client, framed anew', async (status, rest) => {
  const { client } = await behind((socket) => {
    socket.write(`HTTP/1.1 ${status}\r\n${rest}`);
    if (status.startsWith('503')) socket.end();
  });
  const response = await client.send(request).ended();
  expect(response.startsWith(`HTTP/1.1 ${status}\r\n`)).toBe(true);
  expect(bodyOf(response)).toMatch(/^(?:no|2\r\nno\r\n0\r\n\r\n)$/);
  expect(valuesOf(response, 'Upgrade')).toEqual([]);
});

test.each([
  ['another protocol', switching.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['none', switching.replace('Upgrade: websocket\r\n', '')],
])('P44 answers 502 to a 101 for %s', async (_, response) => {
  const { client } = await behind((socket) => socket.write(response));
  expect(statusOf(await client.send(request).ended())).toBe(502);
});

test.each([
  ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n'],
  ['Upgrade without Connection: Upgrade', 'Upgrade: websocket\r\n'],
])('P45 takes a request with %s for an ordinary one', async (_, fields) => {
  const { client, origin } = await behind((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  expect(bodyOf(await client.send(`GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`).until(/ok$/))).toBe('ok');
  expect(origin.received[0]).not.toMatch(/^(?:upgrade|connection):/im);
});

test('P44 takes an upgrade of a POST for an ordinary request', async () => {
  const { client, origin } = await behind((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const post = request.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi');
  expect(bodyOf(await client.send(post).until(/ok$/))).toBe('ok');
  expect(origin.received[0]).toMatch(/\r\n\r\nhi$/);
});

test('P12 P70 lets an upgrade wait for the responses before it', async () => {
  const { client } = await behind((socket, head) => {
    if (head.startsWith('GET /chat')) socket.write(`${switching}hello`);
    else setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst'), 50);
  });
  const response = await client.send(`GET / HTTP/1.1\r\nHost: app.test\r\n\r\n${request}`).until(/hello$/);
  expect(response).toMatch(/^HTTP\/1\.1 200 [^]*firstHTTP\/1\.1 101 [^]*hello$/);
});

test('P12 P70 lets CONNECT wait for the responses before it', async () => {
  const { client } = await behind((socket) =>
    setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst'), 50),
  );
  const connect = 'CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n';
  const response = await client.send(`GET / HTTP/1.1\r\nHost: app.test\r\n\r\n${connect}`).ended();
  expect(response).toMatch(/^HTTP\/1\.1 200 [^]*firstHTTP\/1\.1 405 /);
});

test('P45 P54 keeps an upgraded connection while routes, settings and challenges of others change', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write(switching);
    socket.on('data', (bytes: Buffer) => bytes.includes('ping') && socket.write('pong'));
  });
  const own = route([target(origin.port)]);
  const proxy = await aProxy([own, route([target(1)], { host: 'other.test' })]);
  const client = await dial(proxy.port);
  await client.send(request).until('\r\n\r\n');
  proxy.replace({ routes: [own], httpsHosts: ['other.test'] });
  proxy.configure({ trustedProxies: ['10.0.0.0/8'] });
  proxy.setChallenges({ managedHosts: ['other.test'], answers: {} });
  await client.send('ping').until('pong');
});

const big = 'x'.repeat(20_000_000);
const first = 'GET /first HTTP/1.1\r\nHost: app.test\r\n\r\n';
const bigOrigin: Respond = (socket) =>
  void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`);

test.each([
  ['was answered in HTTP', ''],
  ['is still owed the response before', first],
])('P57 cuts a client that does not read, asked to switch, and %s', async (_, before) => {
  const origin = await rawOrigin(bigOrigin);
  const proxy = await aProxy([route([target(origin.port)])], { timeouts: { bodyIdleMs: 150 } });
  const client = await dial(proxy.port);
  client.socket.pause();
  client.send(before + request);
  await origin.until('Host: app.test');
  await new Promise((resolve) => origin.sockets[0]?.once('close', resolve));
  await settled(proxy);
});

test('P12 lets a large response before an upgrade come to its end', async () => {
  const { client } = await behind((socket, head, nth) => {
    if (head.startsWith('GET /chat')) socket.write(switching);
    else bigOrigin(socket, head, nth);
  });
  let length = 0;
  client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (length += chunk.length));
  client.send(first + request);
  while (length <= big.length + switching.length) await once(client.socket, 'data');
});

const impatient = { halfCloseMs: 50, lingerMs: 50, bodyIdleMs: 200 };
/** Ten eighths of a limit are longer than it, and each by far shorter, so that this process may be held up. */
const patient = { ...impatient, halfCloseMs: 3_000, bodyIdleMs: 3_000 };
const aWhile = (): Promise<void> => sleep(patient.bodyIdleMs / 8);

/** A proxy before a target that switches, and that a client's end does not end. */
const beforeHalfOpen = async (
  whenClientEnds: (socket: Socket) => void,
  timeouts: Partial<ProxyTimeouts> = impatient,
  switched: (socket: Socket) => void = () => {},
): Promise<RunningProxy> => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    closing(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(switching);
      switched(socket);
    });
    socket.on('end', () => whenClientEnds(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => void server.close());
  return aProxy([route([target(portOf(server))])], { timeouts });
};

test.each(['after', 'before'])(
  'P44 a client that is done talking %s the switch hears all of what the target goes on to say',
  async (when) => {
    const proxy = await beforeHalfOpen(async (socket) => {
      for (let nth = 0; nth < 10; nth += 1) {
        await aWhile();
        socket.write(`${nth}`);
      }
      socket.end('.');
    }, patient);
    const client = await dial(proxy.port);
    client.send(request);
    if (when === 'after') await client.until('\r\n\r\n');
    client.socket.end();
    expect(await client.ended()).toMatch(/0123456789\.$/);
    await settled(proxy);
  },
);

test.each([
  ['never ends', () => {}],
  ['ends later', (socket: Socket) => void setTimeout(() => socket.end('bye'), 200)],
] as const)(
  'P44 P50 a client that half-closed and was given up leaves nothing in flight to a target that %s',
  async (_, whenClientEnds) => {
    const proxy = await beforeHalfOpen(whenClientEnds);
    const client = await dial(proxy.port);
    await client.send(request).until('\r\n\r\n');
    client.socket.end();
    await settled(proxy);
  },
);

test('P44 a target that is done talking hears all of what the client goes on to say', async () => {
  let heard = '';
  const proxy = await beforeHalfOpen(
    () => {},
    patient,
    (socket) => socket.end().on('data', (bytes: Buffer) => (heard += bytes.toString())),
  );
  const client = await dial(proxy.port);
  await client.send(request).ended();
  for (let nth = 0; nth < 10; nth += 1) {
    await aWhile();
    client.send(`${nth}`);
  }
  client.socket.end('.');
  await settled(proxy);
  expect(heard).toBe('0123456789.');
});

test('P44 P57 cuts a client that is done talking and does not read what the target says without end', async () => {
  const proxy = await beforeHalfOpen((socket) => {
    const talking = setInterval(() => void socket.write('x'.repeat(100_000)), 5);
    socket.on('close', () => clearInterval(talking));
  });
  const client = await dial(proxy.port);
  await client.send(request).until('\r\n\r\n');
  client.socket.pause();
  client.socket.end();
  await settled(proxy);
});

test('P44 a tunnel that has ended leaves no clock running', async () => {
  const lingerMs = 61_234;
  const [set, clear] = [jest.spyOn(globalThis, 'setTimeout'), jest.spyOn(globalThis, 'clearTimeout')];
  closing(() => void jest.restoreAllMocks());
  const proxy = await beforeHalfOpen((socket) => void socket.end(), { ...impatient, lingerMs });
  const client = await dial(proxy.port);
  await client.send(request).until('\r\n\r\n');
  client.socket.end();
  await client.ended();
  await settled(proxy);
  const cleared = clear.mock.calls.map(([timer]) => timer);
  for (const [nth, [, ms]] of set.mock.calls.entries())
    if (ms === lingerMs) expect(cleared).toContain(set.mock.results[nth]?.value);
});
