import { lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { SecretValue } from '@orca/secrets';
import { type AStore, aStore } from './a-store.ts';
import { run, setterArgs } from './run-setter.ts';

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

const held = (a: AStore): string => `${a.path}.lock`;

const endedPid = async (): Promise<number> => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
};
const owner = (change: object): string =>
  JSON.stringify({
    host: hostname(),
    space: readlinkSync('/proc/self/ns/pid'),
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pid: process.pid,
    started: '1',
    nonce: 'abcdef',
    ...change,
  });

describe('S6: writing at the same time', () => {
  test('keeps all of 50 secrets set at once through one store and through several', async () => {
    using a = aStore();
    const stores = [a.store, a.reopened(), a.reopened()];
    await Promise.all(range(50).map((n) => stores[n % 3]?.set(`N${n}`, SecretValue.of(`value ${n}`))));
    for (const n of range(50)) expect(await a.reveal(`N${n}`)).toBe(`value ${n}`);
    expect(await a.store.names()).toHaveLength(50);
  });

  test('keeps all of 50 secrets set by 5 processes, one of them making the key, and readers never see less than before', async () => {
    using a = aStore();
    const done = new AbortController();
    const watch = async (): Promise<readonly number[]> => {
      const seen: number[] = [];
      for (; !done.signal.aborted; await sleep(3)) seen.push((await a.store.names()).length);
      return seen;
    };
    const watching = watch();
    const ended = await Promise.all(
      ['A', 'B', 'C', 'D', 'E'].map((prefix) => run(process.execPath, setterArgs(a, prefix, 10))),
    );
    done.abort();
    const seen = await watching;
    expect(ended).toEqual(ended.map(() => ({ code: 0, stdout: '' })));
    expect(await a.store.names()).toHaveLength(50);
    expect(seen).toEqual(seen.toSorted((x, y) => x - y));
    expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json']);
  });
});

describe('the lock', () => {
  test.each([
    ['a process that has ended', async () => ({ pid: await endedPid() })],
    ['a process whose pid is somebody else by now', async () => ({ started: '1' })],
    ['a process from before the machine was restarted', async () => ({ boot: 'an earlier one' })],
  ])('left behind by %s is removed', async (_whose, change) => {
    using a = aStore();
    symlinkSync(owner(await change()), held(a));
    expect(await a.set('A', 'one')).toBe('created');
    expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json']);
  });

  test('left behind is removed although whoever removed it first ended as well', async () => {
    using a = aStore();
    symlinkSync(owner({ boot: 'an earlier one' }), held(a));
    symlinkSync(owner({ boot: 'an earlier one', nonce: '123456' }), `${held(a)}.abcdef`);
    expect(await a.set('A', 'one')).toBe('created');
    expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json']);
  });

  test('left behind is taken over by one of many, and the others wait', async () => {
    using a = aStore();
    symlinkSync(owner({ boot: 'an earlier one' }), held(a));
    await Promise.all(range(20).map((n) => a.reopened().set(`N${n}`, SecretValue.of('x'))));
    expect(await a.store.names()).toHaveLength(20);
  });

  test.each([
    ['another host', { host: 'elsewhere' }],
    ['another pid namespace', { space: 'pid:[1]' }],
  ])('of %s is respected until it is gone', async (_whose, change) => {
    using a = aStore();
    symlinkSync(owner({ ...change, pid: 1 }), held(a));
    let isSet = false;
    const setting = a.set('A', 'one').then(() => (isSet = true));
    await sleep(200);
    expect(isSet).toBe(false);
    expect(lstatSync(held(a)).isSymbolicLink()).toBe(true);
    unlinkSync(held(a));
    await setting;
    expect(await a.reveal('A')).toBe('one');
  });

  test('is free again after a write that failed', async () => {
    using a = aStore();
    await a.set('A', 'one');
    a.edit((file) => void (file.gen += 1));
    await expect(a.set('A', 'two')).rejects.toMatchObject({ code: 'ORCA_SECRETS_FILE_TAMPERED' });
    a.edit((file) => void (file.gen -= 1));
    expect(await a.set('A', 'two')).toBe('changed');
  });
});

describe('S6: a disk that refuses', () => {
  test('leaves the old file as it was when the new one does not fit', async () => {
    using a = aStore();
    await a.set('A', 'one');
    const before = a.raw();
    // A limit on file size fails a write half way, as a full disk does.
    const command = `ulimit -f 4; exec "$0" "$@"`;
    const ended = await run('bash', ['-c', command, process.execPath, ...setterArgs(a, 'BIG', 1, 50_000)]);
    expect(ended).toEqual({ code: 1, stdout: 'ORCA_SECRETS_IO' });
    expect(a.raw()).toBe(before);
    expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json']);
    expect(await a.set('A', 'two')).toBe('changed');
  });

  test('says which file it could not write, and where the directory is missing', async () => {
    using a = aStore();
    a[Symbol.dispose]();
    await expect(a.set('A', 'one')).rejects.toMatchObject({
      code: 'ORCA_SECRETS_IO',
      message: expect.stringContaining(a.path),
    });
  });
});
