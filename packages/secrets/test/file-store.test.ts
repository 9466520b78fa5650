import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { aStore } from './a-store.ts';

describe('a file store', () => {
  test('is empty before the first secret, and reading makes no file and no key', async () => {
    using a = aStore();
    expect(await a.store.names()).toEqual([]);
    expect(await a.store.get('A')).toBeUndefined();
    expect(await a.store.digests(['A'])).toEqual({});
    expect(await a.store.delete('A')).toBe(false);
    expect(readdirSync(a.directory)).toEqual([]);
  });

  test('gives back what was set, also after it was opened again', async () => {
    using a = aStore();
    expect(await a.set('A', 'one')).toBe('created');
    expect(await a.set('shop.A', 'two')).toBe('created');
    const again = a.reopened();
    expect((await again.get('A'))?.reveal()).toBe('one');
    expect((await again.get('shop.A'))?.reveal()).toBe('two');
    expect(await again.get('B')).toBeUndefined();
  });

  test('S12: counts the values a secret has had, and lists names sorted', async () => {
    using a = aStore();
    await a.set('B', '1');
    await a.set('A', '1');
    expect(await a.set('B', '2')).toBe('changed');
    expect((await a.store.names()).map(({ name, rev }) => [name, rev])).toEqual([
      ['A', 1],
      ['B', 2],
    ]);
  });

  test('S6: writes nothing when the value is the same', async () => {
    using a = aStore();
    await a.set('A', 'one');
    const before = a.raw();
    expect(await a.set('A', 'one')).toBe('unchanged');
    expect(a.raw()).toBe(before);
  });

  test('deletes once, and says whether there was something', async () => {
    using a = aStore();
    await a.set('A', 'one');
    await a.set('B', 'two');
    expect(await a.store.delete('A')).toBe(true);
    expect(await a.store.delete('A')).toBe(false);
    expect(await a.store.get('A')).toBeUndefined();
    expect(await a.reveal('B')).toBe('two');
  });

  test('keeps names that are special to JavaScript apart from everything else', async () => {
    using a = aStore();
    expect(await a.store.get('constructor')).toBeUndefined();
    await a.set('__proto__', 'x');
    await a.set('toString', 'y');
    expect(await a.reveal('__proto__')).toBe('x');
    expect((await a.store.names()).map(({ name }) => name)).toEqual(['__proto__', 'toString']);
    expect(Object.keys(await a.store.digests(['__proto__', 'toString']))).toEqual(['__proto__', 'toString']);
  });

  test('S2: never writes a value, and the same value is sealed differently each time', async () => {
    using a = aStore();
    await a.set('A', 'canary-value');
    await a.set('B', 'canary-value');
    expect(a.raw()).not.toContain('canary');
    expect(a.raw()).not.toContain(Buffer.from('canary-value').toString('base64'));
    a.edit((file) => {
      expect(file.entries['A']?.ct).not.toBe(file.entries['B']?.ct);
      expect(file.entries['A']?.n).not.toBe(file.entries['B']?.n);
    });
  });

  test('S6: lets nobody else read its files, whatever the umask, and leaves no others behind', async () => {
    using a = aStore();
    const umask = process.umask(0);
    try {
      await a.set('A', 'one');
      await a.set('A', 'two');
    } finally {
      process.umask(umask);
    }
    expect(statSync(a.path).mode & 0o777).toBe(0o600);
    expect(statSync(a.keyPath).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(a.keyPath)).mode & 0o777).toBe(0o700);
    expect(readdirSync(a.directory).toSorted()).toEqual(['home', 'secrets.json']);
    expect(readdirSync(dirname(a.keyPath))).toEqual(['master.key']);
  });

  test('overwrites a temporary file that a crash left behind', async () => {
    using a = aStore();
    writeFileSync(`${a.path}.tmp`, 'half a fi');
    await a.set('A', 'one');
    expect(await a.reveal('A')).toBe('one');
    expect(existsSync(`${a.path}.tmp`)).toBe(false);
  });

  test.each(['', '1A', 'A-B', 'a b', 'a.b.c', '.A', 'A.', '${A}', '../A', 'Ä', 'A\n', 'A'.repeat(200)])(
    'refuses the name %j',
    async (name) => {
      using a = aStore();
      await expect(a.set(name, 'x')).rejects.toMatchObject({ code: 'ORCA_SECRETS_NAME_INVALID' });
      expect(existsSync(a.path)).toBe(false);
    },
  );

  test('refuses a value that it could not give back', async () => {
    using a = aStore();
    await expect(a.set('A', '\ud800')).rejects.toMatchObject({ code: 'ORCA_SECRETS_VALUE_INVALID' });
    await expect(a.set('A', 'x'.repeat(1024 * 1024 + 1))).rejects.toMatchObject({ code: 'ORCA_SECRETS_VALUE_INVALID' });
  });

  test('serves another infra root with the same master key', async () => {
    using a = aStore();
    using b = aStore();
    await a.set('A', 'one');
    mkdirSync(dirname(b.keyPath), { mode: 0o700 });
    renameSync(a.keyPath, b.keyPath);
    await b.set('A', 'two');
    renameSync(b.keyPath, a.keyPath);
    expect(await a.reveal('A')).toBe('one');
  });
});

describe('the digests of a file store', () => {
  test('stay while the value stays, and differ for another value, name or store', async () => {
    using a = aStore();
    using b = aStore();
    await a.set('A', 'one');
    await a.set('B', 'one');
    await b.set('A', 'one');
    const before = await a.store.digests(['A', 'B', 'missing']);
    expect(Object.keys(before)).toEqual(['A', 'B']);
    expect(before['A']).not.toBe(before['B']);
    expect((await b.store.digests(['A']))['A']).not.toBe(before['A']);
    await a.set('A', 'two');
    expect((await a.store.digests(['A']))['A']).not.toBe(before['A']);
    await a.set('A', 'one');
    expect(await a.reopened().digests(['A', 'B'])).toEqual(before);
  });
});

describe('S5: the master key', () => {
  test.each([0o644, 0o640, 0o620, 0o604])('is refused with mode %i', async (mode) => {
    using a = aStore();
    await a.set('A', 'one');
    chmodSync(a.keyPath, mode);
    const before = a.raw();
    for (const use of [() => a.store.get('A'), () => a.set('A', 'two'), () => a.store.names()]) {
      await expect(use()).rejects.toMatchObject({
        code: 'ORCA_SECRETS_KEY_UNSAFE',
        message: expect.stringContaining(`chmod 600 ${a.keyPath}`),
      });
    }
    expect(a.raw()).toBe(before);
  });

  test('is refused as a symbolic link', async () => {
    using a = aStore();
    await a.set('A', 'one');
    renameSync(a.keyPath, join(a.directory, 'elsewhere'));
    symlinkSync(join(a.directory, 'elsewhere'), a.keyPath);
    await expect(a.store.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_UNSAFE' });
  });

  test('is refused in a directory where others may replace it', async () => {
    using a = aStore();
    await a.set('A', 'one');
    chmodSync(dirname(a.keyPath), 0o777);
    await expect(a.store.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_UNSAFE' });
  });

  test('is refused when it belongs to another user (needs root to give it away)', async () => {
    using a = aStore();
    await a.set('A', 'one');
    chownSync(a.keyPath, 12_345, 12_345);
    await expect(a.store.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_UNSAFE' });
  });

  test('is never made anew while there are secrets', async () => {
    using a = aStore();
    await a.set('A', 'one');
    rmSync(a.keyPath);
    const before = a.raw();
    for (const use of [() => a.store.get('A'), () => a.set('B', 'two'), () => a.store.delete('A')]) {
      await expect(use()).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_MISSING' });
    }
    expect(existsSync(a.keyPath)).toBe(false);
    expect(a.raw()).toBe(before);
  });

  test.each(['', 'orca-master-key-1 short\n', 'x'.repeat(62)])('is refused when it holds %j', async (text) => {
    using a = aStore();
    await a.set('A', 'one');
    writeFileSync(a.keyPath, text);
    await expect(a.store.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_INVALID' });
  });

  test('of other secrets is told from a damaged file, and destroys nothing', async () => {
    using a = aStore();
    using b = aStore();
    await a.set('A', 'one');
    await b.set('A', 'one');
    const before = a.raw();
    const key = `${a.keyPath}.kept`;
    renameSync(a.keyPath, key);
    renameSync(b.keyPath, a.keyPath);
    for (const use of [() => a.store.get('A'), () => a.set('A', 'two'), () => a.store.delete('A')]) {
      await expect(use()).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_WRONG' });
    }
    expect(a.raw()).toBe(before);
    renameSync(key, a.keyPath);
    expect(await a.reveal('A')).toBe('one');
  });

  test('does not appear in an error, nor does a value', async () => {
    using a = aStore();
    await a.set('A', 'canary-value');
    a.edit((file) => void (file.gen += 1));
    const error = await a.store.get('A').catch((cause: unknown) => cause);
    const told = `${String(error)} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ''}`;
    expect(told).toContain(a.path);
    expect(told).not.toContain('canary');
  });
});
