import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ServerError } from './errors.ts';

/** The files of `~/.orca` (or `ORCA_HOME`). */
export interface Home {
  readonly dir: string;
  readonly tokenPath: string;
  readonly logPath: string;
  readonly accessLogPath: string;
  readonly lockPath: string;
  readonly storePath: string;
  /** Certificates, their keys and the accounts they were obtained with. */
  readonly certsPath: string;
  /** How far the secrets file had come when it was last seen. */
  readonly seenPath: string;
}

/** Makes the directory if it is not there; refuses one that others may write to. */
export const openHome = (dir: string): Home => {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ServerError('ORCA_SERVER_HOME', `cannot create ${dir}: ${String(cause)}`, { cause });
  }
  const { mode } = lstatSync(dir);
  if ((mode & 0o022) !== 0) {
    throw new ServerError('ORCA_SERVER_HOME', `${dir} is writable by others; run: chmod 700 ${dir}`);
  }
  return {
    dir,
    tokenPath: join(dir, 'cluster.token'),
    logPath: join(dir, 'orca.log'),
    accessLogPath: join(dir, 'access.log'),
    lockPath: join(dir, 'orca.pid'),
    storePath: join(dir, 'orca.db'),
    certsPath: join(dir, 'certs'),
    seenPath: join(dir, 'secrets-seen.json'),
  };
};

/**
 * The admin token's SHA-256, so that the token itself is not kept in memory. A first start
 * writes a new token of 256 bits, 0600; one that others may read is refused.
 */
export const openToken = (path: string): Uint8Array => {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    const token = randomBytes(32).toString('hex');
    writeSync(fd, `${token}\n`);
    fsyncSync(fd);
    closeSync(fd);
    return digest(token);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) {
      throw new ServerError('ORCA_SERVER_HOME', `cannot write ${path}: ${String(error)}`, { cause: error });
    }
  }
  const stat = lstatSync(path);
  if (!stat.isFile() || (stat.mode & 0o077) !== 0) {
    throw new ServerError('ORCA_SERVER_HOME', `${path} may be read by others; run: chmod 600 ${path}`);
  }
  const token = readFileSync(path, 'utf8').trim();
  if (token.length < 32) {
    throw new ServerError(
      'ORCA_SERVER_HOME',
      `${path} holds no usable token (fewer than 32 characters); remove it, and the next start writes a new one`,
    );
  }
  return digest(token);
};

const digest = (token: string): Uint8Array => createHash('sha256').update(token).digest();

export const isCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
