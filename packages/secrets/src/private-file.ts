import { type FileHandle, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openPlain } from './durable-file.ts';
import { hasCode, SecretsError } from './errors.ts';

/**
 * Who may have the file: `own` is ours alone; a `credential` was put there by systemd, which
 * may keep it for root and let the service in through an access list (shown as group bits).
 */
export type Privacy = 'own' | 'credential';

/** The text of a file that nobody else may read or replace; `undefined` when there is none. */
export const readPrivateFile = async (path: string, privacy: Privacy): Promise<string | undefined> => {
  const handle = await openNoLink(path);
  if (handle === undefined) return undefined;
  try {
    await assertPrivate(handle, path, privacy);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};

const openNoLink = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await openPlain(path);
  } catch (error) {
    if (hasCode(error, 'ELOOP')) throw unsafe(`${path} is a symbolic link; put the file itself there`);
    throw error;
  }
};

/** Asks the opened file, not the path: nobody can put another file in between. */
const assertPrivate = async (handle: FileHandle, path: string, privacy: Privacy): Promise<void> => {
  const file = await handle.stat();
  const me = process.geteuid?.();
  if (!file.isFile()) throw unsafe(`${path} is not a plain file`);
  const forbidden = privacy === 'own' ? 0o077 : 0o027;
  if ((file.mode & forbidden) !== 0) throw unsafe(`${path} may be used by others; run: chmod 600 ${path}`);
  if (file.uid !== me && !(privacy === 'credential' && file.uid === 0)) throw unsafe(`${path} belongs to another user`);
  const directory = dirname(path);
  if (((await stat(directory)).mode & 0o022) !== 0)
    throw unsafe(`others may replace ${path}; run: chmod go-w ${directory}`);
};

const unsafe = (message: string): SecretsError => new SecretsError('ORCA_SECRETS_KEY_UNSAFE', message);
