import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { httpOrigin, portOf, rawOrigin, route, target, type RawOrigin } from '../harness.ts';
import { ask, fieldOf, once2, session } from './http2-harness.ts';
import { aSecureProxy, certificate, type SecureProxy } from './tls-harness.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const setup = async (response = ok): Promise<{ proxy: SecureProxy; origin: RawOrigin }> => {
  const origin = await rawOrigin((socket) => void socket.write(response, 'latin1'));
  return { proxy: await aSecureProxy([route([target(origin.port)])]), origin };
};

test('serves HTTP/2 and says to the target what HTTP/1 would have said', async () => {
  const { proxy, origin } = await setup();
  const answer = await once2(proxy.httpsPort, { ':path': '/a%2Fb//?q=1&', 'x-a': ['1', '2'] });
  expect(answer).toMatchObject({ status: 200, body: 'ok', resetCode: 0 });
  const [head] = origin.received;
  expect(head).toMatch(/^GET \/a%2Fb\/\/\?q=1& HTTP\/1\.1\r\nHost: app\.test\r\n/i);
  expect(head).toMatch(/\r\nx-a: 1\r\nx-a: 2\r\n/);
  expect(head).toMatch(/\r\nX-Forwarded-Proto: https\r\n/);
});

test.each([
  ['P8 CONNECT', { ':method': 'CONNECT', ':authority': 'app.test:443' }, 405],
  ['P9 TRACE', { ':method': 'TRACE' }, 405],
  ['P9 a method that HTTP/1 does not know', { ':method': 'FROB' }, 400],
  ['P11 8-bit bytes in the target', { ':path': '/\xe4' }, 400],
  ['P11 a fragment', { ':path': '/a#b' }, 400],
  ['P11 an authority with a bad port', { ':authority': 'app.test:0' }, 400],
  ['P15 a Host that differs from :authority', { host: 'other.test' }, 400],
  ['P33 an unknown expectation', { expect: 'the unexpected' }, 417],
])('refuses %s in HTTP/2', async (_, headers, status) => {
  const { proxy, origin } = await setup();
  const client = await session(proxy.httpsPort);
  const { ':path': path, ...rest } = { ':path': '/', ...headers } as Record<string, string>;
  const isConnect = rest[':method'] === 'CONNECT';
  const stream = client.request(
    { ':authority': 'app.test', ...rest, ...(isConnect ? {} : { ':path': path }) },
    { endStream: true },
  );
  const [response] = await once(stream, 'response');
  expect(response[':status']).toBe(status);
  stream.close();
  // The refusal is this request's alone.
  expect(await ask(client).answer).toMatchObject({ status: 200 });
  expect(origin.received).toHaveLength(1);
});

test.each(['evil@app.test', 'app.test, other.test', '', 'a/b'])(
  'P11 resets a stream whose authority is %p',
  async (authority) => {
    const { proxy, origin } = await setup();
    const answer = await once2(proxy.httpsPort, { ':authority': authority });
    expect(answer).toMatchObject({ status: 0, resetCode: 1 });
    expect(origin.received).toEqual([]);
  },
);

test('P15 drops a Host that is none', async () => {
  const { proxy, origin } = await setup();
  expect(await once2(proxy.httpsPort, { host: 'a/b' })).toMatchObject({ status: 200 });
  expect(origin.received[0]?.match(/\r\nHost: .*/gi)).toEqual(['\r\nHost: app.test']);
});

test('P9 answers OPTIONS * itself in HTTP/2', async () => {
  const { proxy, origin } = await setup();
  expect(await once2(proxy.httpsPort, { ':method': 'OPTIONS', ':path': '*' })).toMatchObject({ status: 204 });
  expect(origin.received).toEqual([]);
});

test('P15 takes a Host that agrees, or stands alone, for the authority, and never the scheme for anything', async () => {
  const { proxy, origin } = await setup();
  expect(await once2(proxy.httpsPort, { host: 'APP.test:443', ':scheme': 'http' })).toMatchObject({ status: 200 });
  const client = await session(proxy.httpsPort);
  const stream = client.request({ ':path': '/', host: 'app.test' });
  expect((await once(stream, 'response'))[0][':status']).toBe(200);
  expect(origin.received.join('').match(/\r\nHost: app\.test\r\n/gi)).toHaveLength(2);
  expect(origin.received.join('').match(/X-Forwarded-Proto: https\r\n/g)).toHaveLength(2);
});

test('P17 serves a host that the certificate of the connection is not for, and can be told to answer 421', async () => {
  const origin = await rawOrigin((socket) => void socket.write(ok));
  const targets = [target(origin.port)];
  const routes = [route(targets), route(targets, { host: 'other.test' }), route(targets, { host: 'too.app.test' })];
  const certificates = [certificate('app.test', '*.app.test'), certificate('other.test')];
  const loose = await aSecureProxy(routes, {}, certificates);
  expect(await once2(loose.httpsPort, { ':authority': 'other.test' })).toMatchObject({ status: 200 });
  const strict = await aSecureProxy(routes, { https: { port: 0, refuseMisdirected: true } }, certificates);
  const client = await session(strict.httpsPort);
  expect(await ask(client, { ':authority': 'other.test' }).answer).toMatchObject({ status: 421 });
  expect(await ask(client, { ':authority': 'too.app.test' }).answer).toMatchObject({ status: 200 });
  expect(await ask(client).answer).toMatchObject({ status: 200 });
});

test('P23 joins cookie crumbs, and keeps several Set-Cookie fields apart', async () => {
  const fields = 'Set-Cookie: a=1\r\nX-A: 1\r\nSet-Cookie: b=2\r\nX-A: 2\r\n';
  const { proxy, origin } = await setup(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 0\r\n\r\n`);
  const answer = await once2(proxy.httpsPort, { cookie: ['a=1', 'b=2; c=3', 'd=4'] });
  expect(origin.received[0]).toMatch(/\r\ncookie: a=1; b=2; c=3; d=4\r\n/);
  expect(fieldOf(answer, 'set-cookie')).toEqual(['a=1', 'b=2']);
  expect(fieldOf(answer, 'x-a')).toEqual(['1', '2']);
});

test('P24 carries values as bytes in HTTP/2', async () => {
  const { proxy, origin } = await setup('HTTP/1.1 200 OK\r\nX-B: \xe4\r\nX-C:\r\nContent-Length: 0\r\n\r\n');
  const answer = await once2(proxy.httpsPort, { 'x-a': '\xfc', 'x-e': '' });
  expect(origin.received[0]).toMatch(/\r\nx-a: \xfc\r\nx-e: ?\r\n/);
  expect(fieldOf(answer, 'x-b')).toEqual(['\xe4']);
  expect(fieldOf(answer, 'x-c')).toEqual(['']);
});

test('P21 lets nothing through that belongs to a connection of HTTP/1', async () => {
  const fields = 'Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n';
  const { proxy } = await setup(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`);
  const answer = await once2(proxy.httpsPort);
  expect(answer).toMatchObject({ status: 200, body: 'ok' });
  expect(answer.fields.filter((_, i) => i % 2 === 0)).toEqual(['content-length']);
});

test.each([
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200, ['5']],
  ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 204, []],
  ['GET', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', 205, ['0']],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n', 304, ['5']],
])('P32 answers %s in HTTP/2 without a body', async (method, response, status, lengths) => {
  const { proxy } = await setup(response);
  const answer = await once2(proxy.httpsPort, { ':method': method });
  expect(answer).toMatchObject({ status, body: '', resetCode: 0 });
  expect(fieldOf(answer, 'content-length')).toEqual(lengths);
});

test('P33 asks for the body only when a target takes it', async () => {
  const { proxy, origin } = await setup();
  const client = await session(proxy.httpsPort);
  const { stream, answer } = ask(client, { expect: '100-continue', 'content-length': 5 }, null);
  await once(stream, 'continue');
  stream.end('hello');
  expect(await answer).toMatchObject({ status: 200 });
  expect(origin.received[0]).toMatch(/hello$/);
  expect(origin.received[0]).not.toMatch(/expect/i);
  const unknown = ask(client, { expect: '100-continue', ':authority': 'nobody.test' }, null);
  expect(await unknown.answer).toMatchObject({ status: 404, interim: [] });
});

test('P34 relays interim responses in HTTP/2', async () => {
  const { proxy } = await setup(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`);
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200, interim: [103] });
});

test('P35 streams both ways at once in HTTP/2', async () => {
  const origin = await httpOrigin((req, res) => {
    res.flushHeaders();
    req.pipe(res);
  });
  const proxy = await aSecureProxy([route([target(portOf(origin))])]);
  const { stream, answer } = ask(await session(proxy.httpsPort), {}, null);
  for (const word of ['one', 'two', 'three']) {
    stream.write(word);
    expect(String((await once(stream, 'data'))[0])).toBe(word);
  }
  stream.end();
  expect(await answer).toMatchObject({ status: 200, body: 'onetwothree' });
});

test('P35 carries a body larger than every window, both ways', async () => {
  const origin = await httpOrigin((req, res) => req.pipe(res));
  const proxy = await aSecureProxy([route([target(portOf(origin))])]);
  const body = Array.from({ length: 300_000 }, (_, n) => `${n}`.padStart(10)).join('');
  const answer = await once2(proxy.httpsPort, {}, body);
  expect(answer).toMatchObject({ status: 200, resetCode: 0 });
  // Not by toBe(), which would print both.
  expect(answer.body === body).toBe(true);
});

test.each([
  ['without an error code', 0],
  ['with CANCEL', 8],
])('P36 never lets a body that was reset %s look complete', async (_, code) => {
  const { proxy, origin } = await setup('');
  const { stream } = ask(await session(proxy.httpsPort), {}, null);
  stream.write('half');
  await origin.until('half');
  stream.close(code);
  const [socket] = origin.sockets;
  if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
  expect(origin.received[0]).toMatch(/half\r\n$/);
  expect(proxy.events).toContainEqual(expect.objectContaining({ kind: 'client-gone' }));
});

test('P36 never lets a body look complete whose connection broke', async () => {
  const { proxy, origin } = await setup('');
  const client = await session(proxy.httpsPort);
  ask(client, {}, null).stream.write('half');
  await origin.until('half');
  client.destroy();
  const [socket] = origin.sockets;
  if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
  expect(origin.received[0]).toMatch(/half\r\n$/);
});

test('P36 refuses a body that is not as long as it says', async () => {
  const { proxy, origin } = await setup('');
  const client = await session(proxy.httpsPort);
  const { stream, answer } = ask(client, { 'content-length': 10 }, null);
  stream.write('half');
  await origin.until('half');
  stream.end();
  expect((await answer).resetCode).not.toBe(0);
  const [socket] = origin.sockets;
  if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
  expect(origin.received[0]).toMatch(/half$/);
});

test.each([
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
])('P37 resets the stream with INTERNAL_ERROR when a target dies in a body with %s', async (_, response) => {
  const { proxy, origin } = await setup(response);
  const client = await session(proxy.httpsPort);
  const { stream, answer } = ask(client);
  await once(stream, 'data');
  origin.sockets[0]?.destroy();
  expect(await answer).toMatchObject({ status: 200, body: 'half', resetCode: 2 });
  expect(client.destroyed).toBe(false);
});

test('P38 delivers an early response in full, and calls off the rest of the upload', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write(`HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge`);
  });
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const client = await session(proxy.httpsPort);
  const { stream, answer } = ask(client, {}, null);
  stream.write('x'.repeat(30_000));
  expect(await answer).toMatchObject({ status: 413, body: 'large', resetCode: 0 });
  expect(client.destroyed).toBe(false);
});

test('P39 shows the head of a response before its first byte, and each byte as it comes', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
  });
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const { stream } = ask(await session(proxy.httpsPort));
  await once(stream, 'response');
  origin.sockets[0]?.write('data: 1\n\n');
  expect(String((await once(stream, 'data'))[0])).toBe('data: 1\n\n');
});

const trailing =
  'HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: yes\r\nCookie: 9\r\n\r\n';

test('P40 passes trailers on to a client that reads them, without what may not be one', async () => {
  const { proxy, origin } = await setup(trailing);
  const answer = await once2(proxy.httpsPort, { te: 'trailers' });
  expect(answer).toMatchObject({ status: 200, body: 'ok', trailers: { 'x-end': 'yes' } });
  expect(answer.trailers).not.toHaveProperty('cookie');
  expect(origin.received[0]).toMatch(/\r\nTE: trailers\r\n/i);
});

test('P70 survives fields that are called as what every object has', async () => {
  const odd = 'constructor: 1\r\n__proto__: 2\r\nconstructor: 3\r\n';
  const head = `HTTP/1.1 103 Early Hints\r\n${odd}\r\nHTTP/1.1 200 OK\r\n${odd}Transfer-Encoding: chunked\r\n\r\n`;
  const { proxy } = await setup(`${head}2\r\nok\r\n0\r\n${odd}\r\n`);
  const answer = await once2(proxy.httpsPort, { te: 'trailers' });
  expect(answer).toMatchObject({ status: 200, body: 'ok', interim: [103], resetCode: 0 });
  expect(fieldOf(answer, 'constructor')).toEqual(['1', '3']);
});

test('P40 keeps trailers from a client that did not ask, and drops those of a request', async () => {
  const { proxy, origin } = await setup(trailing);
  const client = await session(proxy.httpsPort);
  const stream = client.request(
    { ':path': '/', ':authority': 'app.test', ':method': 'POST', trailer: 'x-sum' },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
  let trailers = 0;
  stream.on('trailers', () => {
    trailers += 1;
  });
  stream.resume().end('body');
  await once(stream, 'close');
  expect(trailers).toBe(0);
  expect(await origin.until(/0\r\n\r\n$/)).not.toMatch(/x-sum|trailer/i);
});

test('P46 answers 502 for a status that HTTP/2 does not have', async () => {
  const { proxy } = await setup('HTTP/1.1 999 Whatever\r\nContent-Length: 2\r\n\r\nok');
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 502 });
});

test('P46 answers 502, 404 and 503 in HTTP/2', async () => {
  const proxy = await aSecureProxy([route([target(1)]), route([], { pathPrefix: '/none' })]);
  const client = await session(proxy.httpsPort);
  expect(await ask(client).answer).toMatchObject({ status: 502 });
  expect(await ask(client, { ':path': '/none' }).answer).toMatchObject({ status: 503 });
  const json = await ask(client, { ':authority': 'nobody.test', accept: 'application/json' }).answer;
  expect(json).toMatchObject({ status: 404 });
  expect(JSON.parse(json.body)).toHaveProperty('error');
});
