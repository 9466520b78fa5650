import { readlink, symlink, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, SecretsError } from './errors.ts';
import { hasEnded, type Owner, thisProcess } from './process-owner.ts';

/** For one holder: a queue of many that each take a moment is no reason to give up. */
const PATIENCE_MS = 15_000;
const LONGEST_MS = 300_000;
/** So often it is looked whether the holder still lives, which costs more than trying. */
const LOOK_EVERY = 8;
const LONGEST_PAUSE_MS = 60;

/**
 * Runs `body` while nobody else does, in this process or another one. The lock is a symbolic
 * link that points at its owner's description: made in one call with its content, so it is
 * never seen half written, and gone with `unlink`. One left behind by a process that ended
 * is removed.
 */
export const withFileLock = async <T>(path: string, body: () => Promise<T>): Promise<T> => {
  const held = await waitForLock(path);
  try {
    return await body();
  } finally {
    await release(path, held);
  }
};

/** The same for what can as well be left undone: `undefined` when somebody has the lock now. */
export const ifUnlocked = async <T>(path: string, body: () => Promise<T>): Promise<T | undefined> => {
  const held = (await tryLock(path, true)) ?? (await tryLock(path, true));
  if (held === undefined) return undefined;
  try {
    return await body();
  } finally {
    await release(path, held);
  }
};

const waitForLock = async (path: string): Promise<string> => {
  const begun = performance.now();
  let [holder, since] = [await ownerText(path), begun];
  for (let tries = 0; ; tries += 1) {
    const isLooking = tries % LOOK_EVERY === 0;
    const held = await tryLock(path, isLooking);
    if (held !== undefined) return held;
    // Uneven waits, ever longer, so that many waiters neither return all at once nor keep the holder from its work.
    await sleep(2 + Math.random() * Math.min(LONGEST_PAUSE_MS, 8 + 4 * tries));
    if (!isLooking) continue;
    const [now, owner] = [performance.now(), await ownerText(path)];
    if (owner !== holder) [holder, since] = [owner, now];
    if (now - since > PATIENCE_MS || now - begun > LONGEST_MS) {
      throw new SecretsError(
        'ORCA_SECRETS_BUSY',
        `another process has been writing for ${Math.round((now - since) / 1000)} s; if none is, remove ${path}`,
      );
    }
  }
};

/** The text that marks the lock as ours, or `undefined` while somebody has it. */
const tryLock = async (path: string, isLooking: boolean): Promise<string | undefined> => {
  const mine = JSON.stringify(thisProcess());
  try {
    await symlink(mine, path);
    return mine;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  if (isLooking) await removeIfLeft(path);
  return undefined;
};

/**
 * Two that see the same left lock must not both remove it: the slower would take away the
 * lock that the faster has just made. So removal needs a lock of its own, named for the one
 * left behind, and looks again once it has it. Should its holder end too, the same holds for it.
 */
const removeIfLeft = async (path: string): Promise<void> => {
  const seen = await ownerText(path);
  const owner = seen === undefined ? undefined : parseOwner(seen);
  if (seen === undefined || owner === undefined || !hasEnded(owner)) return;
  const removal = `${path}.${owner.nonce}`;
  const held = await tryLock(removal, true);
  if (held === undefined) return;
  try {
    if ((await ownerText(path)) === seen) await unlink(path);
  } finally {
    await release(removal, held);
  }
};

const release = async (path: string, held: string): Promise<void> => {
  if ((await ownerText(path)) === held) await unlink(path);
};

const ownerText = async (path: string): Promise<string | undefined> => {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};

const parseOwner = (text: string): Owner | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not one of ours: its owner cannot be judged, so it stays.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { host, space, boot, pid, started, nonce }: Partial<Record<keyof Owner, unknown>> = value;
  if (typeof host !== 'string' || typeof space !== 'string' || typeof boot !== 'string') return undefined;
  if (typeof pid !== 'number' || typeof started !== 'string' || typeof nonce !== 'string') return undefined;
  return /^[0-9a-f]{1,32}$/.test(nonce) ? { host, space, boot, pid, started, nonce } : undefined;
};
