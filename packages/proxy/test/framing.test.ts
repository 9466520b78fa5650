import { expect, test } from '@jest/globals';
import { aProxy, dial, rawOrigin, route, statusOf, target, type RawOrigin, type RunningProxy } from './harness.ts';

const setup = async (): Promise<{ proxy: RunningProxy; origin: RawOrigin }> => {
  const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  return { proxy: await aProxy([route([target(origin.port)])]), origin };
};

/** The proxy answers once with this status, closes, and the origin never hears of it. */
const expectRefused = async (bytes: string, status: number): Promise<void> => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  const response = await client.send(bytes).ended();
  expect(response.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`]);
  expect(response).toMatch(/^connection: close\r$/im);
  expect(origin.received.join('')).toBe('');
};

const head = (...fields: string[]): string => `POST /a HTTP/1.1\r\nHost: app.test\r\n${fields.join('\r\n')}\r\n`;
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';

test.each([
  ['Content-Length with Transfer-Encoding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
  ['two different Content-Lengths', ['Content-Length: 5', 'Content-Length: 6']],
  ['two equal Content-Lengths', ['Content-Length: 5', 'Content-Length: 5']],
  ['a list of Content-Lengths', ['Content-Length: 5, 5']],
  ['a signed Content-Length', ['Content-Length: +5']],
  ['a negative Content-Length', ['Content-Length: -5']],
  ['a hexadecimal Content-Length', ['Content-Length: 0x5']],
  ['an empty Content-Length', ['Content-Length: ']],
  ['an overflowing Content-Length', ['Content-Length: 99999999999999999999']],
])('P1 refuses %s', async (_, fields) => {
  await expectRefused(`${head(...fields)}\r\n0\r\n\r\n${smuggled}`, 400);
});

test.each([
  ['gzip, chunked', 501],
  ['identity', 400],
  [',chunked', 400],
  ['chunked, chunked', 400],
  ['chunked, gzip', 400],
  ['xchunked', 400],
])('P2 refuses Transfer-Encoding %p with %i', async (coding, status) => {
  await expectRefused(`${head(`Transfer-Encoding: ${coding}`)}\r\n0\r\n\r\n${smuggled}`, status);
});

test('P2 refuses Transfer-Encoding in HTTP/1.0', async () => {
  await expectRefused('POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400);
});

test.each([
  ['whitespace before the colon', `${head('A : b')}\r\n`],
  ['a folded field', `${head('A: b', ' c')}\r\n`],
  ['a leading space', 'GET / HTTP/1.1\r\n Host: app.test\r\n\r\n'],
  ['a bare line feed', 'GET / HTTP/1.1\nHost: app.test\n\n'],
  ['a bare carriage return', `${head('A: b\rc')}\r\n`],
  ['NUL in a value', `${head('A: b\0c')}\r\n`],
  ['a control byte in a value', `${head('A: b\x01c')}\r\n`],
  ['an empty name', `${head(': b')}\r\n`],
  ['no colon', `${head('Ab')}\r\n`],
  ['8-bit bytes in a name', `${head('\xe4: b')}\r\n`],
])('P3 refuses %s', async (_, bytes) => {
  await expectRefused(bytes, 400);
});

test.each(['0x5', '+5', '-5', '5_0', 'FFFFFFFFFFFFFFFFF', ' 5', '5\n'])('P4 refuses chunk size %p', async (size) => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  client.send(`${head('Transfer-Encoding: chunked')}\r\n${size}\r\nhello\r\n0\r\n\r\n`);
  expect(statusOf(await client.ended())).toBe(400);
  expect(origin.received.join('')).not.toMatch(/hello|0\r\n\r\n$/);
});

test('P4 refuses a chunk that does not end where it says', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  client.send(`${head('Transfer-Encoding: chunked')}\r\n5\r\nhelloXX0\r\n\r\n`);
  expect(statusOf(await client.ended())).toBe(400);
  expect(origin.received.join('')).not.toContain('0\r\n\r\n');
});

test('P4 drops chunk extensions and caps their size', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  client.send(`${head('Transfer-Encoding: chunked')}\r\n5;ext=1\r\nhello\r\n0;last\r\n\r\n`);
  await client.until('ok');
  expect(await origin.until('0\r\n\r\n')).toMatch(/\r\n5\r\nhello\r\n0\r\n\r\n$/);
  const greedy = await dial(proxy.port);
  greedy.send(`${head('Transfer-Encoding: chunked')}\r\n5;${'e'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`);
  expect(statusOf(await greedy.ended())).toBe(413);
});

test('P5 frames what it forwards with exactly one of Content-Length and chunked', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  await client.send(`${head('Content-Length: 5')}\r\nhello`).until('ok');
  expect(origin.received[0]).toMatch(/content-length: 5\r\n/i);
  expect(origin.received[0]).not.toMatch(/transfer-encoding/i);
  const other = await dial(proxy.port);
  await other.send(`${head('Transfer-Encoding: chunked')}\r\n5\r\nhello\r\n0\r\n\r\n`).until('ok');
  const second = (await origin.until(/\r\n0\r\n\r\n$/)).slice(origin.received[0]?.indexOf('hello'));
  expect(second).toMatch(/transfer-encoding: chunked\r\n/i);
  expect(second).not.toMatch(/content-length/i);
});

test('P5 sends a GET with a body framed, and a GET without one unframed', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc').until('ok');
  expect(await origin.until('abc')).toMatch(/content-length: 3\r\n(?:.*\r\n)*\r\nabc$/i);
  const bare = await dial(proxy.port);
  await bare.send('GET /b HTTP/1.1\r\nHost: app.test\r\n\r\n').until('ok');
  expect((await origin.until('/b')).split('GET /b')[1]).not.toMatch(/content-length|transfer-encoding/i);
});

test('P6 closes after an answer to a request whose body was not read', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  const length = 200_000;
  client.send(`POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length / 2)}`);
  await client.until('Nothing is served here');
  client.send(`${'x'.repeat(length / 2)}${smuggled}`);
  const response = await client.ended();
  expect(client.error).toBeUndefined();
  expect(response.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 404']);
  expect(response).toMatch(/^connection: close\r$/im);
  expect(origin.received.join('')).toBe('');
});

test('P7 does not take surplus bytes of one response for the next', async () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
  const origin = await rawOrigin((socket, _, nth) => socket.write(nth === 1 ? `${ok}1!${ok}evil` : `${ok}2!`));
  const proxy = await aProxy([route([target(origin.port)])]);
  const first = await dial(proxy.port);
  await first.send('GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n').until(/1!$/);
  const second = await dial(proxy.port);
  expect(await second.send('GET /2 HTTP/1.1\r\nHost: app.test\r\n\r\n').until(/\r\n\r\n..$/)).toMatch(/2!$/);
  expect(origin.sockets).toHaveLength(2);
});

test('P8 answers CONNECT with 405 and never forwards it', async () => {
  await expectRefused('CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n', 405);
});

test('P9 answers TRACE with 405', async () => {
  await expectRefused('TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n', 405);
});

test('P9 answers OPTIONS * itself', async () => {
  const { proxy, origin } = await setup();
  const client = await dial(proxy.port);
  expect(statusOf(await client.send('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n').until('\r\n\r\n'))).toBe(204);
  expect(origin.received).toEqual([]);
});

test('P9 refuses a method that it does not know', async () => {
  await expectRefused('FROB / HTTP/1.1\r\nHost: app.test\r\n\r\n', 400);
});

test.each([
  ['a header block over the limit', `${head(`A: ${'a'.repeat(20_000)}`)}\r\n`],
  ['a target over the limit', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: app.test\r\n\r\n`],
  ['too many fields', `${head(...Array.from({ length: 3_000 }, () => 'a:'))}\r\n`],
])('P10 answers %s with 431', async (_, bytes) => {
  await expectRefused(bytes, 431);
});

test.each([
  ['8-bit bytes in the target', 'GET /\xe4 HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a control byte in the target', 'GET /\x01 HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a method that is no token', 'G(T / HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a target without a slash', 'GET a HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['GET *', 'GET * HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /a\r\n\r\n', 400],
  ['HTTP/2.0 in a request line', 'GET / HTTP/2.0\r\nHost: app.test\r\n\r\n', 505],
])('P11 refuses %s', async (_, bytes, status) => {
  await expectRefused(bytes, status);
});

test.each([
  ['two Hosts', 'Host: app.test\r\nHost: other.test'],
  ['two equal Hosts', 'Host: app.test\r\nHost: app.test'],
  ['no Host', 'A: b'],
  ['an empty Host', 'Host:'],
  ['a Host with a path', 'Host: app.test/evil'],
  ['a Host with user information', 'Host: evil@app.test'],
  ['a list of Hosts', 'Host: app.test, other.test'],
  ['a Host with a bad port', 'Host: app.test:80x'],
  ['a Host with port 0', 'Host: app.test:0'],
  ['a Host with port 65536', 'Host: app.test:65536'],
  ['an escaped Host', 'Host: app%2etest'],
  ['a Host with an empty label', 'Host: app..test'],
  ['a Host with 8-bit bytes', 'Host: \xe4pp.test'],
])('P11 refuses %s', async (_, fields) => {
  await expectRefused(`GET / HTTP/1.1\r\n${fields}\r\n\r\n`, 400);
});

test('P12 answers pipelined requests in order, also when the first is the slowest', async () => {
  const origin = await rawOrigin((socket, text) => {
    const [, path] = text.split(' ');
    setTimeout(
      () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`),
      path === '/1' ? 60 : path === '/2' ? 20 : 0,
    );
  });
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`).join(''));
  const response = await client.until(/\/3$/);
  expect(response.match(/\/\d$|\/\d(?=HTTP)/g)).toEqual(['/1', '/2', '/3']);
});

test('P12 lets a response finish before it answers the bad request behind it', async () => {
  const origin = await rawOrigin((socket) =>
    setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst'), 40),
  );
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  const response = await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\nGET / HTTP/9\r\n\r\n').ended();
  expect(response).toMatch(/^HTTP\/1\.1 200 [^]*firstHTTP\/1\.1 400 /);
});

test('P58 opens no more than a hundred connections to a target for one client that waits for no answer', async () => {
  let open = 0;
  const all = Promise.withResolvers<void>();
  const origin = await rawOrigin(async (socket) => {
    open += 1;
    // None is answered before all are there, and would have been more.
    if (open === 100) setTimeout(() => all.resolve(), 300);
    await all.promise;
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  const response = await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'.repeat(400)).ended();
  expect(open).toBe(100);
  expect(response.match(/HTTP\/1\.1 200 /g)).toHaveLength(open);
  expect(response).toMatch(/HTTP\/1\.1 503 [^]*$/);
});
