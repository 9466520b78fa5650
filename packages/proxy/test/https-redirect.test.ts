import { expect, test } from '@jest/globals';
import type { HttpChallenges, Route, RouteTable } from '@orca/proxy';
import { aSecureProxy, dialSecure } from './front/tls-harness.ts';
import { parseHttpChallenges } from '../src/http-challenges.ts';
import { aProxy, bodyOf, dial, exchange, httpOrigin, portOf, route, statusOf, target, valuesOf } from './harness.ts';

const trusting = { trustedProxies: ['127.0.0.1'] };

const serving = async (settings: Partial<Route> = {}, table: Partial<RouteTable> = { httpsHosts: ['app.test'] }) => {
  const origin = await httpOrigin((req, res) => void res.end(`app ${req.url}`));
  const proxy = await aProxy([]);
  const routes = [route([target(portOf(origin))], settings), route([target(portOf(origin))], { host: '*.wild.test' })];
  proxy.replace({ routes, ...table });
  return proxy;
};

test.each([
  ['app.test', '/a/../b?c=d&&e', 'https://app.test/a/../b?c=d&&e'],
  ['APP.test.:8080', '/', 'https://app.test/'],
])('P67 sends Host %s and %s to %s with 308', async (host, path, location) => {
  const proxy = await serving();
  const response = await exchange(proxy.port, `POST ${path} HTTP/1.1\nHost: ${host}\nContent-Length: 0`);
  expect(statusOf(response)).toBe(308);
  expect(valuesOf(response, 'Location')).toEqual([location]);
});

test('P67 names a port of HTTPS that is not the usual one', async () => {
  const proxy = await serving();
  proxy.configure({ httpsPort: 8443 });
  const response = await exchange(proxy.port, 'GET /a HTTP/1.1\nHost: app.test');
  expect(valuesOf(response, 'Location')).toEqual(['https://app.test:8443/a']);
});

test('P67 redirects no host without a good certificate, and none that it does not know', async () => {
  const proxy = await serving({}, { httpsHosts: ['other.test', '*.wild.test'] });
  expect(bodyOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test'))).toContain('app /');
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: other.test'))).toBe(404);
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: a.wild.test'))).toBe(308);
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: a.b.wild.test'))).toBe(404);
});

test('P67 leaves a service on plain HTTP that asks for it', async () => {
  const proxy = await serving({ https: 'optional' });
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test'))).toBe(200);
});

test('P67 does not send those in a circle who came by HTTPS to a trusted peer', async () => {
  const proxy = await serving();
  const request = 'GET / HTTP/1.1\nHost: app.test\nX-Forwarded-Proto: https';
  expect(statusOf(await exchange(proxy.port, request))).toBe(308);
  proxy.configure(trusting);
  expect(statusOf(await exchange(proxy.port, request))).toBe(200);
});

const challenges: HttpChallenges = { managedHosts: ['app.test'], answers: { 'live-token_1': 'live-token_1.thumb' } };
const well = '/.well-known/acme-challenge';

test('P67 P59 answers a live challenge before any redirect or limit', async () => {
  const proxy = await serving({ limits: { rate: { requests: 1, perMs: 60_000 } } });
  proxy.setChallenges(challenges);
  for (let i = 0; i < 3; i += 1) {
    const response = await exchange(proxy.port, `GET ${well}/live-token_1 HTTP/1.1\nHost: app.test`);
    expect([statusOf(response), bodyOf(response)]).toEqual([200, 'live-token_1.thumb']);
  }
  proxy.setChallenges({ managedHosts: ['app.test'], answers: {} });
  expect(statusOf(await exchange(proxy.port, `GET ${well}/live-token_1 HTTP/1.1\nHost: app.test`))).toBe(404);
});

test('P67 answers 404 for an unknown token of a managed host', async () => {
  const proxy = await serving();
  proxy.setChallenges(challenges);
  expect(statusOf(await exchange(proxy.port, `GET ${well}/unknown HTTP/1.1\nHost: app.test`))).toBe(404);
});

test('P67 P59 forwards the challenges of a host whose certificates are obtained elsewhere, without redirect and limit', async () => {
  const proxy = await serving({ limits: { rate: { requests: 1, perMs: 60_000 } } });
  proxy.setChallenges({ ...challenges, managedHosts: ['other.test'] });
  for (let i = 0; i < 3; i += 1) {
    const response = await exchange(proxy.port, `GET ${well}/theirs HTTP/1.0\nHost: app.test`);
    expect(bodyOf(response)).toBe(`app ${well}/theirs`);
  }
});

test.each([`${well}/../../secret`, `${well}/a/b`, `${well}/%2e%2e`, `${well}/`, `${well}/a?b`, `${well}x/a`])(
  'P67 takes %s for no challenge, so that it is no way around a redirect',
  async (path) => {
    const proxy = await serving();
    proxy.setChallenges({ ...challenges, managedHosts: [] });
    expect(statusOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`))).toBe(308);
  },
);

const securely = 'GET / HTTP/1.1\nHost: app.test\nX-Forwarded-Proto: https';
const policy = { hsts: { maxAgeSeconds: 63_072_000, includeSubDomains: true, preload: true } };

test('P68 sends Strict-Transport-Security over HTTPS only, and only where it is asked for', async () => {
  const proxy = await serving({ ...policy, https: 'optional' });
  const name = 'Strict-Transport-Security';
  expect(valuesOf(await exchange(proxy.port, securely), name)).toEqual([]);
  proxy.configure(trusting);
  expect(valuesOf(await exchange(proxy.port, securely), name)).toEqual([
    'max-age=63072000; includeSubDomains; preload',
  ]);
  expect(valuesOf(await exchange(proxy.port, securely.replace('https', 'http')), name)).toEqual([]);
  const without = await serving();
  without.configure(trusting);
  expect(valuesOf(await exchange(without.port, securely), name)).toEqual([]);
});

test("P68 leaves the target's own word on it alone", async () => {
  const origin = await httpOrigin((_, res) => void res.setHeader('strict-transport-security', 'max-age=0').end());
  const proxy = await aProxy([route([target(portOf(origin))], policy)], trusting);
  expect(valuesOf(await exchange(proxy.port, securely), 'Strict-Transport-Security')).toEqual(['max-age=0']);
});

test.each([
  undefined,
  {},
  { managedHosts: 'app.test', answers: {} },
  { managedHosts: [1], answers: {} },
  { managedHosts: [], answers: { a: 1 } },
])('P67 refuses %j as challenges from another process', (value) => {
  expect(() => parseHttpChallenges(value)).toThrow(expect.objectContaining({ code: 'ORCA_PROXY_SETTINGS_INVALID' }));
  expect(parseHttpChallenges(structuredClone(challenges))).toEqual(challenges);
});

test('P67 redirects a WebSocket as well', async () => {
  const proxy = await serving();
  const request = 'GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const client = await dial(proxy.port);
  const response = await client.send(request).ended();
  expect([statusOf(response), valuesOf(response, 'Location')]).toEqual([308, ['https://app.test/chat']]);
});

test('P67 P68 leads from plain HTTP to HTTPS, which answers and says for how long', async () => {
  const origin = await httpOrigin(
    (req, res) => void res.end(`app ${req.url} ${String(req.headers['x-forwarded-proto'])}`),
  );
  const proxy = await aSecureProxy([]);
  proxy.configure({ httpsPort: proxy.httpsPort });
  proxy.replace({ routes: [route([target(portOf(origin))], policy)], httpsHosts: ['app.test'] });
  const redirected = await exchange(proxy.port, 'GET /a?b HTTP/1.1\nHost: app.test');
  const location = `https://app.test:${proxy.httpsPort}/a?b`;
  expect([valuesOf(redirected, 'Location'), valuesOf(redirected, 'Strict-Transport-Security')]).toEqual([
    [location],
    [],
  ]);
  const client = await dialSecure(proxy.httpsPort);
  const response = await client.send('GET /a?b HTTP/1.0\r\nHost: app.test\r\n\r\n').ended();
  expect(bodyOf(response)).toBe('app /a?b https');
  expect(valuesOf(response, 'Strict-Transport-Security')).toHaveLength(1);
});
