import { execFile, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Gate } from '../src/listener/gate.ts';
import { createListener, type Listener } from '../src/listener/listener.ts';
import { channelLine } from '../src/process/line.ts';
import { openHandle } from '../src/process/listening-handle.ts';
import { defaultLimits } from '../src/settings.ts';
import { aProxy, closing } from './harness.ts';
import { anyPort, aPlace, eventually } from './process/a-place.ts';

describe('clients that all come back at once', () => {
  test('find room to wait', async () => {
    const proxy = await aProxy([]);
    expect(await backlogOf(proxy.port)).toBe(await most());
  });

  test('find it as well before workers that share a port', async () => {
    const proxy = await aPlace().attach();
    expect(await backlogOf(proxy.address.port)).toBe(await most());
  });

  test('are taken by as many in a turn of the loop as the listener has handles', async () => {
    const original = openHandle(anyPort);
    closing(() => original.close());
    const { listener, taken } = aListener();
    await listener.listen({ handles: await copiesOf(original.handle, 8) });
    // While this process does nothing else, not even accept.
    connectAndLeave(original.address.port, 64);
    let turns = 0;
    for (; taken() < 64 && turns < 1_000; turns += 1) await nextTurn();
    expect(taken()).toBe(64);
    expect(turns).toBeLessThanOrEqual(16);
  });

  test.each([1, 2])('of %i workers each has its share of handles, the one that replaces it too', async (workers) => {
    const place = aPlace();
    const proxy = await place.attach({ config: { http: anyPort, workers } });
    const serving = async (): Promise<readonly number[]> =>
      (await proxy.status()).workers.filter(({ isServing }) => isServing).map(({ pid }) => pid);
    const counts = async (): Promise<readonly number[]> =>
      Promise.all((await serving()).map((pid) => handlesOf(pid, proxy.address.port)));
    const share = Array.from({ length: workers }, () => 16 / workers);
    expect(await counts()).toEqual(share);
    const [first = 0] = await serving();
    process.kill(first, 'SIGKILL');
    await eventually(async () => {
      const now = await serving();
      return now.length === workers && !now.includes(first);
    });
    expect(await counts()).toEqual(share);
  });
});

describe('a listener', () => {
  test('that cannot listen on one of its handles listens on none, and can be asked again', async () => {
    const original = openHandle(anyPort);
    const [good, gone] = await copiesOf(original.handle, 2);
    original.close();
    if (good === undefined || gone === undefined) throw new Error('no handles');
    if ('close' in gone && typeof gone.close === 'function') gone.close();
    const { listener } = aListener();
    await expect(listener.listen({ handles: [good, gone] })).rejects.toThrow();
    expect(listener.address).toBeUndefined();
    await eventually(async () => (await backlogOf(original.address.port)) === undefined);
    await listener.listen({ port: 0, host: '127.0.0.1' });
    expect(listener.address?.port).toBeGreaterThan(0);
  });

  test('that is given what is no handle says so, and listens on none', async () => {
    const original = openHandle(anyPort);
    const handles = [...(await copiesOf(original.handle, 1)), {}];
    original.close();
    const { listener } = aListener();
    await expect(listener.listen({ handles })).rejects.toThrow();
    await expect(listener.listen({ handles: [] })).rejects.toMatchObject({ code: 'ORCA_PROXY_PORT_UNAVAILABLE' });
    await eventually(async () => (await backlogOf(original.address.port)) === undefined);
    await listener.listen({ port: 0, host: '127.0.0.1' });
    expect(listener.address?.port).toBeGreaterThan(0);
  });

  test('that listens refuses to do it again, and goes on', async () => {
    const { listener } = aListener();
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const { address } = listener;
    await expect(listener.listen({ port: 0, host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'ORCA_PROXY_ALREADY_LISTENING',
    });
    expect(listener.address).toEqual(address);
  });
});

/** It closes what it takes. */
const aListener = (): { readonly listener: Listener; readonly taken: () => number } => {
  let taken = 0;
  const listener = createListener({
    gate: new Gate(
      () => defaultLimits,
      () => {},
    ),
    observe: () => {},
    proxyProtocolFrom: [],
    onConnection: (socket) => {
      taken += 1;
      socket.destroy();
    },
  });
  closing(() => listener.close());
  return { listener, taken: () => taken };
};

/** Further handles of the same socket. */
const copiesOf = async (handle: object, count: number): Promise<readonly object[]> => {
  const child = fork(join(import.meta.dirname, 'fixtures/echo-handles.mjs'), { serialization: 'json' });
  const copies: object[] = [];
  const line = channelLine(child);
  line.onMessage((_, copy) => {
    if (typeof copy === 'object' && copy !== null) copies.push(copy);
  });
  for (let nth = 0; nth < count; nth += 1) line.send({}, handle);
  await eventually(() => copies.length === count);
  // It has them all as well.
  child.kill();
  await once(child, 'exit');
  return copies;
};

/** From a process of its own; returns when all are connected, and none is open any more. */
const connectAndLeave = (port: number, count: number): void => {
  const script = `
    const { connect } = require('node:net');
    let left = ${count};
    for (let nth = 0; nth < ${count}; nth += 1)
      connect(${port}, '127.0.0.1').on('connect', () => (left -= 1) === 0 && process.exit(0));`;
  expect(spawnSync(process.execPath, ['-e', script]).status).toBe(0);
};

/** How many connections to a port may wait to be taken, as the kernel has it; `undefined` when nobody listens. */
const backlogOf = async (port: number): Promise<number | undefined> => {
  const { stdout } = await promisify(execFile)('ss', ['-Hltn', `sport = :${port}`]);
  const waiting = stdout.trim().split(/\s+/)[2];
  return waiting === undefined ? undefined : Number(waiting);
};
const most = async (): Promise<number> =>
  Math.min(4096, Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8')));

/** How many descriptors of a process are the socket that listens on a port. */
const handlesOf = async (pid: number, port: number): Promise<number> => {
  const listening = (await readFile('/proc/net/tcp', 'utf8'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(
      ([, local, , state]) => local?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) && state === '0A',
    );
  const socket = `socket:[${listening?.[9]}]`;
  const dir = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(dir)).map((fd) => readlink(join(dir, fd)).catch(() => '')));
  return links.filter((link) => link === socket).length;
};
