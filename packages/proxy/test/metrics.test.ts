import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { endedMetrics, formatMetrics, mergeMetrics, type MetricsSnapshot, type RouteMetrics } from '@orca/proxy';
import { aProxy, dial, exchange, httpOrigin, portOf, rawOrigin, route, target } from './harness.ts';

/** One sample's value by its name and labels as they are written. */
const sampleOf = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
};

test('counts requests by class, bytes, and the time to the head of a response, for each route', async () => {
  const origin = await httpOrigin((req, res) => {
    req.resume();
    const answer = (): void => void res.writeHead(req.url === '/bad' ? 404 : 200).end('hello');
    setTimeout(answer, req.url === '/slow' ? 60 : 0);
  });
  const proxy = await aProxy([route([target(portOf(origin))], { service: 'web' })]);
  for (const path of ['/', '/slow', '/bad']) await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`);
  await exchange(proxy.port, 'POST / HTTP/1.1\nHost: app.test\nContent-Length: 3', 'abc');
  await exchange(proxy.port, 'GET / HTTP/1.1\nHost: nobody.test');
  const text = formatMetrics([proxy.metrics()]);
  const of = (name: string, more = ''): number | undefined =>
    sampleOf(text, `orca_proxy_${name}{service="web",route="app.test/"${more}}`);
  expect(of('requests_total', ',class="2xx"')).toBe(3);
  expect(of('requests_total', ',class="4xx"')).toBe(1);
  expect(of('request_bytes_total')).toBe(3);
  expect(of('response_bytes_total')).toBe(20);
  expect(of('response_head_seconds_bucket', ',le="0.05"')).toBeLessThanOrEqual(3);
  expect(of('response_head_seconds_bucket', ',le="+Inf"')).toBe(4);
  expect(of('response_head_seconds_count')).toBe(4);
  expect(of('response_head_seconds_sum')).toBeGreaterThan(0.05);
  expect(sampleOf(text, 'orca_proxy_requests_total{service="",route="",class="4xx"}')).toBe(1);
  expect(sampleOf(text, 'orca_proxy_connections_accepted_total')).toBe(5);
});

test('counts what is in flight, who left, and what failed at a target', async () => {
  const origin = await rawOrigin((socket, head) => {
    if (head.includes('/cut')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello');
  });
  const proxy = await aProxy([route([target(origin.port)]), route([target(1)], { pathPrefix: '/dead' })], {
    timeouts: { halfCloseMs: 20 },
  });
  const value = (name: string, path = '/', more = ''): number | undefined =>
    sampleOf(formatMetrics([proxy.metrics()]), `orca_proxy_${name}{service="",route="app.test${path}"${more}}`);
  const client = await dial(proxy.port);
  client.send('GET /wait HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await origin.until('/wait');
  expect(value('requests_in_flight')).toBe(1);
  expect(sampleOf(formatMetrics([proxy.metrics()]), 'orca_proxy_connections_open')).toBe(1);
  client.socket.destroy();
  for (let i = 0; i < 3_000 && value('requests_in_flight') === 1; i += 1) await sleep(20);
  expect([value('requests_in_flight'), value('requests_total', '/', ',class="499"')]).toEqual([0, 1]);
  const cut = await dial(proxy.port);
  await cut.send('GET /cut HTTP/1.1\r\nHost: app.test\r\n\r\n').ended();
  expect(value('upstream_errors_total', '/', ',kind="truncated"')).toBe(1);
  await exchange(proxy.port, 'GET /dead HTTP/1.1\nHost: app.test');
  expect(value('upstream_errors_total', '/dead/', ',kind="connect"')).toBe(1);
  expect(value('requests_total', '/dead/', ',class="5xx"')).toBe(1);
});

test('goes on counting when a table is replaced, and when a route comes back', async () => {
  const origin = await httpOrigin((_, res) => void res.end());
  const routes = [route([target(portOf(origin))])];
  const proxy = await aProxy(routes);
  const count = async (): Promise<number | undefined> => {
    await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
    return proxy.metrics().routes.find((one) => one.route === 'app.test/')?.requests[1];
  };
  expect(await count()).toBe(1);
  proxy.replace({ routes: [route([target(portOf(origin), 'other')])] });
  expect(await count()).toBe(2);
  proxy.replace({ routes: [] });
  proxy.replace({ routes });
  expect(await count()).toBe(3);
});

const aRoute = (name: string, requests = 1): RouteMetrics => ({
  route: name,
  service: '',
  requests: [0, requests, 0, 0, 0, 0],
  latency: [requests, ...Array.from({ length: 13 }, () => 0)],
  upstreamErrors: [0, 0, 0, 0, 0],
  latencySumMs: requests,
  requestBytes: 0,
  responseBytes: 0,
  inFlight: 1,
  limited: 0,
});
const snapshot = (routes: readonly RouteMetrics[]): MetricsSnapshot => ({
  connections: { accepted: 2, open: 1 },
  logDropped: 1,
  routes,
});

test('adds up what several processes counted, and what one that ended had counted', () => {
  const merged = mergeMetrics([snapshot([aRoute('a/', 2), aRoute('b/')]), endedMetrics(snapshot([aRoute('a/', 3)]))]);
  expect(merged.connections).toEqual({ accepted: 4, open: 1 });
  expect(merged.logDropped).toBe(2);
  expect(merged.routes).toEqual([{ ...aRoute('a/', 5), inFlight: 1 }, aRoute('b/')]);
});

test('keeps the number of labels bounded, and loses no count for it', () => {
  const text = formatMetrics([snapshot(Array.from({ length: 3_000 }, (_, i) => aRoute(`${i}.test/`)))]);
  expect(text.match(/^orca_proxy_requests_in_flight\{/gm)).toHaveLength(1_000);
  expect(sampleOf(text, 'orca_proxy_requests_in_flight{service="",route="(others)"}')).toBe(2_001);
});

test('forgets routes that are gone for good, so that a table that changes for ever needs no more memory', async () => {
  const proxy = await aProxy([]);
  for (let i = 0; i < 2_000; i += 1) proxy.replace({ routes: [route([], { host: `${i}.test` })] });
  expect(proxy.metrics().routes.length).toBeLessThan(210);
});

test('escapes what a label may not hold', () => {
  expect(formatMetrics([snapshot([aRoute('a/"\\')])])).toContain('route="a/\\"\\\\"');
});
