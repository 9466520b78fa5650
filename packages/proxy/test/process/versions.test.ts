import { expect, test } from '@jest/globals';
import { ownProgram, stopProxy, type ProxyState } from '@orca/proxy/process';
import { exchange, route, statusOf, target } from '../harness.ts';
import { aPlace, eventually, get, helloState, inFlight, silentOrigin } from './a-place.ts';
import { aPool } from './a-pool.ts';
import { anotherVersion, otherProtocol, type Difference } from './another-version.ts';

test('a proxy that speaks another protocol is replaced, and what is in flight in it goes on', async () => {
  const slow = await silentOrigin();
  const place = aPlace();
  const { table } = await helloState();
  const routes = [...table.routes, route([target(slow.port)], { host: 'slow.test' })];
  const former = await anotherVersion(otherProtocol).serve(place.dir, { table: { routes } });
  const waiting = await inFlight(former.port, slow, 'slow.test');
  const config = { http: { host: '127.0.0.1', port: former.port }, workers: 1 };
  const proxy = await place.attach({ config });
  expect(proxy.pid).not.toBe(former.pid);
  expect((await proxy.status()).build).toBe(ownProgram().build);
  expect(proxy.found.table.routes).toHaveLength(2);
  expect(statusOf(await exchange(former.port, get))).toBe(200);
  slow.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
  expect(await waiting.until('late')).toMatch(/^HTTP\/1.1 200/);
});

/** What routes may say in that version, and mean nothing in this one. */
const strictHttps: Difference = [
  'settings-check.ts',
  "value === 'optional'",
  "value === 'optional' || value === 'strict'",
];

test.each([
  ['another protocol', otherProtocol],
  ['the same one', undefined],
])(
  'one that serves by what this version cannot read serves on, and the message says what to do (%s)',
  async (_, more) => {
    const place = aPlace();
    const { table } = await helloState();
    const routes: object[] = table.routes.map((one) => ({ ...one, https: 'strict' }));
    const state: object = { table: { routes } };
    const former = await anotherVersion(strictHttps, ...(more ? [more] : [])).serve(place.dir, state as ProxyState);
    await expect(place.attach()).rejects.toMatchObject({
      code: 'ORCA_PROXY_UNREACHABLE',
      message: expect.stringMatching(
        new RegExp(`another version .*pid ${former.pid}.*route app.test/ has an .https.*serves on.*end it`),
      ),
    });
    expect(statusOf(await exchange(former.port, get))).toBe(200);
    // Which is possible from here.
    expect(await stopProxy(place.dir, 0)).toBe(true);
    expect((await place.attach()).isNew).toBe(true);
  },
);

test('one that does not even understand a greeting is left alone, and named', async () => {
  const place = aPlace();
  const greeting = ['attach', 'visit', 'orphan'].map((file): Difference => [
    `process/${file}.ts`,
    "call('hello'",
    "call('greet'",
  ]);
  const strange = anotherVersion(otherProtocol, ...greeting, [
    'process/supervisor.ts',
    '      hello: (',
    '      greet: (',
  ]);
  const former = await strange.serve(place.dir, await helloState());
  await expect(place.attach()).rejects.toThrow(new RegExp(`another version .*pid ${former.pid}.*end it`));
  expect(statusOf(await exchange(former.port, get))).toBe(200);
  process.kill(former.pid, 'SIGTERM');
  process.kill(former.pid, 'SIGTERM');
  await eventually(() => place.log().includes('"msg":"ends"'));
  // Until it has ended it is still found, and named.
  await eventually(async () => (await place.attach().catch(() => undefined))?.isNew);
});

test('workers of another version, whose files took the place of this one’s, do not serve, and say what that means', async () => {
  const { workerEntry } = anotherVersion(otherProtocol);
  await expect(aPool(1, workerEntry)).rejects.toMatchObject({
    code: 'ORCA_PROXY_PROTOCOL',
    message: expect.stringMatching(/protocol 99, not 1.*other version.*attach anew/),
  });
});
