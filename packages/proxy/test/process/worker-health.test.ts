import { expect, test } from '@jest/globals';
import { exchange, statusOf } from '../harness.ts';
import { eventually, get } from './a-place.ts';
import { aPool, servingIn } from './a-pool.ts';

test('a worker that hangs is killed and replaced; its sibling serves meanwhile', async () => {
  const { pool, port, errors } = await aPool(2);
  const [hung, sibling] = pool.report().map(({ pid }) => pid);
  process.kill(hung ?? 0, 'SIGSTOP');
  await eventually(() => errors.includes('a worker does not answer and is killed'));
  await eventually(() => servingIn(pool).length === 2 && !servingIn(pool).includes(hung ?? 0));
  expect(servingIn(pool)).toContain(sibling);
  expect(statusOf(await exchange(port, get))).toBe(200);
});

test('a port stays open while no worker is there: connections wait for the next one', async () => {
  const { pool, port } = await aPool(1);
  process.kill(pool.report()[0]?.pid ?? 0, 'SIGKILL');
  expect(statusOf(await exchange(port, get))).toBe(200);
});
