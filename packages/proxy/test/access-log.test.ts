import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createLogRotator, createProxy, type AccessLogSettings, type ProxyEvent, type ProxyOptions } from '@orca/proxy';
import { LogFile, type LogSink } from '../src/access-log/log-file.ts';
import { rotateLog } from '../src/access-log/rotator.ts';
import { aProxy, closing, dial, exchange, rawOrigin, route, settled, target, type RunningProxy } from './harness.ts';

const aFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orca-log-'));
  closing(() => rmSync(folder, { recursive: true }));
  return folder;
};

type Line = Readonly<Record<string, unknown>>;
const linesOf = (path: string): readonly Line[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** With those of up to fifty former files. */
const allLinesOf = (path: string): readonly Line[] =>
  [path, ...Array.from({ length: 50 }, (_, age) => `${path}.${age + 1}`)].filter(existsSync).flatMap(linesOf);

const logging = async (settings: Partial<AccessLogSettings> = {}, options: Partial<ProxyOptions> = {}) => {
  const path = join(aFolder(), 'access.log');
  const origin = await rawOrigin((socket, head) => {
    if (!head.includes('/silent')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  });
  const routes = [route([target(origin.port, 'web/1')], { service: 'web', limits: { maxBodyBytes: 5 } })];
  const proxy = await aProxy(routes, { accessLog: { path, ...settings }, ...options });
  const lines = async (): Promise<readonly Line[]> => {
    await proxy.close(0);
    return linesOf(path);
  };
  return { path, proxy, origin, lines };
};

test('P69 writes one line for a request, with what an operator asks at night', async () => {
  const { proxy, lines, origin } = await logging({}, { trustedProxies: ['127.0.0.1'] });
  await exchange(
    proxy.port,
    'POST /a/../b?code=secret&x HTTP/1.1\nHost: app.test\nX-Forwarded-For: 192.0.2.9\nX-Request-Id: r-1\nContent-Length: 3',
    'abc',
  );
  expect(origin.received.join('')).toContain('X-Request-Id: r-1');
  expect(await lines()).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      client: '192.0.2.9',
      peer: '127.0.0.1',
      method: 'POST',
      host: 'app.test',
      path: '/a/../b?code=*&*',
      protocol: 'HTTP/1.1',
      tls: false,
      status: 200,
      bytesIn: 3,
      bytesOut: 5,
      headMs: expect.any(Number),
      ms: expect.any(Number),
      service: 'web',
      route: 'app.test/',
      target: 'web/1',
      id: 'r-1',
    },
  ]);
});

const nothing = 'GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n';

test.each([
  ['no route', nothing, 404, 'no route'],
  ['a malformed Host', 'GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n', 400, 'malformed Host'],
  ['what is no HTTP', 'SSH-2.0-client\r\n\r\n', 400, 'HPE_INVALID_METHOD'],
  ['a head that is too large', `GET / HTTP/1.1\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HPE_HEADER_OVERFLOW'],
  [
    'a body that is malformed',
    'POST /silent HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nx',
    400,
    'malformed body',
  ],
  [
    'a body that is too large',
    'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\n\r\n',
    413,
    'body larger than the route allows',
  ],
])('P69 writes one line for %s', async (_, bytes, status, reason) => {
  const { proxy, lines } = await logging();
  const client = await dial(proxy.port);
  await client.send(bytes).until('\r\n\r\n');
  const [line, ...more] = await lines();
  expect(line).toMatchObject({ client: '127.0.0.1', status, reason });
  expect(more).toEqual([]);
});

test('P36 P69 logs 499 for a client that left, and how long it waited', async () => {
  const { proxy, origin, lines } = await logging({}, { timeouts: { halfCloseMs: 20 } });
  const client = await dial(proxy.port);
  client.send('GET /silent HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await origin.until('/silent');
  const gone = new Promise((resolve) => origin.sockets[0]?.once('close', resolve));
  client.socket.destroy();
  await gone;
  expect(await lines()).toEqual([expect.objectContaining({ status: 499, path: '/silent', target: 'web/1' })]);
});

test('P37 P69 logs the status that was sent, and that the response broke off', async () => {
  const { proxy, lines } = await logging();
  const origin = await rawOrigin((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello'));
  proxy.replace({ routes: [route([target(origin.port)])] });
  const client = await dial(proxy.port);
  await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').ended();
  expect(await lines()).toEqual([expect.objectContaining({ status: 200, bytesOut: 5, reason: 'truncated' })]);
});

test('P46 P69 logs why a target gave no answer, and the client is told nothing of it', async () => {
  const { proxy, lines } = await logging();
  proxy.replace({ routes: [route([target(1, 'dead')])] });
  expect(await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test')).not.toMatch(/127\.0\.0\.1|ECONN/);
  expect(await lines()).toEqual([expect.objectContaining({ status: 502, target: 'dead', reason: 'connect' })]);
});

test('P69 lets nothing that a client sends break a line or steer a terminal', async () => {
  const { path, proxy, lines } = await logging({ fields: ['X-Odd', 'User-Agent'] });
  const odd = 'a"b\\c\x1b[31m\xe4\x9b{"status":200}';
  await exchange(
    proxy.port,
    `GET /"\\{}\x7c HTTP/1.1\nHost: app.test\nX-Odd: ${odd.replace('\x1b', '')}\nUser-Agent: me`,
  );
  const [line, ...more] = await lines();
  expect(line).toMatchObject({ fields: { 'x-odd': odd.replace('\x1b', ''), 'user-agent': 'me' } });
  expect(more).toEqual([]);
  expect(readFileSync(path, 'latin1')).toMatch(/^[\x20-\x7e]*\n$/);
});

test.each([
  [undefined, '/a?b=*&c=*&&*'],
  ['hide', '/a?b=*&c=*&&*'],
  ['keep', '/a?b=1&c=d=e&&f'],
  ['drop', '/a'],
] as const)('P69 with query %p writes %s', async (query, path) => {
  const { proxy, lines } = await logging(query === undefined ? {} : { query });
  await exchange(proxy.port, 'GET /a?b=1&c=d=e&&f HTTP/1.1\nHost: app.test');
  expect((await lines())[0]?.['path']).toBe(path);
});

test('P69 writes of credentials only what is no secret', async () => {
  const names = ['Cookie', 'Authorization', 'Referer', 'X-Api-Key', 'X-Kept', 'X-Absent'];
  const { path, proxy, lines } = await logging({ fields: names });
  await exchange(
    proxy.port,
    'GET / HTTP/1.1\nHost: app.test\nCookie: a=secret; b=secret\nAuthorization: Bearer secret\nReferer: http://a.test/?t=secret\nX-Api-Key: secret\nX-Kept: kept',
  );
  await exchange(proxy.port, 'GET http://me:secret@app.test/ HTTP/1.1\nHost: app.test\nAuthorization: secret');
  expect((await lines()).map(({ fields }) => fields)).toEqual([
    {
      cookie: 'a=*; b=*',
      authorization: 'Bearer *',
      referer: 'http://a.test/?t=*',
      'x-api-key': '*',
      'x-kept': 'kept',
    },
    { authorization: '*' },
  ]);
  expect(readFileSync(path, 'utf8')).not.toContain('secret');
});

const ask = async (proxy: RunningProxy, times: number): Promise<void> => {
  for (let i = 0; i < times; i += 1) await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
};

test('P69 goes on in a new file when somebody renamed the old one and says so', async () => {
  const { path, proxy, lines } = await logging();
  await ask(proxy, 2);
  await proxy.reopenLog();
  renameSync(path, `${path}.1`);
  await ask(proxy, 1);
  await proxy.reopenLog();
  await ask(proxy, 3);
  const [after, before] = [await lines(), linesOf(`${path}.1`)];
  expect(after.length + before.length).toBe(6);
  expect(after.length).toBeGreaterThanOrEqual(3);
  expect(before.length).toBeGreaterThanOrEqual(2);
});

test('P69 turns the file over by itself when it is told to', async () => {
  // As many as there can be at all: none is lost because it is turned over once more before the end.
  const { path, proxy } = await logging({ rotation: { maxBytes: 500, keep: 50 } });
  let asked = 0;
  while (!existsSync(`${path}.2`)) {
    await ask(proxy, 5);
    asked += 5;
    await sleep(100);
  }
  await proxy.close(0);
  expect(allLinesOf(path)).toHaveLength(asked);
});

test('P69 keeps as many former files as it is told to, also after a rotation that died half-way', async () => {
  const path = join(aFolder(), 'access.log');
  for (const [file, text] of [
    ['', 'new'],
    ['.1', 'one'],
    ['.3', 'three'],
  ] as const)
    writeFileSync(path + file, text);
  expect(await rotateLog({ path, maxBytes: 4, keep: 3 })).toBe(false);
  expect(await rotateLog({ path, maxBytes: 3, keep: 3 })).toBe(true);
  expect(['.1', '.2', '.3'].map((age) => readFileSync(path + age, 'utf8'))).toEqual(['new', 'one', 'three']);
  expect(existsSync(path)).toBe(false);
  expect(await rotateLog({ path, maxBytes: 3, keep: 3 })).toBe(false);
});

test('P69 loses no line and mixes none when several processes write while one turns the file over', async () => {
  const path = join(aFolder(), 'access.log');
  const onChange = (): void => {};
  const files = [1, 2, 3].map(() => new LogFile({ path, onChange, now: Date.now, everyMs: 1 }));
  const reopen = async (): Promise<void> => {
    await Promise.all(files.map((file) => file.reopen()));
  };
  const rotator = createLogRotator({
    path,
    maxBytes: 20_000,
    keep: 50,
    everyMs: 5,
    onRotated: reopen,
    onError: onChange,
  });
  for (let i = 0; i < 1_000; i += 1) {
    for (const [index, file] of files.entries())
      file.append(`{"writer":${index},"n":${i},"pad":"${'x'.repeat(i % 100)}"}\n`);
    if (i % 20 === 0) await sleep(1);
  }
  // There is more than enough in it for a first time.
  while (!existsSync(`${path}.1`)) await sleep(5);
  await rotator.close();
  for (const file of files) await file.close();
  const lines = allLinesOf(path);
  expect(new Set(lines.map(({ writer, n }) => `${String(writer)} ${String(n)}`)).size).toBe(3_000);
});

test('P69 answers requests as ever when the disk is full, and counts what it could not write', async () => {
  const { proxy } = await logging({ path: '/dev/full' });
  await ask(proxy, 3);
  const [event] = await when(proxy, (events) => events.length > 0);
  expect(event).toMatchObject({ kind: 'access-log-failed', cause: { code: 'ENOSPC' } });
  await ask(proxy, 3);
  await proxy.close(0);
  expect(proxy.events).toHaveLength(1);
  expect(proxy.metrics().logDropped).toBe(6);
});

test('P69 answers requests as ever when there is no such folder, and writes once there is', async () => {
  const folder = aFolder();
  const { proxy } = await logging({ path: join(folder, 'later', 'access.log') });
  await ask(proxy, 2);
  await when(proxy, (events) => events.length > 0);
  renameSync(mkdtempSync(join(folder, 'x')), join(folder, 'later'));
  await when(proxy, (events) => events.some(({ kind }) => kind === 'access-log-recovered'));
  expect(linesOf(join(folder, 'later', 'access.log'))).toHaveLength(2);
});

/** A disk that takes nothing, or only so many bytes, until it is told otherwise. */
class OddDisk implements LogSink {
  written = '';
  readonly #takes: (number | 'all')[];
  #held: Promise<unknown> | undefined;

  constructor(takes: readonly (number | 'all')[], held?: Promise<unknown>) {
    this.#takes = [...takes];
    this.#held = held;
  }

  async write(data: Buffer): Promise<{ bytesWritten: number }> {
    await this.#held;
    const take = this.#takes.shift() ?? 'all';
    const bytesWritten = take === 'all' ? data.length : take;
    this.written += data.toString('latin1', 0, bytesWritten);
    return { bytesWritten };
  }

  async close(): Promise<void> {}
}

test('P69 drops lines beyond its bound while the disk is slow, and says in the file how many', async () => {
  const held = Promise.withResolvers<void>();
  const disk = new OddDisk([], held.promise);
  const open = async (): Promise<LogSink> => disk;
  const file = new LogFile({ path: 'x', open, onChange: () => {}, now: () => 0, mostBytes: 10, everyMs: 1 });
  for (const line of ['1234\n', '5678\n', '9\n', '9\n']) file.append(line);
  expect(file.dropped).toBe(2);
  await sleep(20);
  held.resolve();
  await file.reopen();
  file.append('a\n');
  await file.close();
  expect(disk.written).toBe('1234\n5678\n{"time":"1970-01-01T00:00:00.000Z","dropped":2}\na\n');
});

test('P69 gives up the line that was written in part, and no other', async () => {
  const disk = new OddDisk([7]);
  const open = async (): Promise<LogSink> => disk;
  const file = new LogFile({ path: 'x', open, onChange: () => {}, now: () => 0, everyMs: 1 });
  for (const line of ['1234\n', '5678\n', '9\n']) file.append(line);
  await file.reopen();
  await file.close();
  expect(disk.written).toBe('1234\n56\n9\n');
  expect(file.dropped).toBe(1);
});

const when = async (
  proxy: RunningProxy,
  isTrue: (events: readonly ProxyEvent[]) => boolean,
): Promise<readonly ProxyEvent[]> => {
  for (let i = 0; i < 3_000 && !isTrue(proxy.events); i += 1) await sleep(20);
  expect(isTrue(proxy.events)).toBe(true);
  return proxy.events;
};

test('P69 needs no more memory than its bound while nothing can be written', async () => {
  const held = Promise.withResolvers<void>();
  const disk = new OddDisk([], held.promise);
  const file = new LogFile({
    path: 'x',
    open: async () => disk,
    onChange: () => {},
    now: () => 0,
    mostBytes: 1_000_000,
  });
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 500_000; i += 1) file.append(`${'x'.repeat(200)}\n`);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
  expect(file.dropped).toBeGreaterThan(490_000);
  held.resolve();
  await file.close();
});

test('P44 P69 logs an upgraded connection at its end, with the bytes of both directions', async () => {
  const { proxy, lines } = await logging();
  const origin = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (bytes: Buffer) => bytes.includes('ping') && socket.write('a longer pong'));
    socket.on('end', () => socket.end());
  });
  proxy.replace({ routes: [route([target(origin.port)])] });
  const client = await dial(proxy.port);
  client.send('GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until('101');
  await client.send('ping').until('a longer pong');
  client.socket.end();
  await client.ended();
  client.socket.destroy();
  await settled(proxy);
  expect(await lines()).toEqual([expect.objectContaining({ status: 101, path: '/chat', bytesIn: 4, bytesOut: 13 })]);
});

test.each<[string, object]>([
  ['path', { path: '' }],
  ['rotation', { path: 'x', rotation: { maxBytes: 0, keep: 1 } }],
  ['rotation', { path: 'x', rotation: { maxBytes: 1 } }],
  ['query', { path: 'x', query: 'no' }],
  ['fields', { path: 'x', fields: 'Cookie' }],
])('P69 refuses a log without a usable %s', (part, settings) => {
  const accessLog = settings as AccessLogSettings;
  expect(() => createProxy({ port: 0, accessLog })).toThrow(`no usable ${part}`);
});

test('P69 tells once that the file cannot be turned over, and goes on writing to it', async () => {
  const folder = aFolder();
  const path = join(folder, 'access.log');
  // A folder that is not empty stands where the former file would go.
  mkdirSync(join(`${path}.1`, 'in the way'), { recursive: true });
  const faults: unknown[] = [];
  writeFileSync(path, 'a line\n');
  const options = { path, maxBytes: 1, keep: 1, everyMs: 5, onRotated: () => {} };
  const rotator = createLogRotator({ ...options, onError: (cause) => void faults.push(cause) });
  while (faults.length === 0) await sleep(5);
  await sleep(100);
  await rotator.close();
  expect(faults).toHaveLength(1);
  expect(readFileSync(path, 'utf8')).toBe('a line\n');
});

test('P69 a proxy that retires has written its last lines when it is done', async () => {
  const { path, proxy } = await logging();
  const client = await dial(proxy.port);
  await client.send('GET /last HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n').ended();
  client.socket.destroy();
  await proxy.retire(5_000);
  // Whoever retired its proxy ends: nobody waits for lines any more.
  expect(readFileSync(path, 'utf8')).toContain('"/last"');
});
