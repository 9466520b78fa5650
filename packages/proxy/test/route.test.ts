import { describe, expect, test } from '@jest/globals';
import { createProxy, matchRoute, type Route, type RouteTable } from '@orca/proxy';
import { route, target } from './harness.ts';

const at = (host: string, pathPrefix = '/', more: Partial<Route> = {}): Route =>
  route([target(80)], { host, pathPrefix, ...more });
const table: RouteTable = {
  routes: [
    at('*.app.test'),
    at('www.app.test'),
    at('www.app.test', '/api'),
    at('www.app.test', '/api/v2/'),
    at('[::1]'),
    at('only.test', '/deep'),
  ],
};
const matched = (host: string, path: string): string | undefined => {
  const found = matchRoute(table, host, path);
  return found === undefined ? undefined : `${found.host}${found.pathPrefix}`;
};

describe('matchRoute', () => {
  test.each([
    ['www.app.test', '/', 'www.app.test/'],
    ['WWW.App.Test:8080', '/', 'www.app.test/'],
    ['www.app.test.', '/', 'www.app.test/'],
    ['www.app.test.:80', '/', 'www.app.test/'],
    ['[::1]:8080', '/', '[::1]/'],
    ['other.test', '/', undefined],
    ['127.0.0.1', '/', undefined],
    ['a, b', '/', undefined],
  ])('P13 reads host %s without case, port and trailing dot', (host, path, expected) => {
    expect(matched(host, path)).toBe(expected);
  });

  test.each([
    ['blog.app.test', '/', '*.app.test/'],
    ['www.app.test', '/', 'www.app.test/'],
    ['a.blog.app.test', '/', undefined],
    ['app.test', '/', undefined],
    ['www.app.test', '/api', 'www.app.test/api'],
    ['www.app.test', '/api?x=1', 'www.app.test/api'],
    ['www.app.test', '/api/users', 'www.app.test/api'],
    ['www.app.test', '/apix', 'www.app.test/'],
    ['www.app.test', '/%61pi', 'www.app.test/'],
    ['www.app.test', '/api/v2', 'www.app.test/api/v2/'],
    ['www.app.test', '/api/v2/users', 'www.app.test/api/v2/'],
    ['www.app.test', '/api/v20', 'www.app.test/api'],
    ['only.test', '/', undefined],
    ['only.test', '/deep/er', 'only.test/deep'],
  ])('P18 sends %s%s to the exact host and the longest prefix of whole segments', (host, path, expected) => {
    expect(matched(host, path)).toBe(expected);
  });

  test('P18 does not depend on the order of the table', () => {
    const reversed = { routes: table.routes.toReversed() };
    for (const path of ['/', '/api', '/api/v2/x']) {
      expect(matchRoute(reversed, 'www.app.test', path)).toEqual(matchRoute(table, 'www.app.test', path));
    }
  });
});

describe('replace', () => {
  test.each([
    ['two claims of one host and path', [at('a.test', '/x'), at('a.test', '/x/')], /a\.test\/x\/ is claimed twice/],
    ['an upper-case host', [at('A.test')], /lower-case/],
    ['a host with a port', [at('a.test:80')], /without port/],
    ['a relative prefix', [at('a.test', 'x')], /path prefix/],
    ['a prefix with a query', [at('a.test', '/x?y')], /path prefix/],
    ['a port out of range', [at('a.test', '/', { targets: [target(70_000)] })], /port 70000/],
  ])('P18 refuses %s', (_, routes, message) => {
    const proxy = createProxy({ port: 0 });
    expect(() => proxy.replace({ routes })).toThrow(message);
    expect(() => proxy.replace({ routes })).toThrow(expect.objectContaining({ code: 'ORCA_PROXY_TABLE_INVALID' }));
  });
});
