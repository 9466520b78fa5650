import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './errors.ts';

/** Opens what must be a plain file: a symbolic link is refused, `undefined` when there is nothing. */
export const openPlain = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};

/**
 * Replaces a file so that at every instant, and after a crash, either the old or the new one
 * is there, whole. `isStillWanted` is asked at the last moment. One writer at a time: the
 * temporary name is fixed, so that one left by a crash is overwritten and does not pile up.
 */
export const replaceFile = async (
  path: string,
  text: string,
  isStillWanted: () => Promise<boolean>,
): Promise<boolean> => {
  const temporary = `${path}.tmp`;
  try {
    await rm(temporary, { force: true });
    await writeNew(temporary, text);
    if (!(await isStillWanted())) return false;
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectoryOf(path);
  return true;
};

/**
 * Creates a file that was not there: whole, readable by its owner only. False when it is there
 * by now. `unique` tells writers apart; one that is always alone gives a fixed word, so that
 * what a crash left is used again.
 */
export const createFile = async (path: string, text: string, unique: string): Promise<boolean> => {
  const temporary = `${path}.${unique}.tmp`;
  try {
    await rm(temporary, { force: true });
    await writeNew(temporary, text);
    // `link` fails where `rename` would replace.
    await link(temporary, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectoryOf(path);
  return true;
};

const writeNew = async (path: string, text: string): Promise<void> => {
  const handle = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** A rename survives a crash once its directory is on disk too. */
export const syncDirectoryOf = async (path: string): Promise<void> => {
  const handle = await open(dirname(path), constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
