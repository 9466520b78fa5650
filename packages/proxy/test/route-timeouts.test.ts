import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { RouteTimeouts } from '@orca/proxy';
import { aProxy, bodyOf, dial, exchange, rawOrigin, route, statusOf, target, type RunningProxy } from './harness.ts';

const get = 'GET / HTTP/1.1\nHost: app.test';

/** A route of its own limits to an origin that takes 400 ms for its head, and again for its body. */
const slowly = async (timeouts: RouteTimeouts, general: number): Promise<RunningProxy> => {
  const origin = await rawOrigin((socket) => {
    void sleep(400).then(async () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
      await sleep(400);
      socket.write('slow');
    });
  });
  const routes = [route([target(origin.port)], { timeouts })];
  return aProxy(routes, { timeouts: { responseHeadersMs: general, responseIdleMs: general } });
};

test.each([
  [{ responseHeadersMs: 100 }, 60_000, 504],
  [{ responseHeadersMs: 0, responseIdleMs: 0 }, 100, 200],
  [{ responseHeadersMs: 30_000, responseIdleMs: 30_000 }, 100, 200],
])('P57 the limits of a route, %p, replace the general %d ms: %d', async (timeouts, general, status) => {
  const proxy = await slowly(timeouts, general);
  const response = await exchange(proxy.port, get);
  expect(statusOf(response)).toBe(status);
  if (status === 200) expect(bodyOf(response)).toBe('slow');
});

test('P57 breaks off a body that is silent for longer than its route allows', async () => {
  const proxy = await slowly({ responseIdleMs: 100 }, 60_000);
  const client = (await dial(proxy.port)).send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  expect(await client.ended()).not.toContain('slow');
  expect(statusOf(client.received)).toBe(200);
});

test('P57 refuses a limit that no timer can wait for', async () => {
  const proxy = await aProxy([]);
  const refused = [-1, 0.5, NaN, 2 ** 31].map((responseIdleMs) => [route([], { timeouts: { responseIdleMs } })]);
  for (const routes of refused) expect(() => proxy.replace({ routes })).toThrow(/no timer can wait for/);
});
