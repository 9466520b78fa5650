import { once } from 'node:events';
import { constants } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { createServer } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { expect, jest, test } from '@jest/globals';
import { createProxy, type Certificate, type Route } from '@orca/proxy';
import { closing, dial, httpOrigin, portOf, rawOrigin, route, target } from '../harness.ts';
import { eventually } from '../process/a-place.ts';
import { aLeaf, anAuthority, aPair, intermediate, root } from './issuer.ts';
import { aSecureProxy, certificate, dialSecure, refusal, shake } from './tls-harness.ts';

const echo = async (): Promise<readonly Route[]> => {
  const origin = await httpOrigin((req, res) =>
    res.end(`${String(req.headers['x-forwarded-proto'])} ${req.url ?? ''}`),
  );
  return [route([target(portOf(origin))])];
};

const unchecked = { rejectUnauthorized: false } as const;

/** What a client says first. */
const helloFor = async (servername: string): Promise<Buffer> => {
  const server = createServer().listen(0, '127.0.0.1');
  closing(() => void server.close());
  await once(server, 'listening');
  const socket = connect({ port: portOf(server), host: '127.0.0.1', servername });
  socket.on('error', () => {});
  const [accepted] = await once(server, 'connection');
  const [hello] = await once(accepted, 'data');
  socket.destroy();
  return hello;
};

/** The names of the certificate that a client is shown. */
const namesOf = (socket: TLSSocket): string => socket.getPeerCertificate().subjectaltname ?? '';

test('P28 says https to the target of a request that came encrypted', async () => {
  const proxy = await aSecureProxy(await echo());
  const client = await dialSecure(proxy.httpsPort);
  expect(await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /a')).toMatch(/^HTTP\/1\.1 200/);
});

test('P44 carries a WebSocket over TLS, and either end reaches the other', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
    socket.on('data', (chunk: Buffer) => socket.write(chunk));
    socket.on('end', () => socket.end('bye'));
  });
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const client = await dialSecure(proxy.httpsPort);
  const ask = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  await client.send(ask).until('hello');
  await client.send('\x81\x00ping').until('\x81\x00ping');
  client.socket.end();
  expect(await client.ended()).toMatch(/bye$/);
});

test('delivers the response to a client of TLS that has ended its side', async () => {
  const origin = await rawOrigin((socket) => {
    setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 50);
  });
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const client = await dialSecure(proxy.httpsPort, { allowHalfOpen: true } as ConnectionOptions);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').socket.end();
  expect(await client.ended()).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
});

test('P37 never ends a broken response in a way that looks complete over TLS', async () => {
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => setTimeout(() => socket.destroy(), 20));
  });
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const client = await dialSecure(proxy.httpsPort);
  client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  expect(await client.ended()).toMatch(/half$/);
  const old = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', () => {
      setTimeout(() => socket.destroy(), 20);
    });
  });
  proxy.replace({ routes: [route([target(old.port)])] });
  const closeDelimited = await dialSecure(proxy.httpsPort);
  closeDelimited.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await closeDelimited.ended();
  // Only the end of the connection delimits this response: it must not be a proper one.
  expect(closeDelimited.socket.readableEnded).toBe(false);
  expect(closeDelimited.error?.code).toBe('ECONNRESET');
});

test('P60 refuses TLS 1.1 and what has neither forward secrecy nor authenticated encryption', async () => {
  const proxy = await aSecureProxy([]);
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  expect(await refusal(proxy.httpsPort, old)).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA256']) {
    expect(await refusal(proxy.httpsPort, { maxVersion: 'TLSv1.2', ciphers })).toMatch(/HANDSHAKE_FAILURE/);
  }
  const modern = await shake(proxy.httpsPort, { maxVersion: 'TLSv1.2' });
  expect(modern.getCipher().name).toMatch(/^ECDHE-ECDSA-.*(?:GCM|CHACHA20)/);
});

test('P60 does not renegotiate', async () => {
  const proxy = await aSecureProxy(await echo());
  const socket = await shake(proxy.httpsPort, {
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
  const refused = new Promise((resolve) => {
    socket.once('error', resolve);
    socket.renegotiate({}, (error) => resolve(error));
  });
  expect(await refused).toMatchObject({ code: expect.stringMatching(/NO_RENEGOTIATION/) });
});

test('P61 shows the certificate of the exact name, then of the wildcard for one label, whatever the case', async () => {
  const certificates = [certificate('*.app.test'), certificate('b.app.test'), certificate('app.test')];
  const proxy = await aSecureProxy([], {}, certificates);
  const shown = async (servername: string): Promise<string> =>
    namesOf(await shake(proxy.httpsPort, { servername, ...unchecked }));
  expect(await shown('a.app.test')).toBe('DNS:*.app.test');
  expect(await shown('B.App.Test')).toBe('DNS:b.app.test');
  expect(await shown('app.test')).toBe('DNS:app.test');
  expect(await shown('x.b.app.test')).toBe('DNS:invalid');
});

test('P61 shows a self-signed certificate for an unknown name and for none, and serves', async () => {
  const proxy = await aSecureProxy(await echo());
  for (const servername of ['nobody.test', '']) {
    const client = await dialSecure(proxy.httpsPort, { servername, ...unchecked });
    expect(await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /a')).toMatch(/^HTTP\/1\.1 200/);
  }
});

test('P61 shows the default certificate where there is one', async () => {
  const proxy = await aSecureProxy([], {}, [certificate('app.test'), { ...certificate('b.test'), isDefault: true }]);
  for (const servername of ['', 'nobody.test', 'b.test']) {
    expect(namesOf(await shake(proxy.httpsPort, { servername, ...unchecked }))).toBe('DNS:b.test');
  }
  proxy.setCertificates([certificate('app.test')]);
  expect(namesOf(await shake(proxy.httpsPort, { servername: '', ...unchecked }))).toBe('DNS:invalid');
});

test('P61 refuses an unknown name with its alert when told to, and still serves who names none', async () => {
  const proxy = await aSecureProxy(await echo(), { https: { port: 0, unknownNames: 'refuse' } });
  expect(await refusal(proxy.httpsPort, { servername: 'nobody.test' })).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
  expect(namesOf(await shake(proxy.httpsPort, { servername: '', ...unchecked }))).toBe('DNS:invalid');
  const client = await dialSecure(proxy.httpsPort);
  await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /a');
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'P62 swaps a certificate under connections and tickets of %s',
  async (version) => {
    const proxy = await aSecureProxy(await echo());
    const options = { ALPNProtocols: ['http/1.1'], minVersion: version, maxVersion: version };
    const before = await dialSecure(proxy.httpsPort, options);
    const first = before.socket as TLSSocket;
    const session = version === 'TLSv1.2' ? first.getSession() : (await once(first, 'session'))[0];
    // Node's client loses what is written while it tells of its ticket.
    await setImmediate();
    const serial = first.getPeerCertificate().serialNumber;
    expect(proxy.setCertificates([certificate('app.test')])).toEqual([]);
    await before.send('GET /old HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /old');
    const fresh = await shake(proxy.httpsPort, options);
    expect(fresh.getPeerCertificate().serialNumber).not.toBe(serial);
    const resumed = await shake(proxy.httpsPort, { ...options, session });
    expect(resumed.isSessionReused()).toBe(true);
  },
);

test('P63 seals tickets with keys that change, and shares them between proxies that are told to', async () => {
  const certificates = [certificate('app.test')];
  const [one, two] = [await aSecureProxy([], {}, certificates), await aSecureProxy([], {}, certificates)];
  const ticket = async (port: number): Promise<Buffer> => (await once(await shake(port), 'session'))[0];
  const isReused = async (port: number, session: Buffer): Promise<boolean> =>
    (await shake(port, { session })).isSessionReused();
  expect(await isReused(one.httpsPort, await ticket(one.httpsPort))).toBe(true);
  expect(await isReused(two.httpsPort, await ticket(one.httpsPort))).toBe(false);
  const keys = Buffer.alloc(48, 7);
  one.setTicketKeys(keys);
  two.setTicketKeys(keys);
  const shared = await ticket(one.httpsPort);
  expect(await isReused(two.httpsPort, shared)).toBe(true);
  two.setTicketKeys(Buffer.alloc(48, 8));
  expect(await isReused(two.httpsPort, shared)).toBe(false);
});

test('P63 changes the keys of its tickets every day by itself', async () => {
  const dayMs = 86_400_000;
  jest.useFakeTimers({
    doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'Date', 'performance', 'queueMicrotask'],
  });
  try {
    const proxy = await aSecureProxy([]);
    const [ticket] = await once(await shake(proxy.httpsPort), 'session');
    jest.advanceTimersByTime(dayMs - 1);
    expect((await shake(proxy.httpsPort, { session: ticket })).isSessionReused()).toBe(true);
    jest.advanceTimersByTime(1);
    expect((await shake(proxy.httpsPort, { session: ticket })).isSessionReused()).toBe(false);
  } finally {
    jest.useRealTimers();
  }
});

test('P64 agrees on HTTP/2 or HTTP/1.1, and refuses other protocols with the alert for that', async () => {
  const proxy = await aSecureProxy([]);
  const agreed = async (...ALPNProtocols: string[]): Promise<unknown> =>
    (await shake(proxy.httpsPort, { ALPNProtocols })).alpnProtocol;
  expect(await agreed('http/1.1', 'h2')).toBe('h2');
  expect(await agreed('http/1.1')).toBe('http/1.1');
  expect(await agreed()).toBe(false);
  for (const protocol of ['http/1.0', 'acme-tls/1']) {
    expect(await refusal(proxy.httpsPort, { ALPNProtocols: [protocol] })).toMatch(/NO_APPLICATION_PROTOCOL/);
  }
});

test('P64 agrees on HTTP/1.1 alone where HTTP/2 is turned off', async () => {
  const proxy = await aSecureProxy([], { https: { port: 0, bind: '127.0.0.1', http2: false } });
  const both = await shake(proxy.httpsPort, { ALPNProtocols: ['h2', 'http/1.1'] });
  expect(both.alpnProtocol).toBe('http/1.1');
  expect(await refusal(proxy.httpsPort, { ALPNProtocols: ['h2'] })).toMatch(/NO_APPLICATION_PROTOCOL/);
});

test('P64 answers tls-alpn-01 while a challenge is live, and serves others meanwhile', async () => {
  const proxy = await aSecureProxy(await echo());
  const challenge = { name: 'app.test', ...aPair('app.test', 'challenge.test') };
  proxy.setChallengeCertificates([challenge]);
  const look = { ALPNProtocols: ['acme-tls/1'] };
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const issuer = await shake(proxy.httpsPort, { ...look, minVersion: version, maxVersion: version });
    expect(issuer.alpnProtocol).toBe('acme-tls/1');
    expect(namesOf(issuer)).toContain('challenge.test');
  }
  expect(await refusal(proxy.httpsPort, { ...look, servername: 'other.test' })).toMatch(/NO_APPLICATION_PROTOCOL/);
  const client = await dialSecure(proxy.httpsPort);
  await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /a');
  expect(namesOf(client.socket as TLSSocket)).toBe('DNS:app.test');
  const broken = { ...challenge, keyPem: 'key' };
  expect(() => proxy.setChallengeCertificates([broken])).toThrow(/challenge certificate of app\.test cannot be read/);
  expect((await shake(proxy.httpsPort, look)).alpnProtocol).toBe('acme-tls/1');
  proxy.setChallengeCertificates([]);
  expect(await refusal(proxy.httpsPort, look)).toMatch(/NO_APPLICATION_PROTOCOL/);
});

test('P65 sends the chain in full and without its root, and staples nothing', async () => {
  const { certPem, keyPem } = aPair('app.test');
  const proxy = await aSecureProxy([], {}, [{ names: ['app.test'], certPem: certPem + root.certPem, keyPem }]);
  const socket = await shake(proxy.httpsPort, { requestOCSP: true });
  const leaf = socket.getPeerCertificate(true);
  expect(leaf.issuerCertificate.subject.CN).toBe('Test Intermediate');
  const strict = await shake(proxy.httpsPort, { ca: intermediate.certPem, allowPartialTrustChain: true });
  expect(strict.authorized).toBe(true);
});

const faulty = (): readonly [string, Omit<Certificate, 'names'>, RegExp][] => {
  const good = aPair('app.test');
  const leaf = aLeaf(['app.test'], intermediate);
  const stranger = anAuthority('Stranger');
  return [
    ['the key of another', { ...good, keyPem: leaf.keyPem }, /key does not belong/],
    ['a key that is none', { ...good, keyPem: 'key' }, /key does not belong/],
    ['no certificate', { ...good, certPem: '' }, /no certificate/],
    ['a broken certificate', { ...good, certPem: leaf.certPem.replace('MII', 'MMM') }, /cannot be read/],
    ['a chain out of order', { ...leaf, certPem: leaf.certPem + root.certPem + intermediate.certPem }, /out of order/],
    ['a stranger in its chain', { ...leaf, certPem: leaf.certPem + stranger.certPem }, /out of order/],
    ['the certificate of another name', aPair('other.test'), /not for app\.test/],
  ];
};

test('P65 refuses what cannot be served, with the reason, and goes on with what there was', async () => {
  const proxy = await aSecureProxy([]);
  const { serialNumber } = (await shake(proxy.httpsPort)).getPeerCertificate();
  for (const [what, pair, reason] of faulty()) {
    const refused = proxy.setCertificates([{ names: ['app.test'], ...pair }, certificate('new.test')]);
    expect({ what, refused }).toEqual({
      what,
      refused: [{ names: ['app.test'], reason: expect.stringMatching(reason) }],
    });
    expect(JSON.stringify(refused)).not.toContain('PRIVATE');
    expect((await shake(proxy.httpsPort)).getPeerCertificate().serialNumber).toBe(serialNumber);
    expect(namesOf(await shake(proxy.httpsPort, { servername: 'new.test' }))).toBe('DNS:new.test');
  }
});

/** Resets its connection while this thread is busy, and comes again from the same port. */
const returning = `
  const { connect } = require('node:net');
  const tls = require('node:tls');
  const { parentPort, workerData } = require('node:worker_threads');
  const { port, busy } = workerData;
  // Bound by name: a port that connect() picks may be another connection's as well.
  const first = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1' });
  first.on('error', () => {});
  first.once('connect', () => parentPort.postMessage('connected'));
  const told = setInterval(() => {
    if (Atomics.load(busy, 1) === 0) return;
    clearInterval(told);
    const { localPort } = first;
    first.once('close', () => {
      const second = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort });
      second.once('connect', () => {
        const secured = tls.connect({ socket: second, servername: 'app.test', rejectUnauthorized: false });
        secured.write('GET / HTTP/1.1\\r\\nHost: app.test\\r\\n\\r\\n');
        secured.once('data', (chunk) => parentPort.postMessage(chunk.toString()));
        for (const end of ['error', 'close']) secured.once(end, () => parentPort.postMessage(end));
        Atomics.store(busy, 0, 1);
        Atomics.notify(busy, 0);
      });
      second.once('error', (error) => {
        parentPort.postMessage(String(error));
        Atomics.store(busy, 0, 2);
        Atomics.notify(busy, 0);
      });
    });
    first.resetAndDestroy();
  }, 1);
`;

test('P70 a client that resets its connection and comes again from the same port is served', async () => {
  const proxy = await aSecureProxy([]);
  const busy = new Int32Array(new SharedArrayBuffer(8));
  const client = new Worker(returning, { eval: true, workerData: { port: proxy.httpsPort, busy } });
  closing(async () => void (await client.terminate()));
  expect((await once(client, 'message'))[0]).toBe('connected');
  while (proxy.metrics().connections.open === 0) await setImmediate();
  Atomics.store(busy, 1, 1);
  // What this thread then finds at once: the reset, and the next connection.
  expect(Atomics.wait(busy, 0, 0, 60_000)).not.toBe('timed-out');
  expect((await once(client, 'message'))[0]).toMatch(/^HTTP\/1\.1 404/);
});

test('P65 a name that can be none is a certificate refused, and harms no other', async () => {
  const proxy = await aSecureProxy([]);
  const refused = proxy.setCertificates([{ names: ['a\0b'], ...aPair('app.test') }, certificate('new.test')]);
  expect(refused).toMatchObject([{ names: ['a\0b'], reason: expect.stringMatching(/not for/) }]);
  expect(namesOf(await shake(proxy.httpsPort, { servername: 'new.test' }))).toBe('DNS:new.test');
});

test.each([
  [1_000, '15'],
  [100, '15'],
  // So many records as no client sends are left to TLS itself, which answers with the default.
  [20, '16'],
])('P64 reads a ClientHello that comes in pieces and in records of %i bytes', async (size, type) => {
  const proxy = await aSecureProxy([], { https: { port: 0, unknownNames: 'refuse' } });
  const hello = await helloFor('nobody.test');
  const raw = await dial(proxy.httpsPort);
  const message = hello.subarray(5);
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    const head = Buffer.from([0x16, 3, 1, 0, 0]);
    head.writeUInt16BE(part.length, 3);
    if (!raw.socket.destroyed) raw.socket.write(Buffer.concat([head, part]));
    if (at % 50 === 0) await setImmediate();
  }
  const answer = await raw.until(/./s);
  expect(Buffer.from(answer, 'latin1').subarray(0, 1).toString('hex')).toBe(type);
});

test('listens on both ports or on none', async () => {
  const taken = await aSecureProxy([]);
  const proxy = createProxy({ port: 0, bind: '127.0.0.1', https: { port: taken.httpsPort } });
  await expect(proxy.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(() => proxy.address).toThrow(/no address/);
  await proxy.close(0);
});

test('listens on both ports when it is asked again, once the one that was taken is free', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const at = { port: 0, bind: '127.0.0.1' };
  const proxy = createProxy({ ...at, https: { ...at, port: portOf(taken) } });
  closing(() => proxy.close(0));
  await expect(proxy.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await new Promise((done) => taken.close(done));
  await proxy.listen();
  expect([proxy.address.port, proxy.httpsAddress?.port]).toEqual([expect.any(Number), expect.any(Number)]);
  await expect(proxy.listen()).rejects.toMatchObject({ code: 'ORCA_PROXY_ALREADY_LISTENING' });
});

test('P70 survives handshakes of every bad kind, and tells of them', async () => {
  const proxy = await aSecureProxy(await echo(), {
    https: { port: 0, unknownNames: 'refuse' },
    timeouts: { tlsHandshakeMs: 200 },
  });
  const hello = Buffer.from('160301000401000000', 'hex');
  for (const bytes of [
    'GET / HTTP/1.1\r\n\r\n',
    '\x16\x03\x01\xff\xff\x01',
    '\x16\x03\x01\x00\x01\x02',
    hello.toString('latin1'),
  ]) {
    const client = await dial(proxy.httpsPort);
    client.send(bytes);
    if (bytes.startsWith('\x16\x03\x01\xff')) client.socket.resetAndDestroy();
    else await client.ended();
  }
  for (const servername of ['a'.repeat(250), 'xn--\u0000', '..', '*.test']) {
    expect(await refusal(proxy.httpsPort, { servername, checkServerIdentity: () => undefined })).toBeDefined();
  }
  const silent = await dial(proxy.httpsPort);
  silent.send('\x16\x03\x01');
  // Also a good one may take longer than these are given, on a machine with other work.
  const client = await eventually(() => dialSecure(proxy.httpsPort).catch(() => undefined));
  await client.send('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n').until('https /a');
  client.socket.destroy();
  expect(proxy.events).toContainEqual(expect.objectContaining({ kind: 'handshake-failed', peer: '127.0.0.1' }));
});
