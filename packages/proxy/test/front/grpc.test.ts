import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createH2cUpstream } from '../../src/h2c-client/create-h2c-upstream.ts';
import type { UpstreamHandler } from '../../src/upstream.ts';
import { closing, dial, exchange, route, target } from '../harness.ts';
import { ask, fieldOf, session } from './http2-harness.ts';
import { aSecureProxy, dialSecure, type SecureProxy } from './tls-harness.ts';

type Answerer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]) => void;

interface H2cOrigin {
  readonly proxy: SecureProxy;
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
}

/** A proxy before a server that speaks HTTP/2 in the clear and nothing else. */
const setup = async (answer: Answerer, timeouts = {}): Promise<H2cOrigin> => {
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ settings: { maxConcurrentStreams: 10 } });
  server.on('session', (one) => void sessions.push(one));
  server.on('stream', (stream, headers, _, raw) => {
    stream.on('error', () => {});
    answer(stream, headers, raw);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => {
    for (const one of sessions) one.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy = await aSecureProxy([route([{ ...target(port), protocol: 'h2c' }])], { timeouts });
  return { proxy, port, sessions };
};

/** How gRPC frames what it says: a flag, four bytes of length, the message. */
const message = (text: string): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
};

const call = { ':method': 'POST', ':path': '/pkg.Service/Call', 'content-type': 'application/grpc', te: 'trailers' };

test.each(['Content-Type', 'User-Agent', 'Authorization', 'If-Match', 'Date', 'constructor'])(
  'P70 P23 a %s that is said twice reaches an h2c target twice',
  async (name) => {
    const { proxy } = await setup((stream, _, raw) => {
      stream.respond({ ':status': 200 });
      stream.end(raw.filter((value, i) => i % 2 === 1 && raw[i - 1] === name.toLowerCase()).join());
    });
    const response = await exchange(proxy.port, `GET / HTTP/1.1\nHost: app.test\n${name}: a\n${name}: b`);
    expect(response).toMatch(/^HTTP\/1\.1 200 [^]*a,b/);
  },
);

test('P70 P46 what cannot be said in HTTP/2 is a 502, and not the end of the process', async () => {
  const { port } = await setup((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  const upstream = createH2cUpstream({ connectMs: 60_000, responseHeadersMs: 60_000 });
  closing(() => upstream.close());
  const failed = Promise.withResolvers<string>();
  const nothing = (): void => failed.resolve('an answer');
  const handler: UpstreamHandler = {
    interim: nothing,
    started: nothing,
    data: () => true,
    waiting: nothing,
    ended: nothing,
    upgraded: nothing,
    failed: ({ kind }) => failed.resolve(kind),
  };
  const request = {
    method: 'GET',
    path: '/',
    fields: ['connection', 'x'],
    body: undefined,
    upgrade: false,
    fresh: false,
  };
  upstream.send(target(port), request, handler);
  expect(await failed.promise).toBe('broken');
});

test('P38 an h2c target that answers before it has the whole body is not left with half a request', async () => {
  const closed = Promise.withResolvers<number>();
  const { proxy } = await setup((stream) => {
    stream.once('close', () => closed.resolve(stream.rstCode ?? 0));
    stream.respond({ ':status': 413 }, { endStream: true });
    stream.resume();
  });
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nhalf');
  expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 413/);
  // CANCEL, and no end that would make half of it a request.
  expect(await closed.promise).toBe(8);
});

test('P41 carries a call to an h2c target and back, with its trailers', async () => {
  const seen: IncomingHttpHeaders[] = [];
  const { proxy } = await setup((stream, headers) => {
    seen.push(headers);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.pipe(stream);
  });
  const { stream, answer } = ask(await session(proxy.httpsPort), call, null);
  stream.end(message('hello'));
  expect(await answer).toMatchObject({
    status: 200,
    body: message('hello').toString('latin1'),
    trailers: { 'grpc-status': '0', 'grpc-message': 'fine' },
    resetCode: 0,
  });
  expect(seen[0]).toMatchObject({
    ':path': '/pkg.Service/Call',
    ':authority': 'app.test',
    ':scheme': 'http',
    te: 'trailers',
    'x-forwarded-proto': 'https',
  });
  expect(seen[0]).not.toHaveProperty('host');
});

test('P41 keeps a trailers-only error what it is: one head that ends the stream', async () => {
  const { proxy } = await setup((stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'not found' },
      { endStream: true },
    );
  });
  const { stream, answer } = ask(await session(proxy.httpsPort), call, null);
  stream.end(message('hello'));
  const [, flags] = await once(stream, 'response');
  expect(Number(flags) & 1).toBe(1);
  const got = await answer;
  expect(got).toMatchObject({ status: 200, body: '', resetCode: 0, trailers: {} });
  expect(fieldOf(got, 'grpc-status')).toEqual(['5']);
});

test('P41 carries both directions of a stream at once, and goes on when one is done', async () => {
  const { proxy } = await setup((stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    // The client has said all; the server has not.
    stream.on('end', () => {
      stream.write('after');
      setTimeout(() => stream.end('the end'), 20);
    });
  });
  const { stream, answer } = ask(await session(proxy.httpsPort), call, null);
  for (const word of ['one', 'two']) {
    stream.write(word);
    expect(String((await once(stream, 'data'))[0])).toBe(word);
  }
  stream.end();
  expect(await answer).toMatchObject({ body: 'onetwoafterthe end', trailers: { 'grpc-status': '0' }, resetCode: 0 });
});

test('P41 lets the server end a call whose client still sends', async () => {
  const { proxy } = await setup((stream) => {
    stream.once('data', () => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '8' }));
      stream.end();
    });
  });
  const { stream, answer } = ask(await session(proxy.httpsPort), call, null);
  stream.write(message('more to come'));
  expect(await answer).toMatchObject({ status: 200, trailers: { 'grpc-status': '8' }, resetCode: 0 });
});

test('P41 cancels at the target what the client cancels, and never ends it first', async () => {
  const codes: unknown[] = [];
  const ended: string[] = [];
  const { proxy } = await setup((stream) => {
    stream.on('end', () => ended.push('end'));
    stream.on('aborted', () => ended.push('aborted'));
    stream.on('close', () => codes.push(stream.rstCode));
    stream.resume();
    stream.respond({ ':status': 200 });
    stream.write('x');
  });
  // Node's own close() would end the stream first.
  const cancel = new AbortController();
  const client = await session(proxy.httpsPort);
  const stream = client.request({ ':authority': 'app.test', ...call }, { signal: cancel.signal });
  stream.on('error', () => {}).write('half');
  await once(stream, 'data');
  cancel.abort();
  while (codes.length === 0) await sleep(5);
  expect(codes).toEqual([8]);
  expect(ended[0]).toBe('aborted');
});

test('P37 resets the client when an h2c target resets, or dies', async () => {
  const begun: ServerHttp2Stream[] = [];
  const { proxy, sessions } = await setup((stream) => {
    begun.push(stream);
    stream.respond({ ':status': 200 });
    stream.write('half');
  });
  const client = await session(proxy.httpsPort);
  for (const end of [() => begun[0]?.destroy(new Error('x')), () => sessions[0]?.destroy()]) {
    const { stream, answer } = ask(client);
    // What it said has arrived.
    await once(stream, 'data');
    end();
    expect(await answer).toMatchObject({ status: 200, body: 'half', resetCode: 2 });
  }
});

test('P46 answers 502 when an h2c target cannot be reached or says nothing, 504 when it takes too long', async () => {
  const { proxy } = await setup(
    (stream, headers) => {
      if (headers[':path'] === '/reset') stream.close(2);
      else if (headers[':path'] === '/quiet') stream.close(0);
    },
    // Long enough for the others, also on a machine with other work.
    { responseHeadersMs: 1_500 },
  );
  const client = await session(proxy.httpsPort);
  expect(await ask(client, { ':path': '/reset' }).answer).toMatchObject({ status: 502 });
  expect(await ask(client, { ':path': '/quiet' }).answer).toMatchObject({ status: 502 });
  expect(await ask(client, { ':path': '/slow' }).answer).toMatchObject({ status: 504 });
  proxy.replace({ routes: [route([{ ...target(1), protocol: 'h2c' }])] });
  expect(await ask(client).answer).toMatchObject({ status: 502 });
});

test('shares connections to an h2c target up to what it takes at once, and drops them with the target', async () => {
  // One to begin with; then none is answered before all of them are there.
  const waiting: ServerHttp2Stream[] = [];
  let isFirst = true;
  const { proxy, sessions } = await setup((stream) => {
    waiting.push(stream);
    if (!isFirst && waiting.length < 25) return;
    isFirst = false;
    for (const one of waiting.splice(0)) {
      one.respond({ ':status': 200 });
      one.end('ok');
    }
  });
  const client = await session(proxy.httpsPort);
  await ask(client).answer;
  const answers = await Promise.all(Array.from({ length: 25 }, () => ask(client).answer));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  // Ten at once are what one connection takes.
  expect(sessions).toHaveLength(3);
  proxy.replace({ routes: [] });
  for (const one of sessions) if (!one.destroyed) await once(one, 'close');
});

test('serves an h2c target to clients of HTTP/1.1', async () => {
  const { proxy } = await setup((stream) => {
    stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] });
    stream.pipe(stream);
  });
  const client = await dialSecure(proxy.httpsPort);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello');
  const response = await client.until('0\r\n\r\n');
  expect(response).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(response.match(/set-cookie: ./g)).toEqual(['set-cookie: a', 'set-cookie: b']);
  expect(response).toMatch(/\r\n5\r\nhello\r\n/);
});
