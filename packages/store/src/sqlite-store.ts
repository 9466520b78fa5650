import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { asStoreError, openDatabase } from './database.ts';
import { StoreError } from './errors.ts';
import type { Change, Store } from './store.ts';
import { inTransaction } from './transaction.ts';

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
  /** Gives how many values each of them changed. */
  const write = (changes: readonly Change[]): Promise<readonly number[]> =>
    run(() => {
      // Before anything is begun: what JSON cannot hold needs no way back.
      const tasks = changes.map((change) => taskOf(sql, change, keep));
      return inTransaction(database, () => tasks.map((task) => task()));
    });
  return {
    get: (kind, id) => run(() => decode(sql.get.get(kind, id)?.['value'])),
    put: async (kind, id, value) => void (await write([{ type: 'put', kind, id, value }])),
    delete: async (kind, id) => (await write([{ type: 'delete', kind, id }]))[0] === 1,
    list: (kind) =>
      run(() => sql.list.all(kind).map((row) => ({ id: String(row['id']), value: decode(row['value']) }))),
    append: async (kind, record) => void (await write([{ type: 'append', kind, record }])),
    write: async (changes) => void (await write(changes)),
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
type Statements = Readonly<Record<Statement, StatementSync>>;

const prepare = (database: DatabaseSync): Statements => ({
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

/** What makes the change; a value that cannot be kept throws at once. */
const taskOf = (sql: Statements, change: Change, keep: number): (() => number) => {
  const { type, kind } = change;
  switch (type) {
    case 'put': {
      const value = encode(change.value);
      return () => Number(sql.put.run(kind, change.id, value).changes);
    }
    case 'delete':
      return () => Number(sql.delete.run(kind, change.id).changes);
    case 'append': {
      const record = encode(change.record);
      return () => {
        const { changes } = sql.append.run(kind, record);
        sql.trim.run(kind, kind, keep);
        return Number(changes);
      };
    }
    default:
      return type satisfies never;
  }
};

const encode = (value: unknown): string => {
  // It is `undefined` for `undefined` and for functions, whatever its type says.
  const text: unknown = JSON.stringify(value);
  if (typeof text !== 'string') throw new StoreError('ORCA_STORE_VALUE_INVALID', `${typeof value} is not a JSON value`);
  return text;
};

const decode = (text: unknown): unknown => (typeof text === 'string' ? JSON.parse(text) : undefined);
