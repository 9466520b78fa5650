import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { ownProgram, proxyStatus, type AttachedProxy, type ProxyState } from '@orca/proxy/process';
import { dial, exchange, httpOrigin, portOf, rawOrigin, route, statusOf, target } from '../harness.ts';
import { aPlace, eventually, type APlace } from './a-place.ts';
import { load } from './load.ts';

const get = 'GET / HTTP/1.1\nHost: app.test';
const http = { host: '127.0.0.1', port: 0 };

const aState = async (): Promise<ProxyState> => {
  const origin = await httpOrigin((_, res) => res.end('hello'));
  return { table: { routes: [route([target(portOf(origin))])] } };
};

/** Two workers that serve, and the pids of them. */
const twoWorkers = async (place: APlace): Promise<{ proxy: AttachedProxy; pids: readonly number[] }> => {
  const proxy = await place.attach({ config: { http, workers: 2 } });
  await proxy.replace(await aState());
  return { proxy, pids: await serving(place) };
};

const serving = async (place: APlace): Promise<readonly number[]> =>
  ((await proxyStatus(place.dir))?.workers ?? []).filter(({ isServing }) => isServing).map(({ pid }) => pid);

describe('when a process of the proxy dies', () => {
  test('a worker is replaced, and nobody is refused meanwhile', async () => {
    const place = aPlace();
    const { proxy, pids } = await twoWorkers(place);
    const client = load(proxy.address.port);
    await sleep(200);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await eventually(async () => (await serving(place)).length === 2 && !(await serving(place)).includes(pids[0] ?? 0));
    const { failures } = await client.stop();
    // What was in flight in it may be cut with it; nobody is refused, and nobody waits in vain.
    expect(failures.filter((why) => !/hang up|ECONNRESET/.test(why))).toEqual([]);
    const after = load(proxy.address.port);
    await sleep(200);
    expect((await after.stop()).failures).toEqual([]);
    expect(place.log()).toContain('a worker ended and is replaced');
  });

  test('the supervisor: its workers serve on and start another, and its controller finds that', async () => {
    const place = aPlace();
    const { proxy, pids } = await twoWorkers(place);
    const before = proxy.pid;
    const client = load(proxy.address.port);
    await sleep(200);
    process.kill(before, 'SIGKILL');
    await eventually(() => proxy.pid !== before);
    await eventually(async () => (await serving(place)).every((pid) => !pids.includes(pid)));
    const { asked, failures } = await client.stop();
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(50);
    expect((await proxy.status()).pid).toBe(proxy.pid);
    // And it obeys, and so do the workers that it has not started.
    await proxy.replace({ table: { routes: [] } });
    await eventually(async () => statusOf(await exchange(proxy.address.port, get)) === 404);
    expect(place.log()).toContain('its workers served on');
  });

  test('all of it: the next start serves by what was kept, before anybody tells it anything', async () => {
    const place = aPlace();
    const { proxy, pids } = await twoWorkers(place);
    proxy.detach();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    for (const pid of [proxy.pid, ...pids]) process.kill(pid, 'SIGKILL');
    const again = await place.attach({ config: { http: proxy.address, workers: 2 } });
    expect(again.isNew).toBe(true);
    expect(again.found.table.routes).toHaveLength(1);
    expect(statusOf(await exchange(again.address.port, get))).toBe(200);
  });

  test('after a restart of the machine addresses may be somebody else’s: its routes are known, and answer 503', async () => {
    const place = aPlace();
    const { proxy } = await twoWorkers(place);
    await proxy.stop(0);
    const file = join(place.dir, 'proxy.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"boot":"[^"]*"/, '"boot":"of another start"'));
    const again = await place.attach({ config: { http, workers: 1 } });
    expect(statusOf(await exchange(again.address.port, get))).toBe(503);
  });
});

describe('when the program changes', () => {
  test('another build takes over without refusing or cutting a request', async () => {
    const place = aPlace();
    const { proxy } = await twoWorkers(place);
    const slow = await rawOrigin(() => undefined);
    const { table } = await aState();
    await proxy.replace({ table: { routes: [...table.routes, route([target(slow.port)], { host: 'slow.test' })] } });
    const waiting = await dial(proxy.address.port);
    waiting.send('GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n');
    await slow.until('slow.test');
    const client = load(proxy.address.port);
    await sleep(200);
    proxy.detach();
    const next = await place.attach({ config: { http, workers: 2 }, program: { ...ownProgram(), build: 'next' } });
    expect(next.pid).not.toBe(proxy.pid);
    expect(next.address).toEqual(proxy.address);
    expect((await next.status()).build).toBe('next');
    await sleep(500);
    const { asked, failures } = await client.stop();
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(50);
    // In a process of the former build there is still a request, and a drain waits for it.
    await next.replace({ table });
    const draining = next.drain(`t${slow.port}`, { timeoutMs: 60_000, signal: new AbortController().signal });
    expect(await Promise.race([draining.then(() => 'drained'), sleep(300).then(() => 'waits')])).toBe('waits');
    slow.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
    expect(await waiting.until('late')).toContain('Connection: close');
    await draining;
  });

  test('a build that cannot start changes nothing', async () => {
    const place = aPlace();
    const { proxy } = await twoWorkers(place);
    proxy.detach();
    const errors: string[] = [];
    const log = { info: () => undefined, error: (message: string) => void errors.push(message) };
    const program = { entry: join(place.dir, 'nothing.js'), build: 'broken' };
    const next = await place.attach({ config: { http, workers: 2 }, program, log });
    expect(next.pid).toBe(proxy.pid);
    expect(errors.join()).toContain('cannot be replaced');
    expect(statusOf(await exchange(next.address.port, get))).toBe(200);
  });
});
