import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scenario } from '../scenario.ts';
import { restarts } from './f03-server-restart.ts';

export const f04: Scenario = {
  id: 'F4',
  title: 'the same, and the records of the server are deleted while it is away',
  counts: { short: 1, full: 20 },
  inCi: false,
  run: (context) =>
    restarts(context, 'f4', async ({ cluster }) => {
      // The database is a file with two companions.
      for (const suffix of ['', '-wal', '-shm']) await rm(join(cluster.home, `orca.db${suffix}`), { force: true });
    }),
};
