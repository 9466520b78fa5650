import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { freePort } from '@orca/tooling-testbed';
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

const get = 'GET / HTTP/1.1\nHost: app.test';

/** A target's connection that is idle outlives any pause of this process. */
const keeping = { timeouts: { targetIdleMs: 60_000 } };

const named = async (name: string): Promise<number> => portOf(await httpOrigin((_, res) => void res.end(name)));

test('P48 goes to another target when one cannot be reached, also with a body, which is unread until then', async () => {
  const targets = [target(await freePort(), 'closed'), target(await named('open'), 'open')];
  const proxy = await aProxy([route(targets)], { random: () => 0.99 });
  for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
    const head = `${method} / HTTP/1.1\nHost: app.test\nContent-Length: 4`;
    expect(bodyOf(await exchange(proxy.port, head, 'body'))).toBe('open');
  }
});

test('P48 answers 502 once, when no target of several can be reached', async () => {
  const targets = [target(await freePort(), 'a'), target(await freePort(), 'b')];
  const proxy = await aProxy([route(targets)]);
  expect(statusOf(await exchange(proxy.port, get))).toBe(502);
  expect(proxy.events).toMatchObject([
    { kind: 'target-failed', failure: 'connect', retried: true },
    { kind: 'target-failed', failure: 'connect', retried: false },
  ]);
});

test('P48 never repeats what a target answered with 500', async () => {
  let asked = 0;
  const origin = await httpOrigin((_, res) => {
    asked += 1;
    res.writeHead(500, { 'Content-Length': 4 }).end('mine');
  });
  const proxy = await aProxy([route([target(portOf(origin), 'a'), target(portOf(origin), 'b')])]);
  expect(bodyOf(await exchange(proxy.port, get))).toBe('mine');
  expect(asked).toBe(1);
});

/** Serves one request on each connection and resets it at the second. */
const fickle = (): ReturnType<typeof rawOrigin> => {
  const seen = new Set<unknown>();
  return rawOrigin((socket) => {
    if (seen.has(socket)) socket.resetAndDestroy();
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    seen.add(socket);
  });
};

test.each(['GET', 'HEAD', 'OPTIONS'])('P47 repeats %s that met a connection which was dead already', async (method) => {
  const origin = await fickle();
  const proxy = await aProxy([route([target(origin.port)])], keeping);
  await exchange(proxy.port, get);
  expect(statusOf(await exchange(proxy.port, `${method} / HTTP/1.1\nHost: app.test`))).toBe(200);
  expect(proxy.events).toMatchObject([{ kind: 'target-failed', failure: 'stale', retried: true }]);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('P47 does not repeat %s', async (method) => {
  const origin = await fickle();
  const proxy = await aProxy([route([target(origin.port)])], keeping);
  await exchange(proxy.port, get);
  const head = `${method} / HTTP/1.1\nHost: app.test\nContent-Length: 4`;
  expect(statusOf(await exchange(proxy.port, head, 'body'))).toBe(502);
  expect(origin.received.join('').split(`${method} /`)).toHaveLength(2);
});

test('P47 repeats at the target that it was sent to, with weights and with another one there', async () => {
  const origin = await fickle();
  const other = await named('other');
  const targets = [
    { ...target(origin.port, 'a'), weight: 9 },
    { ...target(other, 'b'), weight: 0 },
  ];
  const proxy = await aProxy([route(targets)], keeping);
  await exchange(proxy.port, get);
  expect(bodyOf(await exchange(proxy.port, get))).toBe('ok');
});

test('P49 takes out a target that cannot be reached, and asks it again after a while', async () => {
  let now = 0;
  const closed = await freePort();
  const targets = [target(closed, 'closed'), target(await named('open'), 'open')];
  // Of two that are equally busy the last one looked at wins.
  const proxy = await aProxy([route(targets.toReversed())], { random: () => 0, now: () => now });
  const failures = (): number => proxy.events.filter(({ kind }) => kind === 'target-failed').length;
  for (let i = 0; i < 5; i += 1) expect(bodyOf(await exchange(proxy.port, get))).toBe('open');
  expect(failures()).toBe(3);
  expect(proxy.events).toContainEqual({ kind: 'target-ejected', targetId: 'closed', forMs: 5_000 });
  now = 5_000;
  for (let i = 0; i < 5; i += 1) expect(bodyOf(await exchange(proxy.port, get))).toBe('open');
  expect(failures()).toBe(4);
  expect(proxy.events).toContainEqual({ kind: 'target-ejected', targetId: 'closed', forMs: 10_000 });
  now = 15_000;
  const back = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback'));
  back.listen(closed, '127.0.0.1');
  await once(back, 'listening');
  try {
    expect(bodyOf(await exchange(proxy.port, get))).toBe('back');
    expect(bodyOf(await exchange(proxy.port, get))).toBe('back');
  } finally {
    back.close();
  }
});

test('P49 tries anyway when all targets are out', async () => {
  const closed = await freePort();
  const proxy = await aProxy([route([target(closed, 'a'), target(await freePort(), 'b')])]);
  for (let i = 0; i < 4; i += 1) expect(statusOf(await exchange(proxy.port, get))).toBe(502);
  expect(proxy.events.filter(({ kind }) => kind === 'target-ejected')).toHaveLength(2);
  const back = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback'));
  back.listen(closed, '127.0.0.1');
  await once(back, 'listening');
  try {
    expect(bodyOf(await exchange(proxy.port, get))).toBe('back');
  } finally {
    back.close();
  }
});

const sticky = { cookie: 'stay', key: 'a key of sixteen characters or more' };

test('P49 keeps a client with the target its cookie names, and hides which that is', async () => {
  const targets = [target(await named('one'), 'web/1@x'), target(await named('two'), 'web/2@x')];
  const proxy = await aProxy([route(targets, { sticky, pathPrefix: '/shop' })]);
  const first = await exchange(proxy.port, 'GET /shop HTTP/1.1\nHost: app.test');
  const [field = ''] = valuesOf(first, 'Set-Cookie');
  expect(field).toMatch(/^stay=[\w-]{22}; Path=\/shop; HttpOnly; SameSite=Lax$/);
  const cookie = field.split(';')[0];
  for (let i = 0; i < 10; i += 1) {
    const head = `GET /shop HTTP/1.1\nHost: app.test\nCookie: other=1; ${cookie}; stay2=x`;
    const response = await exchange(proxy.port, head);
    expect(bodyOf(response)).toBe(bodyOf(first));
    expect(valuesOf(response, 'Set-Cookie')).toEqual([]);
  }
});

test.each(['stay=', 'stay=web/1@x', 'stay=AAAAAAAAAAAAAAAAAAAAAA', 'stay', 'xstay=1', ';;='])(
  'P49 gives a new cookie to a client that says %s',
  async (cookie) => {
    const proxy = await aProxy([route([target(await named('one'))], { sticky })]);
    const response = await exchange(proxy.port, `${get}\nCookie: ${cookie}`);
    expect(statusOf(response)).toBe(200);
    expect(valuesOf(response, 'Set-Cookie')).toHaveLength(1);
  },
);

test('P49 moves a client whose target is gone, and says so in a new cookie', async () => {
  const targets = [target(await freePort(), 'a'), target(await named('two'), 'b')];
  const proxy = await aProxy([route([target(await named('one'), 'a')], { sticky })]);
  const [field = ''] = valuesOf(await exchange(proxy.port, get), 'Set-Cookie');
  proxy.replace({ routes: [route(targets, { sticky })] });
  const response = await exchange(proxy.port, `${get}\nCookie: ${field.split(';')[0]}`);
  expect(bodyOf(response)).toBe('two');
  expect(valuesOf(response, 'Set-Cookie')).toHaveLength(1);
});

test.each([
  ['a weight below 0', { targets: [{ ...target(80), weight: -1 }] }, /weight -1/],
  ['a weight that is none', { targets: [{ ...target(80), weight: NaN }] }, /weight NaN/],
  ['a protocol that nobody speaks', { targets: [{ ...target(80), protocol: 'spdy' as 'h2c' }] }, /nobody speaks/],
  ['one target twice', { targets: [target(80, 'a'), target(81, 'a')] }, /target a twice/],
  ['a sticky key that can be guessed', { sticky: { cookie: 'a', key: 'short' } }, /can be guessed/],
  ['a cookie with a space in its name', { sticky: { ...sticky, cookie: 'a b' } }, /cookie/],
  ['a hold without an end', { hold: { maxMs: Infinity } }, /cannot hold/],
])('P49 refuses a route with %s', async (_, more, message) => {
  const proxy = await aProxy([route([target(80)])]);
  expect(() => proxy.replace({ routes: [route([], more)] })).toThrow(message);
});

test('P50 sends nothing new to a target that is drained, and resolves when the last request has ended', async () => {
  const old = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(old.port, 'old')])]);
  const client = (await dial(proxy.port)).send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await old.until('\r\n\r\n');
  proxy.replace({ routes: [route([target(await named('new'), 'new')])] });
  let isDrained = false;
  const drained = proxy.drain('old', { timeoutMs: 60_000, signal: new AbortController().signal }).then(() => {
    isDrained = true;
  });
  for (let i = 0; i < 20; i += 1) expect(bodyOf(await exchange(proxy.port, get))).toBe('new');
  expect(isDrained).toBe(false);
  old.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold');
  await client.until('old');
  await drained;
});

test('P50 cuts what is left at the end of a drain, and refuses to drain what is routed', async () => {
  const old = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(old.port, 'old')])]);
  const { signal } = new AbortController();
  await expect(proxy.drain('old', { timeoutMs: 10, signal })).rejects.toMatchObject({
    code: 'ORCA_PROXY_TARGET_ROUTED',
  });
  const client = (await dial(proxy.port)).send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await old.until('\r\n\r\n');
  proxy.replace({ routes: [] });
  await proxy.drain('old', { timeoutMs: 50, signal });
  expect(statusOf(await client.until('\r\n\r\n'))).toBe(503);
  expect(proxy.events).toContainEqual({ kind: 'drain-cut', targetId: 'old', requests: 1 });
});

test('P51 gives upgraded connections a grace of their own, shorter than that of requests', async () => {
  const old = await rawOrigin((socket, head) => {
    if (/upgrade: websocket/i.test(head))
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
  });
  const proxy = await aProxy([route([target(old.port, 'old')])], { timeouts: { upgradeGraceMs: 2_000 } });
  const upgraded = await dial(proxy.port);
  await upgraded
    .send('GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    .until('hello');
  const waiting = (await dial(proxy.port)).send('GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await old.until('GET /slow');
  proxy.replace({ routes: [] });
  const begun = performance.now();
  const drained = proxy.drain('old', { timeoutMs: 60_000, signal: new AbortController().signal });
  // Not at once: what it says now still arrives.
  old.sockets[0]?.write('still there');
  await upgraded.until('still there');
  await upgraded.ended();
  expect(performance.now() - begun).toBeGreaterThan(1_990);
  expect(waiting.received).toBe('');
  old.sockets[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow');
  await waiting.until('slow');
  await drained;
});
