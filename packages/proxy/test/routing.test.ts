import { expect, test } from '@jest/globals';
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

/** An origin that answers with what it saw of the request line and Host. */
const echo = async (): Promise<number> => {
  const origin = await rawOrigin((socket, text) => {
    const host = /^host: (.*)\r$/im.exec(text)?.[1] ?? '';
    const seen = `${text.split('\r\n')[0]} | ${host}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${seen.length}\r\n\r\n${seen}`);
  });
  return origin.port;
};

test.each(['app.test', 'App.TEST:8080', 'app.test.', 'app.test.:80'])(
  'P13 routes Host %s and forwards it as it came',
  async (host) => {
    const proxy = await aProxy([route([target(await echo())])]);
    expect(bodyOf(await exchange(proxy.port, `GET / HTTP/1.1\nHost: ${host}`))).toBe(`GET / HTTP/1.1 | ${host}`);
  },
);

test('P13 routes an IPv6 literal with its brackets', async () => {
  const proxy = await aProxy([route([target(await echo())], { host: '[::1]' })]);
  expect(bodyOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: [::1]:80'))).toBe('GET / HTTP/1.1 | [::1]:80');
});

test.each([
  ['http://app.test/a?b', 'app.test', '/a?b'],
  ['http://app.test:80/a', 'app.test', '/a'],
  ['HTTP://APP.test?b', 'app.test', '/?b'],
  ['http://app.test', 'app.test', '/'],
])('P14 turns absolute form %s into origin form', async (form, host, path) => {
  const proxy = await aProxy([route([target(await echo())])]);
  expect(bodyOf(await exchange(proxy.port, `GET ${form} HTTP/1.1\nHost: ${host}`))).toBe(
    `GET ${path} HTTP/1.1 | ${host}`,
  );
});

test('P14 takes the Host of an HTTP/1.0 request in absolute form from its target', async () => {
  const proxy = await aProxy([route([target(await echo())])]);
  expect(bodyOf(await exchange(proxy.port, 'GET http://app.test/a HTTP/1.0'))).toBe('GET /a HTTP/1.1 | app.test');
});

test.each([
  'http://other.test/',
  'http://app.test:81/',
  'http://user@app.test/',
  'https://app.test/',
  'ftp://app.test/',
  'http:///a',
])('P14 refuses absolute form %s next to Host app.test', async (form) => {
  const proxy = await aProxy([route([target(await echo())])]);
  expect(statusOf(await exchange(proxy.port, `GET ${form} HTTP/1.1\nHost: app.test`))).toBe(400);
});

test.each(['nobody.test', '127.0.0.1', '[::1]'])('P16 answers 404 for %s and says nothing about it', async (host) => {
  const proxy = await aProxy([route([target(1)])]);
  const response = await exchange(proxy.port, `GET /secret HTTP/1.1\nHost: ${host}`);
  expect(statusOf(response)).toBe(404);
  expect(bodyOf(response)).toBe('Nothing is served here\n');
});

test('P16 answers 404 to HTTP/1.0 without a Host', async () => {
  const proxy = await aProxy([route([target(1)])]);
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.0'))).toBe(404);
});

test('P16 answers 503 with Retry-After when a route has no target', async () => {
  const proxy = await aProxy([route([])]);
  const response = await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
  expect(statusOf(response)).toBe(503);
  expect(valuesOf(response, 'Retry-After')).toEqual(['5']);
});

test.each([
  ['application/json', true],
  ['application/json, text/plain, */*', true],
  ['text/html;q=0.5, application/json', true],
  ['text/html, application/json;q=0.9', false],
  ['*/*', false],
  ['', false],
])('P46 answers errors for Accept %p in JSON: %p', async (accept, json) => {
  const proxy = await aProxy([]);
  const response = await exchange(proxy.port, `GET / HTTP/1.1\nHost: app.test\nAccept: ${accept}`);
  expect(bodyOf(response)).toBe(json ? '{"error":"Nothing is served here"}\n' : 'Nothing is served here\n');
  expect(valuesOf(response, 'Content-Type')).toEqual([json ? 'application/json' : 'text/plain; charset=utf-8']);
});

test('P46 sends no body with an error to HEAD, but its length', async () => {
  const proxy = await aProxy([]);
  const response = await exchange(proxy.port, 'HEAD / HTTP/1.1\nHost: app.test');
  expect(bodyOf(response)).toBe('');
  expect(valuesOf(response, 'Content-Length')).toEqual(['23']);
});

test('P18 prefers the exact host and the longer prefix', async () => {
  const named = async (name: string): Promise<number> => portOf(await httpOrigin((_, res) => void res.end(name)));
  const proxy = await aProxy([
    route([target(await named('wild'))], { host: '*.app.test' }),
    route([target(await named('exact'))], { host: 'www.app.test' }),
    route([target(await named('api'))], { host: 'www.app.test', pathPrefix: '/api' }),
  ]);
  const body = async (host: string, path: string): Promise<string> =>
    bodyOf(await exchange(proxy.port, `GET ${path} HTTP/1.0\nHost: ${host}`));
  expect(await body('blog.app.test', '/api')).toBe('wild');
  expect(await body('www.app.test', '/apix')).toBe('exact');
  expect(await body('www.app.test', '/api/x')).toBe('api');
});

test.each([
  '/a/../b',
  '/a/./b',
  '//a//b',
  '//evil.test/',
  '/%2e%2E/%2F%7E~',
  '/a;b=c/d',
  '/?',
  '/?a=&&=b&c',
  '/a?b?c',
  '/[]|^{}"`\\<>',
  "/!$&'()*+,:@",
  '/http://evil.test/',
  '/%zz%',
])('P19 forwards %s byte for byte', async (path) => {
  const proxy = await aProxy([route([target(await echo())])]);
  expect(bodyOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`))).toBe(
    `GET ${path} HTTP/1.1 | app.test`,
  );
});

test.each([
  ['/api', '/'],
  ['/api/', '/'],
  ['/api?x', '/?x'],
  ['/api/%2F//x?y', '/%2F//x?y'],
  ['/api//x', '//x'],
])('P19 takes only the prefix off %s', async (path, forwarded) => {
  const routes = [route([target(await echo())], { pathPrefix: '/api', stripPrefix: true })];
  const proxy = await aProxy(routes);
  expect(bodyOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\nHost: app.test`))).toBe(
    `GET ${forwarded} HTTP/1.1 | app.test`,
  );
});

test('shows every well-formed request to `before`, which may answer it', async () => {
  const seen: string[] = [];
  const proxy = await aProxy([route([target(await echo())])], {
    before: ({ path }) => {
      seen.push(path);
      return path === '/mine' ? { status: 200, fields: [], body: 'mine' } : undefined;
    },
  });
  expect(bodyOf(await exchange(proxy.port, 'GET /mine HTTP/1.0\nHost: unknown.test'))).toBe('mine');
  expect(statusOf(await exchange(proxy.port, 'GET /other HTTP/1.1\nHost: app.test'))).toBe(200);
  expect(statusOf(await exchange(proxy.port, 'GET /bad HTTP/1.1\nHost: a@b'))).toBe(400);
  expect(seen).toEqual(['/mine', '/other']);
});

test('P70 answers 500 when `before` throws', async () => {
  const proxy = await aProxy([], {
    before: () => {
      throw new Error('boom');
    },
  });
  const client = await dial(proxy.port);
  expect(statusOf(await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').until('\r\n\r\n'))).toBe(500);
  expect(proxy.events).toEqual([expect.objectContaining({ kind: 'hook-failed' })]);
});
