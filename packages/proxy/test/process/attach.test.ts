import { describe, expect, test } from '@jest/globals';
import { exchange, statusOf } from '../harness.ts';
import { aPlace, get, helloState } from './a-place.ts';

describe('a proxy in processes of its own', () => {
  test('serves by the table that it is told', async () => {
    const proxy = await aPlace().attach();
    expect(statusOf(await exchange(proxy.address.port, get))).toBe(404);
    await proxy.replace(await helloState());
    expect(await exchange(proxy.address.port, get)).toMatch(/^HTTP\/1.1 200 [^]*hello$/);
  });

  test('goes on when its controller lets go, and the next one finds what is in force', async () => {
    const place = aPlace();
    const first = await place.attach();
    const state = await helloState();
    await first.replace(state);
    first.detach();
    expect(statusOf(await exchange(first.address.port, get))).toBe(200);
    const second = await place.attach();
    expect(second.pid).toBe(first.pid);
    expect(second.address).toEqual(first.address);
    expect(second.found).toEqual(state);
  });
});
