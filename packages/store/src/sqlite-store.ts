import { chmodSync, existsSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from './errors.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** The database file, made 0600 when it is not there; `:memory:` keeps nothing. */
  readonly path: string;
  /** Told when a corrupt database was moved aside and a new one begun. */
  readonly onCorrupt?: (movedTo: string) => void;
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS entry (kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT;
  CREATE TABLE IF NOT EXISTS record (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, value TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS record_kind ON record (kind, seq);
`;

/** Records in one SQLite file. A file that is not a database is moved aside: history is not worth a refused start. */
export const createStore = ({ path, onCorrupt }: StoreOptions): Store => {
  const db = open(path, onCorrupt);
  const statements = {
    get: db.prepare('SELECT value FROM entry WHERE kind = ? AND id = ?'),
    put: db.prepare(
      'INSERT INTO entry (kind, id, value) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value',
    ),
    delete: db.prepare('DELETE FROM entry WHERE kind = ? AND id = ?'),
    list: db.prepare('SELECT id, value FROM entry WHERE kind = ? ORDER BY id'),
    append: db.prepare('INSERT INTO record (kind, value) VALUES (?, ?)'),
    tail: db.prepare(
      'SELECT value FROM (SELECT seq, value FROM record WHERE kind = ? ORDER BY seq DESC LIMIT ?) ORDER BY seq',
    ),
  };
  return {
    get: async (kind, id) => decode(statements.get.get(kind, id)?.['value']),
    put: async (kind, id, value) => {
      statements.put.run(kind, id, JSON.stringify(value));
    },
    delete: async (kind, id) => statements.delete.run(kind, id).changes > 0,
    list: async (kind) =>
      statements.list.all(kind).map((row) => ({ id: String(row['id']), value: decode(row['value']) })),
    append: async (kind, record) => {
      statements.append.run(kind, JSON.stringify(record));
    },
    tail: async (kind, limit) => statements.tail.all(kind, limit).map((row) => decode(row['value'])),
    close: async () => db.close(),
  };
};

const decode = (text: unknown): unknown => (typeof text === 'string' ? JSON.parse(text) : undefined);

const open = (path: string, onCorrupt: StoreOptions['onCorrupt']): DatabaseSync => {
  try {
    return prepare(path);
  } catch (error) {
    if (!isCorrupt(error)) {
      throw new StoreError('ORCA_STORE_UNREADABLE', `cannot open ${path}: ${String(error)}`, { cause: error });
    }
    const aside = freeName(`${path}.corrupt`);
    renameSync(path, aside);
    for (const suffix of ['-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    onCorrupt?.(aside);
    return prepare(path);
  }
};

const prepare = (path: string): DatabaseSync => {
  const db = new DatabaseSync(path);
  try {
    if (path !== ':memory:') chmodSync(path, 0o600);
    db.exec(schema);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** SQLITE_CORRUPT and SQLITE_NOTADB; anything else (a full disk, a lock) says nothing about the file. */
const isCorrupt = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'errcode' in error && (error.errcode === 11 || error.errcode === 26);

const freeName = (base: string): string => {
  for (let n = 1; ; n += 1) if (!existsSync(`${base}.${n}`)) return `${base}.${n}`;
};
