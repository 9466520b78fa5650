import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ownProgram, type ProxyState } from '@orca/proxy/process';
import { membersOf } from '../../src/process/calls.ts';
import { parseAddress } from '../../src/process/config.ts';
import { connectTo } from '../../src/process/connect.ts';
import { bootId } from '../../src/process/owner.ts';
import { placeIn } from '../../src/process/place.ts';
import { writeKept } from '../../src/process/state-file.ts';
import { Supervisor } from '../../src/process/supervisor.ts';
import { certificate } from '../front/tls-harness.ts';
import { closing, exchange, route, statusOf, target } from '../harness.ts';
import { anyPort, aPlace, eventually, get, helloState } from './a-place.ts';
import { anotherVersion } from './another-version.ts';
import { aPool, servingIn } from './a-pool.ts';

/** What only a process that serves would find out, each with what is said of it. */
const unusable: readonly (readonly [says: RegExp, code: string, parts: object])[] = [
  [
    /challenge certificate of app\.test cannot be read/,
    'ORCA_PROXY_SETTINGS_INVALID',
    { challengeCertificates: [{ name: 'app.test', certPem: 'none', keyPem: 'none' }] },
  ],
  [/limit http2Streams is 1099511627776/, 'ORCA_PROXY_SETTINGS_INVALID', { limits: { http2Streams: 2 ** 40 } }],
  [/limit connections is 0\.5/, 'ORCA_PROXY_SETTINGS_INVALID', { limits: { connections: 0.5 } }],
  [
    /target a with a host that is neither a name nor an address/,
    'ORCA_PROXY_TABLE_INVALID',
    { table: { routes: [route([{ id: 'a', host: 'no host', port: 80, protocol: 'h2c' }])] } },
  ],
  [
    /sticky key/,
    'ORCA_PROXY_TABLE_INVALID',
    { table: { routes: [{ ...route([target(1)]), sticky: { cookie: 'c', key: Array.from('0123456789abcdef') } }] } },
  ],
];

test('a state that cannot be served is refused whole, and neither the workers nor the next start remember it', async () => {
  const place = aPlace();
  const config = { http: anyPort, https: anyPort, workers: 1 };
  const proxy = await place.attach({ config });
  const good: ProxyState = {
    ...(await helloState()),
    certificates: [certificate('app.test')],
  };
  await proxy.replace(good);
  for (const [message, code, parts] of unusable) {
    await expect(proxy.replace({ table: { routes: [] }, ...parts })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(statusOf(await exchange(proxy.address.port, get))).toBe(200);
  }
  const [worker] = (await proxy.status()).workers;
  process.kill(worker?.pid ?? 0, 'SIGKILL');
  expect(statusOf(await exchange(proxy.address.port, get))).toBe(200);
  proxy.detach();
  const next = await place.attach({ config });
  expect(next.found).toEqual(good);
  expect(readFileSync(join(place.dir, 'proxy.json'), 'utf8')).not.toContain('none');
});

test('a controller whose state was refused controls the proxy that comes after this one', async () => {
  const place = aPlace();
  const proxy = await place.attach();
  const { pid } = proxy;
  await proxy.replace({ table: { routes: [route([])] } });
  await expect(proxy.replace({ table: { routes: [] }, limits: { connections: 0 } })).rejects.toThrow(/connections/);
  process.kill(pid, 'SIGKILL');
  await eventually(() => proxy.pid !== pid);
  expect((await proxy.status()).routes).toBe(1);
  await proxy.replace({ table: { routes: [route([]), route([], { host: 'new.test' })] } });
  expect((await proxy.status()).routes).toBe(2);
});

test('where a worker refuses a state nevertheless, all go back to the former one, and so does one that starts later', async () => {
  const { pool, port, state } = await aPool(2);
  const refused = pool.replace({ table: { routes: [route([], { host: 'UPPER.test' })] } });
  // Behind it in the queue: its fault takes nothing from the one after it.
  const next = { table: { routes: [...state.table.routes, route([], { host: 'next.test' })] } };
  const accepted = pool.replace(next);
  await expect(refused).rejects.toMatchObject({ code: 'ORCA_PROXY_TABLE_INVALID' });
  expect(pool.state.table).toEqual(state.table);
  await accepted;
  expect(pool.state).toEqual(next);
  await expect(pool.replace({ table: { routes: [route([], { host: 'UPPER.test' })] } })).rejects.toThrow(/lower-case/);
  const before = servingIn(pool);
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await eventually(() => servingIn(pool).length === 2 && !servingIn(pool).some((pid) => before.includes(pid)));
  expect(statusOf(await exchange(port, get))).toBe(200);
  expect(statusOf(await exchange(port, 'GET / HTTP/1.1\nHost: next.test'))).toBe(503);
});

test('a kept file that cannot be used is named in the log, and keeps nobody from serving', async () => {
  const place = aPlace();
  writeFileSync(join(place.dir, 'proxy.json'), '{"format":1,"state":{"table":{"routes":5}}}');
  const proxy = await place.attach();
  expect(place.log()).toMatch(/kept cannot be read[^]*routes is not a list/);
  await proxy.replace({ table: { routes: [route([])] } });
  expect(statusOf(await exchange(proxy.address.port, get))).toBe(503);
});

test('a kept state that no worker serves by is given up, so that the next controller’s workers can start', async () => {
  const place = aPlace();
  const config = { http: anyPort, workers: 1 };
  await writeKept(placeIn(place.dir).keptPath, bootId(), { config, state: await helloState(), epoch: 1 });
  const { workerEntry } = anotherVersion([
    'process/worker.ts',
    'const next = parseState(params);',
    `const next = parseState(params);
    if (next.table.routes.length > 0) throw new ProxyError('ORCA_PROXY_TABLE_INVALID', 'no routes here');`,
  ]);
  const errors: string[] = [];
  const supervisor = new Supervisor({
    dir: place.dir,
    workerEntry,
    program: ownProgram(),
    log: { info: () => {}, error: (message, details) => void errors.push(`${message}: ${JSON.stringify(details)}`) },
    now: () => performance.now(),
    onEnd: () => {},
  });
  await supervisor.restore();
  closing(() => supervisor.stop(0));
  expect(errors).toEqual([expect.stringMatching(/what was kept cannot be served: .*no routes here/)]);
  const controller = await connectTo(placeIn(place.dir), {});
  closing(() => controller?.end());
  await controller?.call('hello', { role: 'controller' });
  const { http } = membersOf(await controller?.call('configure', { config }, { timeoutMs: 20_000 }));
  expect(statusOf(await exchange(parseAddress(http).port, get))).toBe(404);
});
