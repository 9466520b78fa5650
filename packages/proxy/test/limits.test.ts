import { expect, test } from '@jest/globals';
import { createProxy, type Route, type RouteSettings } from '@orca/proxy';
import { RateLimiter } from '../src/rate-limiter.ts';
import {
  aProxy,
  bodyOf,
  dial,
  exchange,
  httpOrigin,
  portOf,
  rawOrigin,
  route,
  statusOf,
  target,
  valuesOf,
} from './harness.ts';

const served = async (settings: Partial<Route>, more: Parameters<typeof aProxy>[1] = {}) => {
  const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  return { origin, proxy: await aProxy([route([target(origin.port)], settings)], more) };
};

const small: RouteSettings = { limits: { maxBodyBytes: 10 } };

test('P42 answers a declared excess with 413, and no target hears of it', async () => {
  const { proxy, origin } = await served(small);
  const response = await exchange(proxy.port, 'POST / HTTP/1.1\nHost: app.test\nContent-Length: 11', 'hello world');
  expect(statusOf(response)).toBe(413);
  expect(valuesOf(response, 'Connection')).toEqual(['close']);
  expect(origin.sockets).toHaveLength(0);
  const fits = await exchange(proxy.port, 'POST / HTTP/1.1\nHost: app.test\nContent-Length: 10', 'hello worl');
  expect(statusOf(fits)).toBe(200);
});

test('P42 lets a client that uploads far too much read its 413', async () => {
  const { proxy } = await served(small);
  const client = await dial(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(900_000)}`);
  expect(statusOf(await client.ended())).toBe(413);
  expect(client.error).toBeUndefined();
});

test('P42 answers a chunked excess with 413 and cuts the target off, which gets no complete body', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port)], small)]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n');
  await origin.until('01234567');
  const gone = new Promise((resolve) => origin.sockets[0]?.once('close', resolve));
  client.send('8\r\n89abcdef\r\n0\r\n\r\n');
  expect(statusOf(await client.ended())).toBe(413);
  await gone;
  expect(origin.received.join('')).not.toMatch(/abcdef|\r\n0\r\n\r\n$/);
  expect(proxy.events).toEqual([]);
});

test.each([
  ['the body is larger than allowed', small, 'Content-Length: 11', 413],
  ['the client asks too often', { limits: { rate: { requests: 1, perMs: 60_000 } } }, 'Content-Length: 5', 429],
])('P33 answers the final status without a 100 when %s', async (_, settings, length, status) => {
  const { proxy } = await served(settings);
  await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
  const client = await dial(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\n${length}\r\n\r\n`);
  expect(statusOf(await client.ended())).toBe(status);
});

const twice: RouteSettings = { limits: { rate: { requests: 2, perMs: 10_000 } } };

test('P59 answers 429 with Retry-After to a client that asks too often, until its time has come', async () => {
  let now = 0;
  const { proxy, origin } = await served(twice, { now: () => now });
  const ask = (): Promise<string> => exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
  expect([statusOf(await ask()), statusOf(await ask())]).toEqual([200, 200]);
  const refused = await ask();
  expect(statusOf(refused)).toBe(429);
  expect(valuesOf(refused, 'Retry-After')).toEqual(['5']);
  expect(origin.received.join('').match(/GET/g)).toHaveLength(2);
  now = 5_000;
  expect([statusOf(await ask()), statusOf(await ask())]).toEqual([200, 429]);
});

test('P59 counts each client behind a trusted peer on its own, and an IPv6 site as one', async () => {
  const { proxy } = await served(twice, { trustedProxies: ['127.0.0.1'] });
  const from = async (client: string): Promise<number> =>
    statusOf(await exchange(proxy.port, `GET / HTTP/1.1\nHost: app.test\nX-Forwarded-For: ${client}`));
  expect([await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.1')]).toEqual([200, 200, 429]);
  expect(await from('192.0.2.2')).toBe(200);
  expect([await from('2001:db8::1'), await from('2001:db8::2'), await from('2001:db8::3')]).toEqual([200, 200, 429]);
  expect(await from('2001:db8:0:1::1')).toBe(200);
});

test('P59 lets a new table keep count, and a new limit begin anew', async () => {
  const { proxy, origin } = await served(twice);
  const ask = async (): Promise<number> => statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test'));
  expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
  proxy.replace({ routes: [route([target(origin.port)], twice)] });
  expect(await ask()).toBe(429);
  proxy.replace({ routes: [route([target(origin.port)], { limits: { rate: { requests: 3, perMs: 10_000 } } })] });
  expect(await ask()).toBe(200);
});

test('P59 keeps a bounded memory of clients', () => {
  const limiter = new RateLimiter({ requests: 1, perMs: 60_000 }, 1_000);
  for (let i = 0; i < 100_000; i += 1) limiter.take(`client ${i}`, i / 1_000);
  expect(limiter.size).toBeLessThanOrEqual(1_000);
  expect(limiter.take('client 99999', 100)).toBeGreaterThan(0);
});

test('P59 never lets more through than burst and rate allow, whenever it is asked', () => {
  const limiter = new RateLimiter({ requests: 10, perMs: 1_000, burst: 5 });
  let passed = 0;
  for (let ms = 0; ms < 10_000; ms += 7) if (limiter.take('a', ms) === 0) passed += 1;
  expect(passed).toBeGreaterThanOrEqual(100);
  expect(passed).toBeLessThanOrEqual(105);
});

test.each(['/%2e%2e/admin', '/public/../admin', '/public/.', '/a%2Fb', '/a%5cb', '/a\\b', '/public/..;/admin'])(
  'P20 refuses %s where the prefix decides who may see what, and puts nothing in order',
  async (path) => {
    const { proxy, origin } = await served({ strictPath: true });
    expect(statusOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`))).toBe(400);
    expect(origin.sockets).toHaveLength(0);
  },
);

test('P20 leaves dots in names and everything in the query alone', async () => {
  const { proxy, origin } = await served({ strictPath: true });
  for (const path of ['/.well-known/x', '/a..b/...', '/a?b=../%2F\\', '/%41']) {
    expect(statusOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`))).toBe(200);
  }
  expect(origin.received.join('')).toContain('GET /a?b=../%2F\\ HTTP/1.1');
});

test.each(['/%61dmin', '/x/../admin', '//admin', '/\\admin', '/admin%2Fx', '/ADMIN'])(
  'P20 decides by the raw path, which is what it forwards: %s is not below /admin',
  async (path) => {
    const named = async (name: string) => portOf(await httpOrigin((req, res) => void res.end(`${name} ${req.url}`)));
    const proxy = await aProxy([
      route([target(await named('admin'))], { pathPrefix: '/admin' }),
      route([target(await named('site'))]),
    ]);
    expect(bodyOf(await exchange(proxy.port, `GET ${path} HTTP/1.0\nHost: app.test`))).toBe(`site ${path}`);
  },
);

test.each([
  [{ limits: { maxBodyBytes: -1 } }, /maxBodyBytes/],
  [{ limits: { rate: { requests: 0, perMs: 1 } } }, /rate/],
  [{ limits: { rate: { requests: 1, perMs: 0.5 } } }, /rate/],
  [{ hsts: { maxAgeSeconds: NaN } }, /hsts/],
])('refuses a table with %j', (settings: RouteSettings, message) => {
  const proxy = createProxy({ port: 0 });
  expect(() => proxy.replace({ routes: [route([], settings)] })).toThrow(message);
});

test.each([
  { http2Streams: 2 ** 32 },
  { http2StreamWindowBytes: 2 ** 31 },
  { http2ConnectionWindowBytes: 0 },
  { http2ResetBurst: 0.5 },
  { connections: Number.NaN },
])('P58 refuses limits of %j when they are set, not when a client comes', async (limits) => {
  expect(() => createProxy({ port: 0, limits })).toThrow(/whole number from 1 to 2147483647/);
  const { proxy } = await served({}, { limits: { connections: 1 } });
  expect(() => proxy.setLimits(limits)).toThrow(expect.objectContaining({ code: 'ORCA_PROXY_SETTINGS_INVALID' }));
  // The former ones stay.
  await dial(proxy.port);
  expect(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test').catch(() => '')).toBe('');
});

test.each([{ bodyIdleMs: 2 ** 31 }, { connectMs: 0 }, { responseIdleMs: -1 }, { keepAliveMs: 1.5 }])(
  'P57 refuses times of %j, by which no timer can wait or nobody would be served',
  (timeouts) => {
    expect(() => createProxy({ port: 0, timeouts })).toThrow(
      expect.objectContaining({ code: 'ORCA_PROXY_SETTINGS_INVALID' }),
    );
  },
);

test.each([
  { host: 'no host' },
  { host: 'a/b' },
  { host: '' },
  { host: 'evil@app.test' },
  { host: 'fe80::1%eth0', protocol: 'h2c' as const },
])('refuses a table with a target at %j, which a request would find out', (where) => {
  const proxy = createProxy({ port: 0 });
  const at = (more: object) => ({ routes: [route([{ id: 'a', host: '127.0.0.1', port: 80, ...more }])] });
  expect(() => proxy.replace(at(where))).toThrow(/target a with a host/);
  for (const host of ['web', 'orca-web_1.internal', '::1', 'fe80::1%eth0']) proxy.replace(at({ host }));
});
