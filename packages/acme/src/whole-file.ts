import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from './errors.ts';

/**
 * Writes so that at every instant, and after a crash, either the old or the new text is there,
 * whole. Only the owner may read it.
 */
export const writeWhole = async (path: string, text: string): Promise<void> => {
  await privateDirectory(dirname(path));
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(temporary, flags, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
};

/** `undefined` when it is not there. A symbolic link is refused; what others may read is closed to them. */
export const readWhole = async (path: string): Promise<string | undefined> => {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (((await handle.stat()).mode & 0o077) !== 0) await handle.chmod(0o600);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
};

/** Takes away what writers that died have left. Not while another writer is at work. */
export const sweepTemporary = async (directory: string): Promise<void> => {
  for (const name of await namesIn(directory))
    if (/\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(directory, name), { force: true });
};

/** Out of the way, for a person to look at, under a name that nothing reads. */
export const setAside = async (path: string, now: number): Promise<string> => {
  const aside = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(path, aside);
  return basename(aside);
};

export const privateDirectory = async (path: string): Promise<void> => {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  await chmod(path, 0o700);
};

export const namesIn = async (directory: string): Promise<readonly string[]> => {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
};

/** A rename survives a crash once its directory is on disk too. */
const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
