import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { createHttp1Upstream } from '../../src/http1-client/create-http1-upstream.ts';
import type { FailureKind, Upstream, UpstreamCall, UpstreamRequest } from '../../src/upstream.ts';
import type { Target } from '../../src/route.ts';
import { closing, portOf, rawOrigin, target, type RawOrigin } from '../harness.ts';

const timeouts = { connectMs: 60_000, responseHeadersMs: 60_000, targetIdleMs: 60_000 };

const anUpstream = (ports: readonly number[], more: Partial<typeof timeouts> = {}): Upstream => {
  const upstream = createHttp1Upstream({ ...timeouts, ...more });
  upstream.retain(ports.map((port) => target(port)));
  closing(() => upstream.close());
  return upstream;
};

interface Result {
  readonly status?: number;
  readonly body: string;
  readonly trailers?: readonly string[] | undefined;
  readonly failure?: FailureKind;
}

interface Sent {
  readonly call: UpstreamCall;
  readonly result: Promise<Result>;
}

const send = (upstream: Upstream, port: number, more: Partial<UpstreamRequest & Target> = {}): Sent => {
  const { promise, resolve } = Promise.withResolvers<Result>();
  let status: number | undefined;
  let body = '';
  const call = upstream.send(
    { ...target(port), ...(more.host === undefined ? {} : { host: more.host }) },
    { method: 'GET', path: '/', fields: ['Host', 'app.test'], body: undefined, upgrade: false, fresh: false, ...more },
    {
      interim: () => {},
      started: (code) => {
        status = code;
      },
      data: (chunk) => {
        body += chunk.toString('latin1');
        return true;
      },
      waiting: () => {},
      ended: (trailers) =>
        resolve({ ...(status === undefined ? {} : { status }), body, ...(trailers && { trailers }) }),
      upgraded: (_, socket) => void socket.destroy(),
      failed: ({ kind }) => resolve({ ...(status === undefined ? {} : { status }), body, failure: kind }),
    },
  );
  return { call, result: promise };
};

const firstOf = (sockets: readonly Socket[]): Socket => {
  const [socket] = sockets;
  if (socket === undefined) throw new Error('nobody has connected');
  return socket;
};

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answering = (fields = ''): Promise<RawOrigin> =>
  rawOrigin((socket) => socket.write(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`));

test('sends one request after the other over one connection', async () => {
  const { port, sockets, received } = await answering();
  const upstream = anUpstream([port]);
  for (let i = 0; i < 3; i += 1) expect(await send(upstream, port).result).toMatchObject({ status: 200, body: 'ok' });
  expect(sockets).toHaveLength(1);
  expect(received[0]).toBe('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'.repeat(3));
});

test('sends requests at the same time over connections of their own, and keeps them', async () => {
  const { port, sockets } = await answering();
  const upstream = anUpstream([port]);
  const both = (): Promise<unknown> => Promise.all([send(upstream, port).result, send(upstream, port).result]);
  await both();
  await both();
  expect(sockets).toHaveLength(2);
});

test.each([
  'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  `${ok}!`,
])('P7 gives up the connection after %p', async (response) => {
  const { port, sockets } = await rawOrigin((socket) => socket.write(response));
  const upstream = anUpstream([port]);
  for (let i = 0; i < 2; i += 1) expect((await send(upstream, port).result).body).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test('P7 destroys an idle connection on which bytes arrive that nobody asked for', async () => {
  const { port, sockets } = await answering();
  const upstream = anUpstream([port]);
  await send(upstream, port).result;
  const gone = once(firstOf(sockets), 'close');
  sockets[0]?.write(ok);
  await gone;
  expect((await send(upstream, port).result).body).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test('P47 closes an idle connection after the idle time, before a server would', async () => {
  const { port, sockets } = await answering();
  const upstream = anUpstream([port], { targetIdleMs: 50 });
  await send(upstream, port).result;
  await once(firstOf(sockets), 'close');
});

test('P47 keeps a connection for as long as the server says, less a margin', async () => {
  const { port, sockets } = await answering('Keep-Alive: max=5, timeout=30\r\n');
  const upstream = anUpstream([port], { targetIdleMs: 20 });
  await send(upstream, port).result;
  await sleep(150);
  await send(upstream, port).result;
  expect(sockets).toHaveLength(1);
});

test('P47 does not keep a connection that the server gives no time', async () => {
  const { port, sockets } = await answering('Keep-Alive: timeout=0\r\n');
  const upstream = anUpstream([port]);
  for (let i = 0; i < 2; i += 1) await send(upstream, port).result;
  expect(sockets).toHaveLength(2);
});

test('P47 tells a used connection that died from one that was new', async () => {
  let answers = 0;
  const { port } = await rawOrigin((socket) => {
    answers += 1;
    if (answers === 1) socket.write(ok);
    else socket.destroy();
  });
  const upstream = anUpstream([port]);
  expect((await send(upstream, port).result).status).toBe(200);
  expect(await send(upstream, port).result).toEqual({ body: '', failure: 'stale' });
  expect(await send(upstream, port).result).toEqual({ body: '', failure: 'broken' });
});

test('P47 calls a used connection that died within the response broken', async () => {
  const { port } = await rawOrigin((socket, _, nth) => (nth === 1 ? socket.write(ok) : socket.end('HTTP/1')));
  const upstream = anUpstream([port]);
  await send(upstream, port).result;
  expect((await send(upstream, port).result).failure).toBe('broken');
});

test('P47 sends a fresh request over a new connection although an idle one is there', async () => {
  const { port, sockets } = await answering();
  const upstream = anUpstream([port]);
  await send(upstream, port).result;
  await send(upstream, port, { fresh: true }).result;
  expect(sockets).toHaveLength(2);
});

test.each([
  ['a closed port', '127.0.0.1', 1],
  ['a host that is none', 'no host', 80],
  ['a port that is none', '127.0.0.1', 70_000],
])('P46 fails with `connect` at %s', async (_, host, port) => {
  expect(await send(anUpstream([]), port, { host }).result).toEqual({ body: '', failure: 'connect' });
});

/** A listener that takes no connection, with its queue full: one more attempt hears nothing. */
const aDeafPort = async (): Promise<number> => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(code, { eval: true });
  closing(() => worker.terminate());
  const [port]: number[] = await once(worker, 'message');
  for (let i = 0; i < 4; i += 1) {
    const socket = connect({ port: port ?? 0, host: '127.0.0.1' }).on('error', () => {});
    closing(() => void socket.destroy());
  }
  await sleep(100);
  return port ?? 0;
};

test('P57 fails with `connect` when nobody takes the connection in time', async () => {
  const port = await aDeafPort();
  expect(await send(anUpstream([], { connectMs: 60 }), port).result).toEqual({ body: '', failure: 'connect' });
});

test('P57 fails with `timeout` when no head comes in time, an interim one notwithstanding', async () => {
  const { port } = await rawOrigin((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'));
  const upstream = anUpstream([port], { responseHeadersMs: 60 });
  expect(await send(upstream, port).result).toEqual({ body: '', failure: 'timeout' });
});

test('P57 waits for ever when no limit is set', async () => {
  const { port } = await rawOrigin((socket) => setTimeout(() => socket.write(ok), 150));
  expect((await send(anUpstream([port], { responseHeadersMs: 0 }), port).result).status).toBe(200);
});

test('P57 gives up a target that stops taking the body', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => void server.close());
  server.on('connection', (socket) => closing(() => void socket.destroy()));
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(65_536));
    },
  });
  const upstream = anUpstream([portOf(server)], { responseHeadersMs: 100 });
  expect((await send(upstream, portOf(server), { method: 'POST', body: endless }).result).failure).toBe('timeout');
  expect(endless.destroyed).toBe(true);
});

test('P40 hands over the trailers', async () => {
  const { port } = await rawOrigin((socket) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n'),
  );
  expect(await send(anUpstream([port]), port).result).toMatchObject({ body: 'ok', trailers: ['Grpc-Status', '0'] });
});

test.each([
  ['a line end in a value', { fields: ['Host', 'a\r\nX: y'] }],
  ['a character that becomes one', { fields: ['Host', 'a\u010aX: y'] }],
  ['a line end in a name', { fields: ['Host\r\nX', 'a'] }],
  ['a blank in the target', { path: '/a b' }],
  ['a line end in the target', { path: '/a\r\nX: y' }],
  ['two lengths', { fields: ['Content-Length', '1', 'Content-Length', '1'] }],
  ['a framing of its own', { fields: ['Transfer-Encoding', 'chunked'] }],
  ['a length and no body', { fields: ['Content-Length', '1'] }],
])('P5 does not send a request with %s', async (_, more) => {
  const { port, received } = await answering();
  expect((await send(anUpstream([port]), port, more).result).failure).toBe('broken');
  expect(received).toEqual([]);
});

test.each([
  ['longer', 'hello!'],
  ['shorter', 'hell'],
])('P5 breaks off a request whose body is %s than its length', async (_, text) => {
  const origin = await rawOrigin(() => {});
  const fields = ['Content-Length', '5'];
  const { result } = send(anUpstream([origin.port]), origin.port, {
    method: 'PUT',
    fields,
    body: Readable.from(slowly(text)),
  });
  expect((await result).failure).toBe('broken');
  expect(await origin.until('\r\n\r\n')).not.toContain('hello!');
  expect(origin.sockets).toHaveLength(1);
});

/** Bytes that come one by one: the head is on its way before the fault can be seen. */
async function* slowly(text: string): AsyncGenerator<Buffer> {
  for (const byte of text) {
    yield Buffer.from(byte);
    await sleep(10);
  }
}

test('P5 says that a POST without a body has none', async () => {
  const { port, received } = await answering();
  await send(anUpstream([port]), port, { method: 'POST' }).result;
  expect(received[0]).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
});

test('P36 destroys the connection of a call that is aborted, and says nothing more', async () => {
  const origin = await rawOrigin(() => {});
  const upstream = anUpstream([origin.port]);
  const { call, result } = send(upstream, origin.port);
  await origin.until('\r\n\r\n');
  const gone = once(firstOf(origin.sockets), 'close');
  call.abort();
  await gone;
  expect(await Promise.race([result, sleep(30, 'silence')])).toBe('silence');
});

test('P36 an abort after the end does not touch the request that came after', async () => {
  const { port, sockets } = await answering();
  const upstream = anUpstream([port]);
  const first = send(upstream, port);
  await first.result;
  const second = send(upstream, port);
  first.call.abort();
  first.call.resume();
  expect((await second.result).body).toBe('ok');
  expect(sockets).toHaveLength(1);
});

test('closes idle connections to a target that is not retained, now and when they become idle', async () => {
  const origin = await rawOrigin((socket, head) => {
    if (head.includes('/fast')) socket.write(ok);
    else setTimeout(() => socket.write(ok), 100);
  });
  const upstream = anUpstream([origin.port]);
  const slow = send(upstream, origin.port, { path: '/slow' });
  await send(upstream, origin.port, { path: '/fast' }).result;
  await origin.until('/slow');
  const gone = origin.sockets.map((socket) => once(socket, 'close'));
  upstream.retain([]);
  expect((await slow.result).body).toBe('ok');
  await Promise.all(gone);
});

test('fails what is in flight when it closes', async () => {
  const origin = await rawOrigin(() => {});
  const upstream = anUpstream([origin.port]);
  const { result } = send(upstream, origin.port);
  await origin.until('\r\n\r\n');
  await upstream.close();
  expect((await result).failure).toBe('broken');
});

test('P48 sends a small body together with its head: a second segment alone does not survive a full accept queue', async () => {
  const reads: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      reads.push(chunk.toString('latin1'));
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => void server.close());
  const port = portOf(server);
  const upstream = anUpstream([port]);
  for (const fields of [
    ['Host', 'app.test', 'Content-Length', '4'],
    ['Host', 'app.test'],
  ]) {
    reads.length = 0;
    const body = Readable.from([Buffer.from('body')]);
    expect((await send(upstream, port, { method: 'POST', fields, body, fresh: true }).result).status).toBe(200);
    expect(reads).toEqual([expect.stringMatching(/^POST \/ HTTP\/1\.1\r\n[^]*\r\n\r\n(?:4\r\n)?body/)]);
  }
});
