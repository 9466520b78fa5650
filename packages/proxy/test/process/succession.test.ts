import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ownProgram, proxyStatus, stopProxy } from '@orca/proxy/process';
import { createCalls } from '../../src/process/calls.ts';
import { connectTo, startSupervisor } from '../../src/process/connect.ts';
import { entries } from '../../src/process/entries.ts';
import { channelLine } from '../../src/process/line.ts';
import { openHandle } from '../../src/process/listening-handle.ts';
import { isAlive, readOwner } from '../../src/process/owner.ts';
import { placeIn } from '../../src/process/place.ts';
import { closing, route, target } from '../harness.ts';
import { anyPort, aPlace, eventually, refuses, type APlace } from './a-place.ts';

/** A supervisor's program that takes its time. */
const slowly = (place: APlace): string => {
  const path = join(place.dir, 'slowly.ts');
  const entry = JSON.stringify(entries.supervisor);
  writeFileSync(path, `await new Promise((done) => setTimeout(done, 1_000)); await import(${entry});`);
  return path;
};

test('who is told to end while it hands over takes its heir with it', async () => {
  const place = aPlace();
  const proxy = await place.attach();
  proxy.detach();
  const other = await connectTo(placeIn(place.dir), {});
  await other?.call('hello', { role: 'controller' });
  const succeeding = other?.call('succeed', { entry: slowly(place), build: 'next' }, { timeoutMs: 0 });
  succeeding?.catch(() => undefined);
  await eventually(() => place.log().includes('hands over'));
  expect(await stopProxy(place.dir, 0)).toBe(true);
  await eventually(async () => (await refuses(proxy.address.port)) && !existsSync(join(place.dir, 'proxy.pid')));
  // Nor does one come later.
  await sleep(1_500);
  expect(await proxyStatus(place.dir)).toBeUndefined();
  expect(existsSync(join(place.dir, 'proxy.pid'))).toBe(false);
});

test('an heir whose predecessor is gone before it has begun does not begin', async () => {
  const place = aPlace();
  const proxy = await place.attach();
  await proxy.stop(0);
  const child = fork(slowly(place), [place.dir, 'orphaned'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  closing(() => void child.kill('SIGKILL'));
  child.disconnect();
  const isThere = (): boolean => existsSync(join(place.dir, 'proxy.pid'));
  await Promise.race([once(child, 'exit'), eventually(isThere)]);
  expect(isThere()).toBe(false);
});

test('who has handed over does not do it again', async () => {
  const place = aPlace();
  const proxy = await place.attach();
  proxy.detach();
  const other = await connectTo(placeIn(place.dir), {});
  await other?.call('hello', { role: 'controller' });
  const succeed = async (build: string): Promise<unknown> =>
    other?.call('succeed', { entry: entries.supervisor, build }, { timeoutMs: 0 });
  const [first, second] = await Promise.allSettled([succeed('first'), succeed('second')]);
  expect(first.status).toBe('fulfilled');
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ORCA_PROXY_UNREACHABLE' } });
  expect(await proxyStatus(place.dir)).toMatchObject({ build: 'first' });
  expect(place.log().match(/hands over/g)).toHaveLength(1);
  other?.end();
});

test('an heir whose predecessor dies before it owns anything ends, and so do its workers', async () => {
  const place = aPlace();
  const handle = openHandle(anyPort);
  const child = fork(entries.supervisor, [place.dir, 'orphaned'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'json',
  });
  closing(() => void child.kill('SIGKILL'));
  const heard = Promise.withResolvers<void>();
  const heir = createCalls(channelLine(child), { ready: () => heard.resolve() });
  await heard.promise;
  const { address } = handle;
  await heir.call('handle', { door: 'http', address }, { handle: handle.handle });
  const state = { table: { routes: [] } };
  const inheritance = {
    config: { http: anyPort, workers: 1 },
    state,
    epoch: 1,
    ticketKeys: Buffer.alloc(48).toString('base64'),
  };
  await heir.call('inherit', inheritance, { timeoutMs: 30_000 });
  handle.close();
  expect(await refuses(address.port)).toBe(false);
  child.disconnect();
  await once(child, 'exit');
  await eventually(() => refuses(address.port));
});

test('after an end on purpose nobody believes where targets were, whether or not a controller came meanwhile', async () => {
  const place = aPlace();
  const proxy = await place.attach();
  await proxy.replace({ table: { routes: [route([target(9)])] } });
  proxy.detach();
  const pids = (await proxyStatus(place.dir))?.workers.map(({ pid }) => pid) ?? [];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  for (const pid of [proxy.pid, ...pids]) process.kill(pid, 'SIGKILL');
  const owner = readOwner(placeIn(place.dir).ownerPath);
  await eventually(() => owner === undefined || !isAlive(owner));
  // Started again by nobody who controls it: it serves what was kept.
  await startSupervisor(placeIn(place.dir), ownProgram());
  expect((await proxyStatus(place.dir))?.routes).toBe(1);
  await stopProxy(place.dir, 0);
  const next = await place.attach();
  expect(next.found.table.routes.map(({ targets }) => targets)).toEqual([[]]);
});
