import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ownProgram } from '@orca/proxy/process';
import { entries } from '../../src/process/entries.ts';
import { openHandle } from '../../src/process/listening-handle.ts';
import { Pool } from '../../src/process/pool.ts';
import { Tickets } from '../../src/process/tickets.ts';
import { closing, exchange, httpOrigin, portOf, route, statusOf, target } from '../harness.ts';
import { eventually } from './a-place.ts';

const get = 'GET / HTTP/1.1\nHost: app.test';
const http = { host: '127.0.0.1', port: 0 };

/** Workers of this process's own, with less patience than in life. */
const aPool = async (workers: number): Promise<{ pool: Pool; port: number; errors: string[] }> => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-pool-'));
  closing(() => rmSync(dir, { recursive: true }));
  const origin = await httpOrigin((_, res) => res.end('hello'));
  const errors: string[] = [];
  const pool = new Pool(
    {
      entry: entries.worker,
      dir,
      program: ownProgram(),
      log: { info: () => undefined, error: (message) => void errors.push(message) },
      onEvents: () => undefined,
      now: () => performance.now(),
      tickets: new Tickets(),
      timing: { pingEveryMs: 200, pingWithinMs: 2_000 },
    },
    { table: { routes: [route([target(portOf(origin))])] } },
  );
  closing(() => pool.close(0));
  const handle = openHandle(http);
  closing(() => handle.close());
  await pool.serve({ http, workers }, { http: handle });
  return { pool, port: handle.address.port, errors };
};

test('a worker that hangs is killed and replaced; its sibling serves meanwhile', async () => {
  const { pool, port, errors } = await aPool(2);
  const [hung, sibling] = pool.report().map(({ pid }) => pid);
  process.kill(hung ?? 0, 'SIGSTOP');
  await eventually(() => errors.includes('a worker does not answer and is killed'));
  const serving = (): readonly number[] => pool.report().flatMap(({ pid, isServing }) => (isServing ? [pid] : []));
  await eventually(() => serving().length === 2 && !serving().includes(hung ?? 0));
  expect(serving()).toContain(sibling);
  expect(statusOf(await exchange(port, get))).toBe(200);
});

test('a port stays open while no worker is there: connections wait for the next one', async () => {
  const { pool, port } = await aPool(1);
  process.kill(pool.report()[0]?.pid ?? 0, 'SIGKILL');
  expect(statusOf(await exchange(port, get))).toBe(200);
});
