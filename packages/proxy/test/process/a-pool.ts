import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownProgram, type ProxyState } from '@orca/proxy/process';
import { entries } from '../../src/process/entries.ts';
import { openHandle } from '../../src/process/listening-handle.ts';
import { Pool } from '../../src/process/pool.ts';
import { Tickets } from '../../src/process/tickets.ts';
import { closing } from '../harness.ts';
import { anyPort, helloState } from './a-place.ts';

export interface APool {
  readonly pool: Pool;
  readonly port: number;
  readonly errors: readonly string[];
  /** What it serves by from the start. */
  readonly state: ProxyState;
}

/** Workers of this process's own, asked more often than in life whether they are well. */
export const aPool = async (workers: number, entry: string = entries.worker): Promise<APool> => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-pool-'));
  closing(() => rmSync(dir, { recursive: true }));
  const errors: string[] = [];
  const state = await helloState();
  const pool = new Pool(
    {
      entry,
      dir,
      program: ownProgram(),
      log: { info: () => undefined, error: (message) => void errors.push(message) },
      onEvents: () => undefined,
      now: () => performance.now(),
      tickets: new Tickets(),
      // As patient as in life: on a busy machine one that is well may have to wait for its turn.
      timing: { pingEveryMs: 200 },
    },
    state,
  );
  closing(() => pool.close(0));
  const handle = openHandle(anyPort);
  closing(() => handle.close());
  await pool.serve({ http: anyPort, workers }, { http: handle });
  return { pool, port: handle.address.port, errors, state };
};

export const servingIn = (pool: Pool): readonly number[] =>
  pool.report().flatMap(({ pid, isServing }) => (isServing ? [pid] : []));
