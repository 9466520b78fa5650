import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { attachProxy, proxyStatus, stopProxy } from '@orca/proxy/process';
import { freePort } from '@orca/tooling-testbed';
import { closing, exchange, portOf, route, statusOf, target, dial } from '../harness.ts';
import { anyPort, aPlace, eventually, get, helloState, inFlight, silentOrigin } from './a-place.ts';

const noSignal = new AbortController().signal;

/** Says raw lines on the control socket, and shows what came back. */
const talk = async (dir: string): Promise<{ socket: Socket; said: () => readonly Record<string, unknown>[] }> => {
  const socket = connect(join(dir, 'proxy.sock'));
  await once(socket, 'connect');
  closing(() => void socket.destroy());
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  // The last line may still be on its way.
  const said = (): readonly Record<string, unknown>[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { socket, said };
};

const call = (id: number, method: string, params: object = {}): string =>
  `${JSON.stringify({ kind: 'call', id, method, params })}\n`;

describe('who may tell the proxy what', () => {
  test('nobody but its owner can reach it', async () => {
    const place = aPlace();
    await place.attach();
    for (const file of ['proxy.sock', 'proxy.json', 'proxy.log', 'proxy.pid'])
      expect([file, (statSync(join(place.dir, file)).mode & 0o077).toString(8)]).toEqual([file, '0']);
  });

  test('half a message, garbage, unknown methods and bad tables change nothing', async () => {
    const place = aPlace();
    const proxy = await place.attach();
    await proxy.replace(await helloState());

    const half = await talk(place.dir);
    half.socket.write(call(1, 'hello', { role: 'visitor' }).slice(0, 20));
    half.socket.destroy();
    const garbage = await talk(place.dir);
    garbage.socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(garbage.socket, 'close');
    const stranger = await talk(place.dir);
    stranger.socket.write(call(1, 'state', { table: { routes: [] } }) + call(2, 'stop') + call(3, 'constructor'));
    await eventually(() => stranger.said().length === 3);
    expect(stranger.said().map(({ kind }) => kind)).toEqual(['fault', 'fault', 'fault']);
    const visitor = await talk(place.dir);
    visitor.socket.write(call(1, 'hello', { role: 'visitor' }) + call(2, 'state', { table: { routes: [] } }));
    await eventually(() => visitor.said().length === 2);
    expect(visitor.said()[1]).toMatchObject({ kind: 'fault', code: 'ORCA_PROXY_SUPERSEDED' });

    const bad: unknown = { table: { routes: [{ host: 'app.test', pathPrefix: '/', targets: 'none' }] } };
    await expect(proxy.replace(bad as Parameters<typeof proxy.replace>[0])).rejects.toMatchObject({
      code: 'ORCA_PROXY_TABLE_INVALID',
    });
    expect(statusOf(await exchange(proxy.address.port, get))).toBe(200);
  });

  test('a newer controller wins, and the older one is refused from then on', async () => {
    const place = aPlace();
    const older = await place.attach();
    const newer = await place.attach();
    await newer.replace({ table: { routes: [route([], { host: 'new.test' })] } });
    await expect(older.replace({ table: { routes: [] } })).rejects.toMatchObject({ code: 'ORCA_PROXY_SUPERSEDED' });
    expect((await proxyStatus(place.dir))?.routes).toBe(1);
  });

  test('a socket file and a name left over by a crash are no obstacle', async () => {
    const place = aPlace();
    const gone = createServer().listen(join(place.dir, 'proxy.sock'));
    await once(gone, 'listening');
    const { size } = statSync(place.dir);
    expect(size).toBeGreaterThan(0);
    writeFileSync(join(place.dir, 'proxy.pid'), '{"pid":1,"boot":"long ago","started":"1"}');
    gone.close();
    writeFileSync(join(place.dir, 'proxy.sock'), '');
    expect((await place.attach()).address.port).toBeGreaterThan(0);
  });
});

describe('ports, workers and disks', () => {
  test('a port in use is told as what it is, and nothing is left running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    closing(() => void other.close());
    const place = aPlace();
    const attached = place.attach({ config: { http: { ...anyPort, port: portOf(other) }, workers: 1 } });
    await expect(attached).rejects.toMatchObject({
      code: 'ORCA_PROXY_PORT_UNAVAILABLE',
      cause: { code: 'EADDRINUSE' },
    });
    expect(await proxyStatus(place.dir)).toBeUndefined();
    expect(existsSync(join(place.dir, 'proxy.pid'))).toBe(false);
  });

  test('another number of workers, and another port, are served by new workers; what is in flight ends well', async () => {
    const slow = await silentOrigin();
    const place = aPlace();
    const first = await place.attach();
    await first.replace({ table: { routes: [route([target(slow.port)])] } });
    const client = await inFlight(first.address.port, slow);
    const more = await place.attach({ config: { http: anyPort, workers: 2 } });
    expect(more.address).toEqual(first.address);
    expect((await more.status()).workers.filter(({ isServing }) => isServing)).toHaveLength(2);
    const port = await freePort();
    const moved = await place.attach({ config: { http: { ...anyPort, port }, workers: 2 } });
    expect(moved.address.port).toBe(port);
    expect(statusOf(await exchange(port, 'GET / HTTP/1.1\nHost: none.test'))).toBe(404);
    await expect(dial(first.address.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    slow.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect(await client.until(/ok$/)).toMatch(/^HTTP\/1.1 200/);
  });

  test('another address at the same port cannot be taken beside the one that serves, and the message says so', async () => {
    const place = aPlace();
    const first = await place.attach();
    await first.replace({ table: { routes: [route([])] } });
    const { port } = first.address;
    // By its number, where any was asked for before, it is the same.
    const same = await place.attach({ config: { http: { ...anyPort, port }, workers: 1 } });
    expect(same.address).toEqual(first.address);
    const other = place.attach({ config: { http: { host: '0.0.0.0', port }, workers: 1 } });
    await expect(other).rejects.toMatchObject({
      code: 'ORCA_PROXY_PORT_UNAVAILABLE',
      message: expect.stringMatching(/0\.0\.0\.0, port \d+: this proxy itself does, on 127\.0\.0\.1; end it/),
    });
    expect(statusOf(await exchange(port, get))).toBe(503);
  });

  test('a drain waits for every worker, and gives up with its signal', async () => {
    const slow = await silentOrigin();
    const place = aPlace();
    const proxy = await place.attach({ config: { http: anyPort, workers: 2 } });
    await proxy.replace({ table: { routes: [route([target(slow.port)])] } });
    const clients = await Promise.all(Array.from({ length: 6 }, () => dial(proxy.address.port)));
    for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await slow.until(/(?:Host: app.test[^]*){6}/);
    await expect(proxy.drain(`t${slow.port}`, { timeoutMs: 9_000, signal: noSignal })).rejects.toMatchObject({
      code: 'ORCA_PROXY_TARGET_ROUTED',
    });
    await proxy.replace({ table: { routes: [] } });
    const impatient = proxy.drain(`t${slow.port}`, { timeoutMs: 60_000, signal: AbortSignal.timeout(100) });
    await expect(impatient).rejects.toMatchObject({ name: 'TimeoutError' });
    const draining = proxy.drain(`t${slow.port}`, { timeoutMs: 60_000, signal: noSignal });
    for (const socket of slow.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    for (const client of clients) await client.until(/ok$/);
    await draining;
    const { connections } = await proxy.metrics();
    expect(connections.accepted).toBe(6);
  });

  test('a disk that takes nothing keeps no deploy from being served, and is tried again', async () => {
    const place = aPlace();
    const errors: string[] = [];
    const proxy = await place.attach({
      log: { info: () => undefined, error: (message) => void errors.push(message) },
    });
    // A directory in the place of the file that is about to be written: not even root can.
    const obstacle = join(place.dir, 'proxy.json.tmp');
    mkdirSync(obstacle);
    await proxy.replace({ table: { routes: [route([])] } });
    expect(statusOf(await exchange(proxy.address.port, get))).toBe(503);
    expect(errors.join()).toContain('cannot keep it on disk');
    rmdirSync(obstacle);
    await eventually(() => readFileSync(join(place.dir, 'proxy.json'), 'utf8').includes('app.test'));
  });

  test('who asks twice for its end does not wait for what is in flight', async () => {
    const slow = await silentOrigin();
    const place = aPlace();
    const proxy = await place.attach();
    await proxy.replace({ table: { routes: [route([target(slow.port)])] } });
    await inFlight(proxy.address.port, slow);
    proxy.detach();
    process.kill(proxy.pid, 'SIGTERM');
    await eventually(() => place.log().includes('"msg":"ends"'));
    process.kill(proxy.pid, 'SIGTERM');
    const begun = performance.now();
    await eventually(() => !existsSync(join(place.dir, 'proxy.pid')));
    // Alone the first one would have waited for ten seconds.
    expect(performance.now() - begun).toBeLessThan(9_000);
  });

  test('a path that no socket can have is refused in words', async () => {
    const dir = join(aPlace().dir, 'x'.repeat(100));
    const log = { info: () => undefined, error: () => undefined };
    await expect(attachProxy({ dir, config: { http: anyPort, workers: 1 }, log })).rejects.toThrow('too long a path');
  });

  test('two who start it at the same time get one proxy, and one of them controls it', async () => {
    const place = aPlace();
    const log = { info: () => undefined, error: () => undefined };
    const start = (): ReturnType<typeof attachProxy> =>
      attachProxy({ dir: place.dir, config: { http: anyPort, workers: 1 }, log });
    const both = await Promise.allSettled([start(), start()]);
    const [winner, ...others] = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    closing(() => winner?.detach());
    closing(() => others[0]?.detach());
    // Whoever came first may have been done before the other one took over.
    const late = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    for (const reason of late) expect(reason).toMatchObject({ code: 'ORCA_PROXY_SUPERSEDED' });
    expect((await proxyStatus(place.dir))?.pid).toBe(winner?.pid);
    expect(await exchange(winner?.address.port ?? 0, get)).toContain('404');
  });

  test('a stop ends all of it, and takes its name and its socket away', async () => {
    const place = aPlace();
    const proxy = await place.attach();
    proxy.detach();
    expect(await stopProxy(place.dir, 0)).toBe(true);
    expect(await stopProxy(place.dir, 0)).toBe(false);
    await expect(dial(proxy.address.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(['proxy.sock', 'proxy.pid'].filter((file) => existsSync(join(place.dir, file)))).toEqual([]);
  });
});
