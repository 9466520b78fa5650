import { expect, test } from '@jest/globals';
import { aProxy, dial, rawOrigin, route, statusOf, target, valuesOf } from './harness.ts';

const body =
  'HTTP/1.1 200 OK\r\nTrailer: X-Sum, Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n';
const answered = async (response: string, request: string): Promise<string> => {
  const origin = await rawOrigin((socket) => void socket.end(response, 'latin1'));
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  return client.send(`${request}\r\nHost: app.test\r\nConnection: close\r\n\r\n`).ended();
};

test('P40 relays the trailers of a response to a client that reads them', async () => {
  const response = await answered(`${body}X-Sum: \xe41\r\nX-Sum: 2\r\n\r\n`, 'GET / HTTP/1.1\r\nTE: trailers');
  expect(valuesOf(response, 'Trailer')).toEqual(['X-Sum']);
  expect(response).toMatch(/\r\n5\r\nhello\r\n0\r\nX-Sum: \xe41\r\nX-Sum: 2\r\n\r\n$/);
});

test.each(['GET / HTTP/1.1', 'GET / HTTP/1.1\r\nTE: gzip', 'GET / HTTP/1.1\r\nTE: trailers;q=0'])(
  'P40 drops them and what announced them for %j',
  async (request) => {
    const response = await answered(`${body}X-Sum: 1\r\n\r\n`, request);
    expect(response).toMatch(/\r\n5\r\nhello\r\n0\r\n\r\n$/);
    expect(response).not.toMatch(/trailer|x-sum/i);
  },
);

test.each(['GET / HTTP/1.0\r\nTE: trailers', 'HEAD / HTTP/1.1\r\nTE: trailers'])(
  'P40 sends none where there is no room for any: %j',
  async (request) => {
    const response = await answered(`${body}X-Sum: 1\r\n\r\n`, request);
    expect(statusOf(response)).toBe(200);
    expect(response).not.toMatch(/trailer|x-sum/i);
  },
);

test('P40 does not let a Trailer field spoil a response that has a length', async () => {
  const response = await answered(
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 5\r\n\r\nhello',
    'GET / HTTP/1.1\r\nTE: trailers',
  );
  expect(response).toMatch(/\r\n\r\nhello$/);
  expect(valuesOf(response, 'Trailer')).toEqual([]);
});

test.each([
  'Set-Cookie: a=b',
  'Authorization: b',
  'Host: b',
  'Cache-Control: no-store',
  'Content-Type: text/html',
  'X-Forwarded-For: b',
  'If-Match: b',
  'Connection: b',
])('P40 never relays %s in a trailer', async (field) => {
  const response = await answered(`${body}${field}\r\nX-Sum: 1\r\n\r\n`, 'GET / HTTP/1.1\r\nTE: trailers');
  expect(response).toMatch(/\r\n0\r\nX-Sum: 1\r\n\r\n$/);
});

test('P40 breaks off when a trailer tries to frame the message', async () => {
  const response = await answered(`${body}Content-Length: 5\r\n\r\n`, 'GET / HTTP/1.1\r\nTE: trailers');
  expect(response).not.toMatch(/0\r\n(?:.*\r\n)?\r\n$/);
});

test('P40 drops the trailers of a request with the field that announces them', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.send('5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n');
  const seen = await origin.until(/\r\n0\r\n.*\r\n$/);
  expect(seen).toMatch(/\r\n5\r\nhello\r\n0\r\n\r\n$/);
  expect(seen).not.toMatch(/trailer|x-sum|6\.6\.6\.6/i);
});
