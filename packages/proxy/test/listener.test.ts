import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { aProxy } from './harness.ts';
import { aPlace } from './process/a-place.ts';

/** How many connections to a port may wait to be taken, as the kernel has it. */
const backlogOf = async (port: number): Promise<number> => {
  const { stdout } = await promisify(execFile)('ss', ['-Hltn', `sport = :${port}`]);
  return Number(stdout.trim().split(/\s+/)[2]);
};
const most = async (): Promise<number> =>
  Math.min(4096, Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8')));

test('clients that all come back at once find room to wait', async () => {
  const proxy = await aProxy([]);
  expect(await backlogOf(proxy.port)).toBe(await most());
});

test('clients find it as well before workers that share a port', async () => {
  const proxy = await aPlace().attach();
  expect(await backlogOf(proxy.address.port)).toBe(await most());
});
