import { chmodSync, closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from './errors.ts';

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entry (
    kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, value TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS record_kind ON record (kind, seq);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Opens the database, making it if there is none. A damaged one is moved aside and named to `onCorrupt`. */
export const openDatabase = (path: string, onCorrupt: (movedTo: string) => void): DatabaseSync => {
  if (path === ':memory:') return openSound(path);
  try {
    makePrivate(path);
    return openSound(path);
  } catch (error) {
    const failure = asStoreError(error, path);
    if (failure.code !== 'ORCA_STORE_CORRUPT') throw failure;
  }
  onCorrupt(moveAside(path));
  makePrivate(path);
  return openSound(path);
};

export const asStoreError = (error: unknown, path: string): StoreError => {
  if (error instanceof StoreError) return error;
  const cause = { cause: error };
  if (isDamage(error)) return new StoreError('ORCA_STORE_CORRUPT', `${path} is damaged`, cause);
  return new StoreError('ORCA_STORE_IO', `${path}: ${error instanceof Error ? error.message : String(error)}`, cause);
};

const openSound = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    // WAL lets others read while it is written; FULL has each commit on disk before it returns.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    assertSound(database, path);
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

const assertSound = (database: DatabaseSync, path: string): void => {
  const verdict = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (verdict !== 'ok') throw new StoreError('ORCA_STORE_CORRUPT', `${path} is damaged: ${String(verdict)}`);
};

const migrate = (database: DatabaseSync, path: string): void => {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'ORCA_STORE_NEWER',
      `${path} was written by a later orca; use that one, or move the file away`,
    );
  }
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
};

/** SQLite gives its side files the mode of the database; on its own it would let everybody read. */
const makePrivate = (path: string): void => {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
};

/** Its side files go with it: under the new database's name they would be applied to that. */
const moveAside = (path: string): string => {
  const aside = freeName(`${path}.corrupt`);
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
};

const freeName = (base: string): string => {
  for (let n = 1; ; n += 1) if (!existsSync(`${base}.${n}`)) return `${base}.${n}`;
};

const isDamage = (error: unknown): boolean => {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return false;
  // The low byte is the primary code; the rest only says where.
  const primary = Number(error.errcode) & 0xff;
  return primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB;
};
