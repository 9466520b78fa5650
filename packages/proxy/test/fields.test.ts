import { expect, test } from '@jest/globals';
import { aProxy, exchange, forwarded, rawOrigin, route, statusOf, target, valuesOf } from './harness.ts';

/** What a client gets to see of a response with these fields. */
const relayed = async (fields: string, status = '200 OK'): Promise<string> => {
  const text = `HTTP/1.1 ${status}\r\n${fields.trim().replaceAll('\n', '\r\n')}\r\n\r\n`;
  const origin = await rawOrigin((socket) => void socket.end(text, 'latin1'));
  const proxy = await aProxy([route([target(origin.port)])]);
  return exchange(proxy.port, 'GET /a HTTP/1.1\nHost: app.test');
};

const fieldNames = (message: string): readonly string[] =>
  message
    .slice(0, message.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(':')[0] ?? '');

test('P21 removes what ends at a hop from a request', async () => {
  const seen = await forwarded(
    'Keep-Alive: timeout=5\nProxy-Connection: close\nTE: gzip\nUpgrade: h2c\nProxy-Authenticate: a\n' +
      'Proxy-Authorization: b\nHTTP2-Settings: c\nTrailer: d\nKept: e',
  );
  expect(seen).not.toMatch(/^(?:keep-alive|proxy-.*|te|upgrade|http2-settings|trailer):/im);
  expect(valuesOf(seen, 'connection')).toEqual([]);
  expect(valuesOf(seen, 'Kept')).toEqual(['e']);
});

test('P21 offers trailers again as exactly that', async () => {
  const seen = await forwarded('TE: gzip;q=0.5, trailers\nConnection: TE');
  expect([valuesOf(seen, 'te'), valuesOf(seen, 'connection')]).toEqual([['trailers'], ['TE']]);
});

test('P21 removes what ends at a hop from a response', async () => {
  const response = await relayed(
    'Content-Length: 0\nConnection: X-Secret\nX-Secret: 1\nKeep-Alive: timeout=5\nProxy-Connection: close\n' +
      'Upgrade: h2c\nProxy-Authenticate: a\nTrailer: b\nKept: c',
  );
  expect(fieldNames(response)).toEqual(['Content-Length', 'Kept', 'Connection']);
});

test('P22 removes what Connection lists, but never what routing, framing and trust need', async () => {
  const seen = await forwarded(
    'Connection: X-One, x-two,Host,Content-Length , X-Forwarded-For,X-Forwarded-Host\nX-One: 1\nX-Two: 2\nX-Three: 3',
  );
  expect(seen).not.toMatch(/^x-(?:one|two):/im);
  expect(valuesOf(seen, 'x-three')).toEqual(['3']);
  expect(valuesOf(seen, 'host')).toEqual(['app.test:8080']);
  expect(valuesOf(seen, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(valuesOf(seen, 'x-forwarded-host')).toEqual(['app.test:8080']);
});

test('P22 ignores junk in Connection', async () => {
  expect(valuesOf(await forwarded('Connection: , ;;, "a b", @@\nKept: 1'), 'kept')).toEqual(['1']);
});

test('P23 keeps request fields apart, in order and in their case', async () => {
  const seen = await forwarded('x-A: 1\nX-b: 2\nX-a: 3\nCookie: a=1\nCookie: b=2\nx-A: 1');
  const ours = seen.split('\r\n').filter((line) => /^(?:x-[ab]|cookie):/i.test(line));
  expect(ours).toEqual(['x-A: 1', 'X-b: 2', 'X-a: 3', 'Cookie: a=1', 'Cookie: b=2', 'x-A: 1']);
});

test('P23 keeps several Set-Cookie fields apart and in order', async () => {
  const response = await relayed(
    'Set-Cookie: a=1\nX-Between: 1\nset-cookie: b=2; Path=/\nSet-Cookie: a=1\nContent-Length: 0',
  );
  expect(valuesOf(response, 'set-cookie')).toEqual(['a=1', 'b=2; Path=/', 'a=1']);
  expect(fieldNames(response).slice(0, 4)).toEqual(['Set-Cookie', 'X-Between', 'set-cookie', 'Set-Cookie']);
});

test('P24 carries values as bytes and keeps empty ones', async () => {
  const seen = await forwarded('X-Latin: \xe4\xf6\xff\nX-Utf: \xc3\xa4\nX-Empty:');
  expect([valuesOf(seen, 'x-latin'), valuesOf(seen, 'x-utf'), valuesOf(seen, 'x-empty')]).toEqual([
    ['\xe4\xf6\xff'],
    ['\xc3\xa4'],
    [''],
  ]);
  const response = await relayed('X-Latin: \xe4\xf6\xff\nX-Utf: \xc3\xa4\nX-Empty:\nContent-Length: 0');
  expect([valuesOf(response, 'x-latin'), valuesOf(response, 'x-utf'), valuesOf(response, 'x-empty')]).toEqual([
    ['\xe4\xf6\xff'],
    ['\xc3\xa4'],
    [''],
  ]);
});

test.each(['X: a\x01b', 'X: a\x7fb', 'X\xe4: a', 'X : a', ': a', 'Xa', 'Content-Length: 0\nContent-Length: 1'])(
  'P24 answers 502 to response field %p',
  async (field) => {
    expect(statusOf(await relayed(`${field}\nA: b`))).toBe(502);
  },
);

test('P24 replaces a reason phrase that cannot be repeated', async () => {
  expect(await relayed('Content-Length: 0', '299 s\xe4h')).toMatch(/^HTTP\/1\.1 299 [\x20-\x7e]*\r\n/);
  expect(await relayed('Content-Length: 0', '200 Fine By Me')).toMatch(/^HTTP\/1\.1 200 Fine By Me\r\n/);
});

test('P25 leaves the fields of a response alone and follows no redirect', async () => {
  const fields =
    'Location: http://elsewhere.test/?a#b\nDate: yesterday\nServer: me/1\nETag: W/"x"\nWWW-Authenticate: Basic a="b"\nContent-Length: 0';
  const response = await relayed(fields, '302 Found');
  expect(response).toBe(`HTTP/1.1 302 Found\r\n${fields.replaceAll('\n', '\r\n')}\r\nConnection: close\r\n\r\n`);
});

test('P26 injects nothing into a request but what names its way', async () => {
  expect(fieldNames(await forwarded('')).map((name) => name.toLowerCase())).toEqual([
    'host',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-port',
    'x-request-id',
    'via',
  ]);
});

test('P26 injects nothing into a response', async () => {
  expect(await relayed('Content-Length: 0')).toBe('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
});

test('P27 drops names that applications read as other names', async () => {
  const fields = 'X_Forwarded_For: 6.6.6.6\nX.Real.IP: 6.6.6.6\nx_api_key: 1\nx-fine: 1';
  expect(await forwarded(fields)).not.toMatch(/6\.6\.6\.6|x_api_key/);
  const allowed = await forwarded(fields, { allowedFieldNames: ['X_Api_Key'] });
  expect(valuesOf(allowed, 'x_api_key')).toEqual(['1']);
  expect(allowed).not.toContain('6.6.6.6');
});

test('P28 discards what a client says about its origin and says it itself', async () => {
  const names = ['For', 'Proto', 'Host', 'Port', 'Server', 'Prefix', 'Uri', 'Method', 'Scheme'];
  const lies = names.map((name) => `X-Forwarded-${name}: evil`).join('\n');
  const seen = await forwarded(`${lies}\nX-Real-IP: evil\nX-Scheme: evil\nForwarded: for=evil\nx-forwarded-for: evil`);
  expect(seen).not.toContain('evil');
  const named = ['For', 'Proto', 'Host', 'Port'].map((name) => valuesOf(seen, `X-Forwarded-${name}`));
  expect(named).toEqual([['127.0.0.1'], ['http'], ['app.test:8080'], ['8080']]);
});

test('P28 names an IPv4 client as such on a dual-stack socket', async () => {
  const seen = await forwarded('', { bind: '::' });
  expect(valuesOf(seen, 'X-Forwarded-For')).toEqual(['127.0.0.1']);
});
