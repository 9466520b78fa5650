import type { DatabaseSync } from 'node:sqlite';

/** All that `work` changes, or nothing of it. */
export const inTransaction = <T>(database: DatabaseSync, work: () => T): T => {
  database.exec('BEGIN IMMEDIATE');
  let isWritten = false;
  try {
    const result = work();
    isWritten = true;
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk may have rolled it back already.
    if (database.isTransaction) database.exec('ROLLBACK');
    if (isWritten) revoke(database);
    throw error;
  }
};

/**
 * A commit that fails in its last step, the sync, is undone in this process, but stands whole in
 * the log: whoever opens the database after a crash would take it for done. The next commit
 * overwrites it; this is one that changes nothing. Where not even that can be written there is no more to be done.
 */
const revoke = (database: DatabaseSync): void => {
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${version}; COMMIT`);
  } catch {
    // The caller is told of the first failure.
    if (database.isTransaction) database.exec('ROLLBACK');
  }
};
