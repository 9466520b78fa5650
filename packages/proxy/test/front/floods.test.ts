import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { rawOrigin, route, target, type RawOrigin } from '../harness.ts';
import { endHeaders, endStream, frame, framed, get, literal, post, types, type FrameClient } from './frames.ts';
import { once2 } from './http2-harness.ts';
import { aSecureProxy, type SecureProxy } from './tls-harness.ts';

const setup = async (): Promise<{ proxy: SecureProxy; origin: RawOrigin; client: FrameClient }> => {
  const origin = await rawOrigin((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  return { proxy, origin, client: await framed(proxy.httpsPort) };
};

const code = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Sends while the connection takes it; returns how many times it did. */
const flood = async (client: FrameClient, times: number, nth: (n: number) => Buffer): Promise<number> => {
  for (let sent = 0; sent < times; sent += 1) {
    if (client.isClosed || !client.socket.writable) return sent;
    if (client.send(nth(sent))) continue;
    await Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')]).catch(() => {});
  }
  return times;
};

test('P58 ends a session that resets requests rapidly, long before it has sent 20,000', async () => {
  const { proxy, origin, client } = await setup();
  await flood(client, 20_000, (n) =>
    Buffer.concat([
      frame(types.headers, endHeaders | endStream, 2 * n + 1, get),
      frame(types.reset, 0, 2 * n + 1, code(8)),
    ]),
  );
  expect(await client.ended()).toBe(2);
  expect(origin.sockets.length).toBeLessThan(1_500);
  expect(proxy.events).toContainEqual(expect.objectContaining({ kind: 'session-failed', peer: '127.0.0.1' }));
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});

test.each([
  ['pings that are not read', () => frame(types.ping, 0, 0, Buffer.alloc(8))],
  ['settings that are not read', () => frame(types.settings, 0, 0, Buffer.from('000300000064', 'hex'))],
])('P58 ends a session that floods it with %s', async (_, nth) => {
  const { proxy, client } = await setup();
  client.socket.pause();
  await Promise.race([flood(client, 200_000, nth), once(client.socket, 'close')]).catch(() => {});
  client.socket.resume();
  await client.ended();
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});

test('P58 ends a session whose header block never ends', async () => {
  const { proxy, origin, client } = await setup();
  client.send(frame(types.headers, 0, 1, get));
  const field = literal('x-a', 'a'.repeat(1_000));
  const sent = await flood(client, 10_000, () => frame(types.continuation, 0, 1, field));
  await client.ended();
  expect(sent).toBeLessThan(10_000);
  expect(origin.received).toEqual([]);
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});

test('P58 ends a session that sends empty frames without end', async () => {
  const { proxy, client } = await setup();
  client.send(frame(types.headers, endHeaders, 1, post));
  const sent = await flood(client, 100_000, () => frame(types.data, 0, 1));
  await client.ended();
  expect(sent).toBeLessThan(100_000);
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});

test('P58 takes 100 streams at a time, says so in its settings, and ends a session that opens more', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const client = await framed(proxy.httpsPort);
  const settings = client.frames.find(({ type, flags }) => type === types.settings && flags === 0);
  const pairs = settings?.payload.toString('hex').match(/.{12}/g);
  expect(pairs).toEqual(expect.arrayContaining(['000300000064', '000600010000', '000400010000', '000200000000']));
  const open = (n: number): Buffer => frame(types.headers, endHeaders | endStream, 2 * n + 1, get);
  client.send(...Array.from({ length: 100 }, (_, n) => open(n)));
  while (origin.received.filter((one) => one.endsWith('\r\n\r\n')).length < 100) await sleep(5);
  client.send(open(100));
  expect(await client.ended()).toBe(1);
  expect(origin.sockets).toHaveLength(100);
});

test.each([
  ['more fields than anybody has', Buffer.concat(Array.from({ length: 1_100 }, () => literal('a', '')))],
  ['a header list over 64 KiB', Buffer.concat(Array.from({ length: 5 }, () => literal('x-a', 'a'.repeat(15_000))))],
])('P10 resets a stream with %s, and truncates nothing', async (_, fields) => {
  const { origin, client, proxy } = await setup();
  const block = Buffer.concat([get, fields]);
  const parts =
    block
      .toString('latin1')
      .match(/[^]{1,16000}/g)
      ?.map((part) => Buffer.from(part, 'latin1')) ?? [];
  client.send(
    ...parts.map((part, n) =>
      n === 0
        ? frame(types.headers, endStream | (parts.length === 1 ? endHeaders : 0), 1, part)
        : frame(types.continuation, n === parts.length - 1 ? endHeaders : 0, 1, part),
    ),
  );
  const end = await client.until(({ type }) => type === types.reset || type === types.goaway);
  expect(end.type === types.goaway || end.payload.equals(code(11))).toBe(true);
  expect(origin.received).toEqual([]);
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});

test.each([
  ['an upper-case name', literal('X-A', '1')],
  ['Connection', literal('connection', 'close')],
  ['Transfer-Encoding', literal('transfer-encoding', 'chunked')],
  ['a control byte in a value', literal('x-a', 'a\r\nb: c')],
  ['a space in a name', literal('x a', '1')],
  ['two lengths', Buffer.concat([literal('content-length', '1'), literal('content-length', '2')])],
  ['a pseudo-field behind the others', Buffer.concat([literal('x-a', '1'), literal(':path', '/b')])],
  ['two paths', literal(':path', '/b')],
  ['an unknown pseudo-field', literal(':x', '1')],
])('P11 never forwards a request in HTTP/2 with %s', async (_, fields) => {
  const { origin, client } = await setup();
  client.send(frame(types.headers, endHeaders | endStream, 1, Buffer.concat([get, fields])));
  client.send(frame(types.headers, endHeaders | endStream, 3, get));
  const isEnd = ({ type, stream }: { type: number; stream: number }): boolean =>
    type === types.goaway || (type === types.data && stream === 3);
  await client.until(isEnd);
  const all = origin.received.join('');
  // Either the field was dropped or the request was refused; nothing of it reaches the target.
  expect(all).not.toMatch(/x-a|x a|^b: c|GET \/b|:x|content-length|chunked/im);
});

test('P70 survives frames that make no sense', async () => {
  const { proxy } = await setup();
  const nonsense = [
    frame(types.data, 0, 0, Buffer.from('x')),
    frame(types.data, 0, 5, Buffer.from('x')),
    frame(types.window, 0, 0, code(0)),
    frame(types.window, 0, 0, code(0x7fffffff)),
    frame(types.reset, 0, 0, code(0)),
    frame(types.settings, 0, 0, Buffer.from('000400000000ffff', 'hex')),
    frame(types.ping, 0, 1, Buffer.alloc(8)),
    frame(types.headers, endHeaders, 2, get),
    frame(types.headers, endHeaders | endStream, 1, Buffer.from('ffffffffffff', 'hex')),
    frame(types.continuation, endHeaders, 1, get),
    Buffer.from('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'),
  ];
  for (const bytes of nonsense) {
    const client = await framed(proxy.httpsPort);
    client.send(bytes);
    client.socket.end();
    await client.ended();
  }
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});
