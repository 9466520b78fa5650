import { describe, expect, test } from '@jest/globals';
import { exchange, httpOrigin, portOf, route, statusOf, target } from '../harness.ts';
import { aPlace } from './a-place.ts';

const get = 'GET / HTTP/1.1\nHost: app.test';

describe('a proxy in processes of its own', () => {
  test('serves by the table that it is told', async () => {
    const origin = await httpOrigin((_, res) => res.end('hello'));
    const proxy = await aPlace().attach();
    expect(statusOf(await exchange(proxy.address.port, get))).toBe(404);
    await proxy.replace({ table: { routes: [route([target(portOf(origin))])] } });
    expect(await exchange(proxy.address.port, get)).toMatch(/^HTTP\/1.1 200 [^]*hello$/);
  });

  test('goes on when its controller lets go, and the next one finds what is in force', async () => {
    const origin = await httpOrigin((_, res) => res.end('hello'));
    const place = aPlace();
    const first = await place.attach();
    const state = { table: { routes: [route([target(portOf(origin))])] } };
    await first.replace(state);
    first.detach();
    expect(statusOf(await exchange(first.address.port, get))).toBe(200);
    const second = await place.attach();
    expect(second.pid).toBe(first.pid);
    expect(second.address).toEqual(first.address);
    expect(second.found).toEqual(state);
  });
});
