import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import {
  aProxy,
  bodyOf,
  closing,
  dial,
  exchange,
  httpOrigin,
  portOf,
  rawOrigin,
  route,
  statusOf,
  target,
  valuesOf,
  type RawClient,
} from './harness.ts';

/** The client's view of an origin that answers these bytes and then closes or keeps open. */
const answered = async (response: string, request = 'GET / HTTP/1.1\nHost: app.test'): Promise<string> => {
  const origin = await rawOrigin((socket) => void socket.end(response, 'latin1'));
  const proxy = await aProxy([route([target(origin.port)])]);
  return exchange(proxy.port, request);
};

test('P32 answers HEAD without a body and with its length', async () => {
  const response = await answered('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD / HTTP/1.1\nHost: app.test');
  expect(response).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n');
});

test('P32 keeps the connection after a HEAD whose response would be chunked', async () => {
  const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'));
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  await client.send('HEAD /1 HTTP/1.1\r\nHost: app.test\r\n\r\n').until('\r\n\r\n');
  const response = await client.send('HEAD /2 HTTP/1.1\r\nHost: app.test\r\n\r\n').until(/\r\n\r\n[^]*\r\n\r\n/);
  expect(response.match(/^HTTP\/1\.1 200/gm)).toHaveLength(2);
});

test('P32 takes the length off a 204', async () => {
  expect(await answered('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')).toBe(
    'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
  );
});

test('P32 gives a 205 the length 0 and no body', async () => {
  expect(await answered('HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello')).toBe(
    'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  );
});

test('P32 keeps length and validator of a 304', async () => {
  expect(await answered('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n')).toBe(
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\nConnection: close\r\n\r\n',
  );
});

test('frames a response without a length as chunked, and for HTTP/1.0 by the end of the connection', async () => {
  const response = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n';
  expect(await answered(response)).toMatch(/transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/i);
  const old = await answered(response, 'GET / HTTP/1.0\nHost: app.test');
  expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\nhello$/);
});

test.each([
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'SSH-2.0-OpenSSH\r\n',
])('P46 answers 502 to an origin that says %p', async (response) => {
  expect(statusOf(await answered(response))).toBe(502);
});

test('P33 answers 100 once a target takes the body, and forwards no Expect', async () => {
  const origin = await httpOrigin(
    (req, res) => void req.pipe(res.writeHead(200, { 'x-expect': String(req.headers.expect) })),
  );
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  const response = await client.send('hello').until('0\r\n\r\n');
  expect(response).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*x-expect: undefined\r\n[^]*hello/m);
});

test.each([
  ['there is no route', 'nobody.test', 404],
  ['no target takes the body', 'app.test', 502],
])('P33 answers the final status without a 100 when %s', async (_, host, status) => {
  const proxy = await aProxy([route([target(1)])]);
  const client = await dial(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  expect(statusOf(await client.ended())).toBe(status);
});

test('P33 answers 417 to another expectation', async () => {
  const proxy = await aProxy([route([target(1)])]);
  expect(statusOf(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test\nExpect: cookies'))).toBe(417);
});

const hints =
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>; rel=preload\r\n\r\n' +
  'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('P34 relays 103 and 102 before the response', async () => {
  expect(await answered(hints)).toMatch(
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload\r\nLink: <\/b>; rel=preload\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK/,
  );
});

test.each(['100 Continue', '103 Early Hints'])('P34 gives up a target that says %s without an end', async (interim) => {
  const origin = await rawOrigin((socket) => {
    const say = (): void => {
      if (!socket.destroyed) socket.write(`HTTP/1.1 ${interim}\r\n\r\n`.repeat(1_000), say);
    };
    say();
  });
  const proxy = await aProxy([route([target(origin.port)])]);
  const response = await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
  expect(response).toMatch(/HTTP\/1\.1 502 [^]*$/);
  expect(response.match(/ 103 /g)?.length ?? 0).toBeLessThanOrEqual(100);
});

test('P34 relays no interim response to HTTP/1.0', async () => {
  expect(await answered(hints, 'GET / HTTP/1.0\nHost: app.test')).toMatch(/^HTTP\/1\.1 200 OK/);
});

test('P35 passes on the first byte of a request body before the last was sent', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nfirst');
  expect(await origin.until('first')).toMatch(/\r\n\r\nfirst$/);
});

test('P35 streams both ways at once', async () => {
  const origin = await httpOrigin((req, res) => void req.pipe(res));
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n');
  await client.until('4\r\nping\r\n');
  await client.send('4\r\npong\r\n').until('4\r\npong\r\n');
  expect(await client.send('0\r\n\r\n').ended()).toMatch(/pong\r\n0\r\n\r\n$/);
});

test('P36 cuts the upload to the target at once when the client leaves', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  await origin.until('first');
  const gone = new Promise((resolve) => origin.sockets[0]?.once('close', resolve));
  client.socket.destroy();
  await gone;
  expect(origin.received[0]).not.toContain('0\r\n\r\n');
});

test('P36 aborts at the target what a client that left waits for, and blames nobody', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port, 'a')])], { timeouts: { halfCloseMs: 50 } });
  const client = await dial(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await origin.until('\r\n\r\n');
  const gone = new Promise((resolve) => origin.sockets[0]?.once('close', resolve));
  client.socket.destroy();
  await gone;
  expect(proxy.events).toEqual([{ kind: 'client-gone', targetId: 'a' }]);
});

test('P36 aborts a download whose client left', async () => {
  const origin = await httpOrigin((_, res) => {
    const timer = setInterval(() => res.write('x'.repeat(10_000)), 5);
    res.on('close', () => clearInterval(timer));
    closing(() => clearInterval(timer));
  });
  const gone = new Promise((resolve) => origin.on('connection', (socket) => socket.once('close', resolve)));
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const client = await dial(proxy.port);
  await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').until('xxx');
  client.socket.destroy();
  await gone;
});

test('delivers the response to a client that has ended its side', async () => {
  const origin = await rawOrigin((socket) =>
    setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 50),
  );
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.socket.end('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  expect(bodyOf(await client.ended())).toBe('ok');
});

test.each([
  ['Content-Length: 100', 'HTTP/1.1'],
  ['Transfer-Encoding: chunked', 'HTTP/1.1'],
])('P37 breaks off when the target dies within a body of %s', async (framing, version) => {
  const origin = await rawOrigin((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
    setTimeout(() => socket.destroy(), 30);
  });
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  const response = await client.send(`GET / ${version}\r\nHost: app.test\r\n\r\n`).ended();
  expect(response).toContain('hello');
  expect(response).not.toMatch(/0\r\n\r\n$/);
  expect(proxy.events).toEqual([expect.objectContaining({ kind: 'response-truncated' })]);
});

test('P37 resets an HTTP/1.0 client, for which a plain close would be a complete response', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    setTimeout(() => socket.destroy(), 30);
  });
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  await client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n').ended();
  expect(client.error?.code).toBe('ECONNRESET');
});

test('P38 delivers an early response in full while the upload goes on, then closes', async () => {
  const text = 'x'.repeat(100_000);
  const origin = await rawOrigin((socket) =>
    socket.write(`HTTP/1.1 413 Too Large\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
  );
  const proxy = await aProxy([route([target(origin.port)])]);
  const client = await dial(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 50000000\r\n\r\n`);
  // As much as is taken, and no more: whatever waits for a proxy that is slow would fill this process's memory.
  const { socket } = client;
  const upload = setInterval(() => socket.writable && !socket.writableNeedDrain && client.send('y'.repeat(100_000)), 1);
  closing(() => clearInterval(upload));
  const response = await client.ended();
  expect(statusOf(response)).toBe(413);
  expect(valuesOf(response, 'Connection')).toEqual(['close']);
  expect(bodyOf(response)).toBe(text);
});

test.each(['text/event-stream', 'text/event-stream; charset=utf-8', 'text/plain'])(
  'P39 flushes the head of %s at once, and each chunk within 50 ms',
  async (type) => {
    const steps = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
    const tookMs: number[] = [];
    const origin = await httpOrigin(async (_, res) => {
      res.writeHead(200, { 'content-type': type }).flushHeaders();
      for (const [index, step] of steps.entries()) {
        await step.promise;
        res.write(`data: ${index}\n\n`);
      }
      res.end();
    });
    const proxy = await aProxy([route([target(portOf(origin))])]);
    const client = await dial(proxy.port);
    await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').until('\r\n\r\n');
    for (const [index, step] of steps.entries()) {
      const begun = performance.now();
      step.resolve();
      await client.until(`data: ${index}\n`);
      tookMs.push(performance.now() - begun);
    }
    // A proxy that waits for more waits each time; a machine with other work does not.
    expect(Math.min(...tookMs)).toBeLessThan(50);
  },
);

test('P39 lets an event stream be silent for longer than other bodies', async () => {
  const last = Promise.withResolvers<void>();
  const origin = await httpOrigin((req, res) => {
    const isStream = req.url === '/events';
    res.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'text/plain' }).write('first');
    if (isStream) void last.promise.then(() => res.end('last'));
  });
  const proxy = await aProxy([route([target(portOf(origin))])], { timeouts: { responseIdleMs: 60 } });
  const ask = async (path: string): Promise<RawClient> =>
    (await dial(proxy.port)).send(`GET ${path} HTTP/1.0\r\nHost: app.test\r\n\r\n`);
  const events = await ask('/events');
  await events.until('first');
  // Silent for longer than each of these bodies that came after it.
  for (let nth = 0; nth < 3; nth += 1) await (await ask('/plain')).ended();
  last.resolve();
  expect(await events.ended()).toMatch(/firstlast$/);
});

test('P35 lets a slow reader take its time without buffering for it', async () => {
  let written = 0;
  const origin = await httpOrigin((_, res) => {
    const more = (): void => {
      while (res.writable && written < 200_000_000) {
        written += 65_536;
        if (!res.write(Buffer.alloc(65_536, 'x'))) return void res.once('drain', more);
      }
    };
    more();
  });
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const client = await dial(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').socket.pause();
  let before = 0;
  while (written === 0 || before !== written) {
    before = written;
    await sleep(150);
  }
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(40_000_000);
});
