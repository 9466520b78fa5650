import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore } from '@orca/store';

const dirs: string[] = [];
const fresh = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-store-'));
  dirs.push(dir);
  return join(dir, 'orca.db');
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

describe('the store', () => {
  it('keeps entries over a restart, each kind apart', async () => {
    const path = fresh();
    const first = createStore({ path });
    await first.put('paused', 'web', { since: 1 });
    await first.put('paused', 'web', { since: 2 });
    await first.put('route', 'web', { domains: ['a'] });
    await first.close();
    const second = createStore({ path });
    expect(await second.get('paused', 'web')).toEqual({ since: 2 });
    expect(await second.list('route')).toEqual([{ id: 'web', value: { domains: ['a'] } }]);
    expect(await second.delete('paused', 'web')).toBe(true);
    expect(await second.delete('paused', 'web')).toBe(false);
    expect(await second.get('paused', 'web')).toBeUndefined();
    await second.close();
  });

  it('gives the last records of a journal, oldest first', async () => {
    const store = createStore({ path: ':memory:' });
    for (const n of [1, 2, 3, 4]) await store.append('deploy', { n });
    await store.append('audit', { n: 9 });
    expect(await store.tail('deploy', 3)).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
    await store.close();
  });

  it('is readable by its owner alone', async () => {
    const path = fresh();
    const store = createStore({ path });
    await store.put('a', 'b', {});
    for (const name of readdirSync(join(path, '..'))) expect(statSync(join(path, '..', name)).mode & 0o077).toBe(0);
    await store.close();
  });

  it('moves a file that is no database aside, says so, and begins anew', async () => {
    const path = fresh();
    writeFileSync(path, 'this is not a database, and longer than its header would be '.repeat(20));
    const moved: string[] = [];
    const store = createStore({ path, onCorrupt: (to) => moved.push(to) });
    expect(moved).toEqual([`${path}.corrupt.1`]);
    await store.put('a', 'b', { ok: true });
    expect(await store.get('a', 'b')).toEqual({ ok: true });
    await store.close();
  });

  it('says which file it cannot open', () => {
    expect(() => createStore({ path: '/nowhere/orca.db' })).toThrow(/\/nowhere\/orca\.db/);
  });
});
