import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { asStoreError, openDatabase } from './database.ts';
import { StoreError } from './errors.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** The database file, or `:memory:`. */
  readonly path: string;
  /** Records kept of each journal; 10 000 when absent. */
  readonly keep?: number;
  /** Told when a damaged database was moved aside and a new one begun. */
  readonly onCorrupt?: (movedTo: string) => void;
}

/** Opens a store in a SQLite database; throws `StoreError` when there can be none. */
export function createStore(options: StoreOptions): Store {
  const { path, keep = 10_000, onCorrupt = () => {} } = options;
  const database = openDatabase(path, onCorrupt);
  const sql = prepare(database);
  // Promises although SQLite answers at once: the callers must not learn which engine it is.
  const run = async <T>(work: () => T): Promise<T> => {
    if (!database.isOpen) throw new StoreError('ORCA_STORE_CLOSED', `${path} is closed`);
    try {
      return work();
    } catch (error) {
      throw asStoreError(error, path);
    }
  };
  return {
    get: (kind, id) => run(() => decode(sql.get.get(kind, id)?.['value'])),
    put: (kind, id, value) => run(() => void sql.put.run(kind, id, encode(value))),
    delete: (kind, id) => run(() => sql.delete.run(kind, id).changes > 0),
    list: (kind) =>
      run(() => sql.list.all(kind).map((row) => ({ id: String(row['id']), value: decode(row['value']) }))),
    append: (kind, record) =>
      run(() =>
        inTransaction(database, () => {
          sql.append.run(kind, encode(record));
          sql.trim.run(kind, kind, keep);
        }),
      ),
    tail: (kind, limit) =>
      run(() =>
        sql.tail
          .all(kind, limit)
          .map((row) => decode(row['value']))
          .toReversed(),
      ),
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

type Statement = 'get' | 'put' | 'delete' | 'list' | 'append' | 'trim' | 'tail';

const prepare = (database: DatabaseSync): Readonly<Record<Statement, StatementSync>> => ({
  get: database.prepare('SELECT value FROM entry WHERE kind = ? AND id = ?'),
  put: database.prepare(
    'INSERT INTO entry (kind, id, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  ),
  delete: database.prepare('DELETE FROM entry WHERE kind = ? AND id = ?'),
  list: database.prepare('SELECT id, value FROM entry WHERE kind = ? ORDER BY id'),
  append: database.prepare('INSERT INTO record (kind, value) VALUES (?, ?)'),
  trim: database.prepare(
    `DELETE FROM record WHERE kind = ?
     AND seq <= (SELECT seq FROM record WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`,
  ),
  tail: database.prepare('SELECT value FROM record WHERE kind = ? ORDER BY seq DESC LIMIT ?'),
});

const inTransaction = (database: DatabaseSync, work: () => void): void => {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    // A full disk may have rolled it back already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
};

const encode = (value: unknown): string => {
  // It is `undefined` for `undefined` and for functions, whatever its type says.
  const text: unknown = JSON.stringify(value);
  if (typeof text !== 'string') throw new StoreError('ORCA_STORE_VALUE_INVALID', `${typeof value} is not a JSON value`);
  return text;
};

const decode = (text: unknown): unknown => (typeof text === 'string' ? JSON.parse(text) : undefined);
