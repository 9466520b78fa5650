import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { createStore } from '@orca/store';
import { storeContract } from './store-contract.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orca-store-'));
  path = join(directory, 'orca.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

storeContract('memory', () => createStore({ path: ':memory:' }));
storeContract('a file', () => createStore({ path }));

test('remembers after it was closed and opened again', async () => {
  const before = createStore({ path });
  await before.put('kind', 'id', { a: 1 });
  await before.append('journal', { n: 1 });
  await before.close();
  const after = createStore({ path });
  expect(await after.get('kind', 'id')).toEqual({ a: 1 });
  expect(await after.tail('journal', 9)).toEqual([{ n: 1 }]);
  await after.close();
});

test('keeps every confirmed write whole when the process is killed', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'appender.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  for await (const chunk of child.stdout) {
    told += String(chunk);
    if (told.split('\n').length > 20) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const last = Number(told.trim().split('\n').at(-1));
  const store = createStore({ path });
  const journal = await store.tail('journal', 1e6);
  expect(journal.slice(0, last)).toEqual(Array.from({ length: last }, (_, index) => ({ n: index + 1 })));
  const value = journal.at(-1);
  expect(await store.list('kind')).toEqual([
    { id: 'first', value },
    { id: 'last', value },
  ]);
  await store.close();
});

test('lets nobody else read it, not even its side files', async () => {
  const store = createStore({ path });
  await store.put('kind', 'id', { n: 1 });
  const modes = readdirSync(directory).map((name) => [
    name,
    (statSync(join(directory, name)).mode & 0o777).toString(8),
  ]);
  expect(Object.fromEntries(modes)).toEqual({ 'orca.db': '600', 'orca.db-shm': '600', 'orca.db-wal': '600' });
  await store.close();
});

test('takes away the rights others had on an older file', async () => {
  writeFileSync(path, '', { mode: 0o644 });
  await createStore({ path }).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('moves a file aside that is no database, says where, and begins anew', async () => {
  writeFileSync(path, 'not a database, but something that somebody may miss'.repeat(50));
  const reports: string[] = [];
  const store = createStore({ path, onCorrupt: (movedTo) => reports.push(movedTo) });
  await store.put('kind', 'id', { n: 1 });
  expect(await store.get('kind', 'id')).toEqual({ n: 1 });
  await store.close();
  expect(reports).toHaveLength(1);
  expect(readFileSync(reports[0] ?? '', 'utf8')).toContain('somebody may miss');
});

test('moves a database aside whose pages were overwritten', async () => {
  const before = createStore({ path });
  for (let id = 0; id < 200; id += 1) await before.put('kind', `${id}`, { text: 'x'.repeat(500) });
  await before.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096 * 3, 4096 * 12);
  writeFileSync(path, bytes);
  let report: string | undefined;
  const store = createStore({ path, onCorrupt: (movedTo) => void (report = movedTo) });
  expect(await store.list('kind')).toEqual([]);
  expect(report).toContain('orca.db.corrupt.1');
  await store.close();
});

test('refuses a database of a later version and leaves it alone', async () => {
  await createStore({ path }).close();
  const later = new DatabaseSync(path);
  later.exec('PRAGMA user_version = 99');
  later.close();
  const before = readFileSync(path);
  expect(() => createStore({ path })).toThrow(expect.objectContaining({ code: 'ORCA_STORE_NEWER' }));
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('says which file it could not open', () => {
  const missing = join(directory, 'nowhere', 'orca.db');
  expect(() => createStore({ path: missing })).toThrow(
    expect.objectContaining({ code: 'ORCA_STORE_IO', message: expect.stringContaining(missing) }),
  );
});

test('drops the oldest records of the journal that grew too long, and of no other', async () => {
  const store = createStore({ path, keep: 3 });
  await store.append('other', { n: 0 });
  for (const n of [1, 2, 3, 4, 5]) await store.append('kind', { n });
  expect(await store.tail('kind', 10)).toEqual([{ n: 3 }, { n: 4 }, { n: 5 }]);
  expect(await store.tail('other', 10)).toHaveLength(1);
  await store.close();
});
