import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './processes.ts';
import { waitFor } from './temp.ts';

/** Where this machine's testbed remembers what it started, so that a later run finds it. */
export function defaultHome(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orca-testbed');
}

/**
 * Runs `work` while no other process of this machine holds the same name.
 * A lock whose owner died is taken over. Not re-entrant.
 */
export async function withLock<T>(home: string, name: string, work: () => Promise<T>): Promise<T> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const path = join(home, `${name}.lock`);
  await waitFor(() => take(path), { what: `the lock ${path}, held by another run`, timeoutMs: 600_000 });
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch {
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    // An empty file is a lock being written right now.
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    return false;
  }
}
