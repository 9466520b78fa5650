import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createStore } from '@orca/store';
import type { Orca, Ran } from '../../e2e/orca.ts';
import { serverPid } from './with-orca.ts';

/** What the server calls to write its records down. */
export const WRITES = ['pwrite64', 'fsync', 'fdatasync'] as const;

/** Runs `orca deploy` while strace watches, or disturbs, what the server writes to its records. */
export const deployUnder = async (
  orca: Orca,
  inject: readonly string[],
): Promise<{ readonly ran: Ran; readonly trace: string }> => {
  const log = join(orca.home, 'strace.log');
  const paths = ['orca.db', 'orca.db-wal'].flatMap((name) => ['-P', join(orca.home, name)]);
  const args = ['-f', '-o', log, ...paths, '-e', `trace=${WRITES.join()}`, ...inject, '-p', String(serverPid(orca))];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes(' attached')) break;
  }
  if (!said.includes(' attached')) throw new Error(`strace: ${said}`);
  child.stderr.resume();
  try {
    const ran = await orca.orca(['deploy']);
    return { ran, trace: readFileSync(log, 'utf8') };
  } finally {
    // It lets go of the server, if there is one.
    child.kill('SIGTERM');
    await gone;
    rmSync(log, { force: true });
  }
};

/** What the records promise, of a server that is gone: each service with the round that it is of. */
export const promisedIn = async (orca: Orca): Promise<string> => {
  const store = createStore({
    path: join(orca.home, 'orca.db'),
    onCorrupt: () => {
      throw new Error('the records are damaged');
    },
  });
  try {
    const accepted = await store.list('accepted');
    const removed = (await store.list('removed')).map(({ id }) => `${id} goes`);
    const rounds = accepted.map(({ id, value }) => `${id} ${/round-(\d+)/.exec(JSON.stringify(value))?.[1] ?? '?'}`);
    return [...rounds, ...removed].join(', ');
  } finally {
    await store.close();
  }
};
