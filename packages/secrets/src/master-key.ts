import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFile } from './durable-file.ts';
import { hasCode, SecretsError } from './errors.ts';
import { KEY_BYTES } from './seal.ts';

const LINE = /^orca-master-key-1 ([A-Za-z0-9_-]{43})\n?$/;

/** Reads the key. `undefined` when there is no file; one that others may read or replace is refused. */
export const readMasterKey = async (path: string): Promise<Uint8Array | undefined> => {
  const handle = await openKey(path);
  if (handle === undefined) return undefined;
  try {
    await assertPrivate(handle, path);
    const key = LINE.exec(await handle.readFile('utf8'))?.[1];
    if (key === undefined) {
      throw new SecretsError(
        'ORCA_SECRETS_KEY_INVALID',
        `${path} does not hold a master key; restore it from a backup`,
      );
    }
    return Buffer.from(key, 'base64url');
  } finally {
    await handle.close();
  }
};

/** Makes a key where there is none; if somebody was faster, theirs is the key. */
export const createMasterKey = async (path: string): Promise<Uint8Array> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = `orca-master-key-1 ${randomBytes(KEY_BYTES).toString('base64url')}\n`;
  await createFile(path, text, randomBytes(6).toString('hex'));
  const key = await readMasterKey(path);
  if (key === undefined) throw new SecretsError('ORCA_SECRETS_KEY_MISSING', `${path} vanished after it was written`);
  return key;
};

const openKey = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (hasCode(error, 'ELOOP')) throw unsafe(`${path} is a symbolic link; put the key itself there`);
    throw error;
  }
};

/** Asks the opened file, not the path: nobody can put another file in between. */
const assertPrivate = async (handle: FileHandle, path: string): Promise<void> => {
  const file = await handle.stat();
  if (!file.isFile()) throw unsafe(`${path} is not a plain file`);
  if ((file.mode & 0o077) !== 0) throw unsafe(`${path} may be used by others; run: chmod 600 ${path}`);
  if (file.uid !== process.geteuid?.()) throw unsafe(`${path} belongs to another user`);
  const directory = dirname(path);
  if (((await stat(directory)).mode & 0o022) !== 0) {
    throw unsafe(`others may replace the key; run: chmod go-w ${directory}`);
  }
};

const unsafe = (message: string): SecretsError => new SecretsError('ORCA_SECRETS_KEY_UNSAFE', message);
