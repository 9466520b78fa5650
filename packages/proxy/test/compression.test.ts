import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { codingFor } from '../src/compression/negotiate.ts';
import { aProxy, dial, exchange, httpOrigin, portOf, route, statusOf, target, valuesOf } from './harness.ts';

const text = 'compress me, if you can. '.repeat(400);

const answering = async (answer: (res: ServerResponse) => void, compress = true): Promise<number> => {
  const origin = await httpOrigin((_, res) => {
    res.sendDate = false;
    answer(res);
  });
  return (await aProxy([route([target(portOf(origin))], { compress })])).port;
};

const sending =
  (fields: OutgoingHttpHeaders, status = 200) =>
  (res: ServerResponse): void =>
    void res.writeHead(status, { 'content-type': 'text/html', ...fields }).end(text);

const get = (accept = 'gzip', more = ''): string => `GET / HTTP/1.1\nHost: app.test\nAccept-Encoding: ${accept}${more}`;

/** The body of a chunked response, as bytes. */
const chunks = (response: string): Buffer => {
  const parts: Buffer[] = [];
  let rest = Buffer.from(response.slice(response.indexOf('\r\n\r\n') + 4), 'latin1');
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.toString('latin1', 0, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(rest.subarray(end + 2, end + 2 + size));
    rest = rest.subarray(end + 4 + size);
  }
};

test.each([
  ['gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
])('P43 compresses with %s what the route lets it', async (coding, decode) => {
  const port = await answering(sending({ 'content-length': text.length, etag: '"a"', 'accept-ranges': 'bytes' }));
  const response = await exchange(port, get(coding));
  expect(['Content-Encoding', 'Vary', 'ETag'].map((name) => valuesOf(response, name))).toEqual([
    [coding],
    ['Accept-Encoding'],
    ['W/"a"'],
  ]);
  expect(response).not.toMatch(/^(?:content-length|accept-ranges):/im);
  expect(decode(chunks(response)).toString()).toBe(text);
  expect(response.length).toBeLessThan(text.length / 4);
});

test('P43 compresses nothing unless the route says so', async () => {
  const response = await exchange(await answering(sending({}), false), get());
  expect(response).not.toMatch(/content-encoding|vary/i);
  expect(response).toContain(text);
});

test.each<[string, OutgoingHttpHeaders, number]>([
  ['an event stream', { 'content-type': 'text/event-stream; charset=utf-8' }, 200],
  ['a response that must not be buffered', { 'x-accel-buffering': 'no' }, 200],
  ['what is encoded already', { 'content-encoding': 'br' }, 200],
  ['what must not be transformed', { 'cache-control': 'public, no-transform' }, 200],
  ['a part', { 'content-range': `bytes 0-9/${text.length}` }, 206],
  ['what has a digest of its own', { 'content-digest': 'sha-256=:AA==:' }, 200],
  ['a picture', { 'content-type': 'image/png' }, 200],
])('P43 leaves %s alone', async (_, fields, status) => {
  const response = await exchange(await answering(sending(fields, status)), get());
  expect(response).toContain(text);
  expect(valuesOf(response, 'Vary')).toEqual([]);
});

test('P43 leaves small responses and those without a type alone', async () => {
  const small = await answering(
    (res) => void res.writeHead(200, { 'content-type': 'text/css', 'content-length': 2 }).end('ok'),
  );
  expect(await exchange(small, get())).toMatch(/\r\n\r\nok$/);
  const untyped = await answering((res) => void res.writeHead(200).end(text));
  expect(await exchange(untyped, get())).toContain(text);
});

test.each([
  get('identity'),
  get('gzip;q=0'),
  get('deflate'),
  get('gzip', '\nRange: bytes=0-1'),
  'GET / HTTP/1.1\nHost: app.test',
])('P43 sends it as it is, and says that this depends on Accept-Encoding, to %j', async (request) => {
  const response = await exchange(await answering(sending({ etag: '"a"' })), request);
  expect(response).toContain(text);
  expect([valuesOf(response, 'Vary'), valuesOf(response, 'ETag')]).toEqual([['Accept-Encoding'], ['"a"']]);
});

test('P43 keeps what else a response varies by, and a validator that is weak already', async () => {
  const fields = { vary: 'Cookie, accept-encoding', etag: 'W/"a"' };
  const response = await exchange(await answering(sending(fields)), get());
  expect([valuesOf(response, 'Vary'), valuesOf(response, 'ETag')]).toEqual([['Cookie, accept-encoding'], ['W/"a"']]);
});

test('P43 gives HEAD and 304 the head that GET and 200 have', async () => {
  const head = await exchange(await answering(sending({ 'content-length': 9_000 })), get().replace('GET', 'HEAD'));
  expect([valuesOf(head, 'Content-Encoding'), valuesOf(head, 'Content-Length')]).toEqual([['gzip'], []]);
  expect(head).toMatch(/\r\n\r\n$/);
  const notModified = await exchange(await answering((res) => void res.writeHead(304, { etag: '"a"' }).end()), get());
  expect([statusOf(notModified), valuesOf(notModified, 'ETag')]).toEqual([304, ['W/"a"']]);
});

test.each([
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip, br', 'br'],
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['GZIP', 'gzip'],
  ['*', 'zstd'],
  ['*;q=0.1, zstd;q=0, br;q=0', 'gzip'],
  ['gzip;q=nonsense', undefined],
  ['', undefined],
])('P43 takes of %p %s', (accept, coding) => {
  expect(codingFor(accept)).toBe(coding);
});

test('P39 P43 lets no byte wait in the encoder: each chunk is there before the next is sent', async () => {
  const steps = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const port = await answering(async (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    for (const [index, step] of steps.entries()) {
      res.write(`{"n":${index}}\n`);
      await step.promise;
    }
    res.end();
  });
  const client = await dial(port);
  client.send(`${get().replaceAll('\n', '\r\n')}\r\nConnection: close\r\n\r\n`);
  await client.until('\r\n\r\n');
  for (const [index, step] of steps.entries()) {
    for (;;) {
      if ((await gunzipped(chunks(client.received))).includes(`{"n":${index}}`)) break;
      await sleep(5);
    }
    step.resolve();
  }
  expect(gunzipSync(chunks(await client.ended())).toString()).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
});

/** What can be read of a stream that has not ended. */
const gunzipped = async (part: Buffer): Promise<string> => {
  let read = '';
  const stream = createGunzip().on('data', (chunk: Buffer) => (read += chunk.toString()));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.write(part, resolve));
  stream.destroy();
  return read;
};

test('P37 P43 breaks off a compressed response whose target died', async () => {
  const port = await answering((res) => {
    res.writeHead(200, { 'content-type': 'text/plain' }).write(text);
    setTimeout(() => res.destroy(), 100);
  });
  const client = await dial(port);
  const response = await client.send(`${get().replaceAll('\n', '\r\n')}\r\n\r\n`).ended();
  expect(valuesOf(response, 'Content-Encoding')).toEqual(['gzip']);
  expect(response).not.toMatch(/0\r\n\r\n$/);
});

test('P35 P43 does not read ahead of a client that reads slowly', async () => {
  let written = 0;
  const port = await answering((res) => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    const more = (): void => {
      while (res.writable && written < 300_000_000) {
        written += 65_536;
        // What does not compress, so that the client's buffers fill.
        if (
          !res.write(Buffer.from(Array.from({ length: 4_096 }, () => Math.random().toString(36).slice(2, 18)).join('')))
        ) {
          return void res.once('drain', more);
        }
      }
    };
    more();
  });
  const client = await dial(port);
  client.send(`${get().replaceAll('\n', '\r\n')}\r\n\r\n`).socket.pause();
  let before = 0;
  while (written === 0 || before !== written) {
    before = written;
    await sleep(300);
  }
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(60_000_000);
  client.socket.destroy();
});
