import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { ownProgram, proxyStatus, type AttachedProxy } from '@orca/proxy/process';
import { exchange, route, statusOf, target } from '../harness.ts';
import {
  anyPort,
  aPlace,
  eventually,
  get,
  helloState,
  inFlight,
  refuses,
  silentOrigin,
  type APlace,
} from './a-place.ts';
import { load } from './load.ts';

/** Two workers that serve, and the pids of them. */
const twoWorkers = async (place: APlace): Promise<{ proxy: AttachedProxy; pids: readonly number[] }> => {
  const proxy = await place.attach({ config: { http: anyPort, workers: 2 } });
  await proxy.replace(await helloState());
  return { proxy, pids: await serving(place) };
};

const serving = async (place: APlace): Promise<readonly number[]> =>
  ((await proxyStatus(place.dir))?.workers ?? []).filter(({ isServing }) => isServing).map(({ pid }) => pid);

describe('when a process of the proxy dies', () => {
  test('a worker is replaced, and nobody is refused meanwhile', async () => {
    const place = aPlace();
    const { proxy, pids } = await twoWorkers(place);
    const client = load(proxy.address.port);
    await client.more(10);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await eventually(async () => (await serving(place)).length === 2 && !(await serving(place)).includes(pids[0] ?? 0));
    const { failures } = await client.stop();
    // What was in flight in it may be cut with it; nobody is refused, and nobody waits in vain.
    expect(failures.filter((why) => !/hang up|ECONNRESET|EPIPE/.test(why))).toEqual([]);
    const after = load(proxy.address.port);
    await after.more(10);
    expect((await after.stop()).failures).toEqual([]);
    expect(place.log()).toContain('a worker ended and is replaced');
  });

  test('the supervisor: its workers serve on and start another, and its controller finds that', async () => {
    const place = aPlace();
    const { proxy, pids } = await twoWorkers(place);
    const before = proxy.pid;
    const client = load(proxy.address.port);
    await client.more(10);
    process.kill(before, 'SIGKILL');
    await eventually(() => proxy.pid !== before);
    await eventually(async () => {
      const now = await serving(place);
      return now.length === 2 && now.every((pid) => !pids.includes(pid));
    });
    await client.more(20);
    const { failures } = await client.stop();
    expect(failures).toEqual([]);
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
    // Who is killed has its port until the kernel has taken it away.
    await eventually(() => refuses(proxy.address.port));
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
    const again = await place.attach({ config: { http: anyPort, workers: 1 } });
    expect(statusOf(await exchange(again.address.port, get))).toBe(503);
  });
});

describe('when the program changes', () => {
  test('another build takes over without refusing or cutting a request', async () => {
    const place = aPlace();
    const { proxy } = await twoWorkers(place);
    const slow = await silentOrigin();
    const { table } = await helloState();
    await proxy.replace({ table: { routes: [...table.routes, route([target(slow.port)], { host: 'slow.test' })] } });
    const waiting = await inFlight(proxy.address.port, slow, 'slow.test');
    const client = load(proxy.address.port);
    await client.more(10);
    proxy.detach();
    const next = await place.attach({
      config: { http: anyPort, workers: 2 },
      program: { ...ownProgram(), build: 'next' },
    });
    expect(next.pid).not.toBe(proxy.pid);
    expect(next.address).toEqual(proxy.address);
    expect((await next.status()).build).toBe('next');
    await client.more(40);
    const { failures } = await client.stop();
    expect(failures).toEqual([]);
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
    const next = await place.attach({ config: { http: anyPort, workers: 2 }, program, log });
    expect(next.pid).toBe(proxy.pid);
    expect(errors.join()).toContain('cannot be replaced');
    expect(statusOf(await exchange(next.address.port, get))).toBe(200);
  });
});
