import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type AStore, aStore } from './a-store.ts';
import { run, setterArgs } from './run-setter.ts';

/** Every call that changes something on disk; libuv makes them in threads, hence `-f`. */
const CALLS = ['openat', 'write', 'pwrite64', 'fsync', 'rename', 'symlink', 'unlink', 'link', 'mkdir'] as const;

const hasStrace = (await run('strace', ['-V'])).code === 0;
const withStrace = hasStrace ? describe : describe.skip;
if (!hasStrace) console.warn('skipped: strace is not installed (apt-get install strace)');

/** Runs one `set` under strace. Only calls that name a file of the test count, not those of Node's own start. */
const setUnder = async (
  a: AStore,
  inject: readonly string[],
): Promise<{ readonly code: unknown; readonly log: string }> => {
  const log = join(a.directory, 'strace.log');
  const paths = [a.path, `${a.path}.tmp`, `${a.path}.lock`, a.keyPath, a.directory].flatMap((path) => ['-P', path]);
  // strace counts calls by thread, so there has to be one.
  const args = [
    '-f',
    '-qq',
    '-E',
    'UV_THREADPOOL_SIZE=1',
    '-o',
    log,
    ...paths,
    '-e',
    `trace=${CALLS.join()}`,
    ...inject,
  ];
  const { code } = await run('strace', [...args, process.execPath, ...setterArgs(a, 'NEW', 1)]);
  return { code, log: readFileSync(log, 'utf8') };
};

const countCalls = async (): Promise<ReadonlyMap<string, number>> => {
  using a = aStore();
  await a.set('OLD', 'old value');
  const { code, log } = await setUnder(a, []);
  expect(code).toBe(0);
  const counts = CALLS.map(
    (call) => [call, log.split('\n').filter((line) => line.includes(` ${call}(`)).length] as const,
  );
  return new Map(counts.filter(([, count]) => count > 0));
};

withStrace('a write of secrets', () => {
  test('killed at any call leaves a file that opens, and the next write works', async () => {
    let tried = 0;
    for (const [call, count] of await countCalls()) {
      for (let nth = 1; nth <= count; nth += 1) {
        using a = aStore();
        await a.set('OLD', 'old value');
        const { code } = await setUnder(a, ['-e', `inject=${call}:signal=KILL:when=${nth}`]);
        expect([call, nth, code === 0]).toEqual([call, nth, false]);
        const names = (await a.reopened().names()).map(({ name }) => name);
        expect([['OLD'], ['NEW0', 'OLD']]).toContainEqual(names);
        expect(await a.reveal('OLD')).toBe('old value');
        await a.set('AFTER', 'x');
        expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json', 'strace.log']);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(8);
  }, 240_000);

  test.each(['ENOSPC', 'EIO'])(
    'answered with %s at any call leaves the old file or the new one, whole',
    async (errno) => {
      for (const [call, count] of await countCalls()) {
        // A lock that cannot be removed is reported, and given up by the end of its process.
        for (let nth = 1; nth <= count; nth += 1) {
          using a = aStore();
          await a.set('OLD', 'old value');
          const before = a.raw();
          const { code } = await setUnder(a, ['-e', `inject=${call}:error=${errno}:when=${nth}`]);
          if (a.raw() === before) expect([call, nth, code]).not.toEqual([call, nth, 0]);
          expect(await a.reveal('OLD')).toBe('old value');
          await a.set('AFTER', 'x');
          expect(await a.reveal('AFTER')).toBe('x');
        }
      }
    },
    240_000,
  );
});
