import { link, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './errors.ts';
import type { Lease, Leaser } from './ports.ts';
import { hasEnded, parseOwner, thisProcess } from './process-owner.ts';
import { shortHash } from './store-path.ts';
import { privateDirectory } from './whole-file.ts';

export interface FileLeaserOptions {
  readonly dir: string;
  /** How often a holder shows that it is alive; a lease is stale after twice that without a sign. */
  readonly heartbeatMs?: number;
  /** Told once for each lease that was taken from a holder that had ended. */
  readonly onTakeover?: (key: string, owner: string) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonic?: () => number;
}

interface Sighting {
  readonly text: string;
  readonly touchedMs: number;
  readonly since: number;
}

/**
 * Leases as files with their owner's name and a heartbeat in their time of change (A20). Whoever
 * certainly ended loses it at once; one that cannot be judged (another machine, a text that is no
 * owner) loses it when no heartbeat was seen for long enough, by a clock that nobody sets.
 */
export const createFileLeaser = (o: FileLeaserOptions): Leaser => {
  const heartbeatMs = o.heartbeatMs ?? 5_000;
  const monotonic = o.monotonic ?? ((): number => performance.now());
  const sightings = new Map<string, Sighting>();

  const staleAt = async (path: string): Promise<{ readonly owner: string; readonly text: string } | undefined> => {
    const seen = await look(path);
    if (seen === undefined) return undefined;
    const owner = parseOwner(seen.text);
    const name = owner === undefined ? 'nobody that can be read' : `process ${owner.pid} on ${owner.host}`;
    if (owner !== undefined && hasEnded(owner)) return { owner: name, text: seen.text };
    const before = sightings.get(path);
    const isSame = before?.text === seen.text && before.touchedMs === seen.touchedMs;
    const since = isSame ? before.since : monotonic();
    sightings.set(path, { ...seen, since });
    return monotonic() - since > 2 * heartbeatMs ? { owner: name, text: seen.text } : undefined;
  };

  const take = async (path: string): Promise<Lease | undefined> => {
    const owner = thisProcess();
    const mine = `${path}.${owner.nonce}`;
    const text = JSON.stringify(owner);
    try {
      await writeFile(mine, text, { flag: 'wx', mode: 0o600 });
      // With its content in one step, and only where there is none.
      await link(mine, path);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return undefined;
      throw error;
    } finally {
      await rm(mine, { force: true });
    }
    return hold(path, text, heartbeatMs);
  };

  let swept: Promise<void> | undefined;

  return {
    tryAcquire: async (key) => {
      await privateDirectory(o.dir);
      // Once is enough: what lies there was left by those before.
      await (swept ??= sweepHalves(o.dir).catch(() => undefined));
      const path = join(o.dir, `${shortHash(key)}.lease`);
      const lease = await take(path);
      if (lease !== undefined) {
        sightings.delete(path);
        return lease;
      }
      const stale = await staleAt(path);
      if (stale === undefined || !(await removeStale(path, stale.text))) return undefined;
      sightings.delete(path);
      const taken = await take(path);
      if (taken !== undefined) o.onTakeover?.(key, stale.owner);
      return taken;
    },
  };
};

const hold = (path: string, text: string, heartbeatMs: number): Lease => {
  const lost = new AbortController();
  const isOurs = async (): Promise<boolean> => (await look(path))?.text === text;
  const beat = async (): Promise<void> => {
    if (!(await isOurs())) return lost.abort(new Error('the lease was lost'));
    const now = new Date();
    await utimes(path, now, now);
  };
  const timer = setInterval(() => void beat().catch((error: unknown) => lost.abort(error)), heartbeatMs);
  timer.unref();
  return {
    signal: lost.signal,
    release: async () => {
      clearInterval(timer);
      // Should it be somebody else's by now, it is put back.
      if (await isOurs()) await removeStale(path, text);
    },
  };
};

/**
 * Of several that see the same stale lease one moves it away; the others find it gone. One that
 * comes late may have moved a new holder's lease: it is put back.
 */
const removeStale = async (path: string, text: string): Promise<boolean> => {
  const away = `${path}.stale-${thisProcess().nonce}`;
  try {
    await rename(path, away);
    const isTheStaleOne = (await readFile(away, 'utf8')) === text;
    if (!isTheStaleOne) await link(away, path).catch(() => undefined);
    await rm(away, { force: true });
    return isTheStaleOne;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
};

/** A name beside a lease's own: of one that is being made, or was moved away. Nobody else reads it. */
const half = /\.lease\.(?:stale-)?[0-9a-f]{16}$/;
/** Making a lease takes moments; one that has no owner to be judged by is given this long. */
const halfMs = 60_000;

/** What was left by those that ended while they made or removed a lease. */
const sweepHalves = async (dir: string): Promise<void> => {
  for (const name of await readdir(dir)) {
    if (!half.test(name)) continue;
    const path = join(dir, name);
    const found = await look(path);
    if (found === undefined) continue;
    const owner = parseOwner(found.text);
    const isLeft = owner === undefined ? Date.now() - found.touchedMs > halfMs : hasEnded(owner);
    if (isLeft) await rm(path, { force: true });
  }
};

const look = async (path: string): Promise<{ readonly text: string; readonly touchedMs: number } | undefined> => {
  try {
    const text = await readFile(path, 'utf8');
    return { text, touchedMs: (await stat(path)).mtimeMs };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};
