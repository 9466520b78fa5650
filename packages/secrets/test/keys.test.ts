import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createFileStore, createNodeKeyPair, findMasterKey, openOnNode, recoverySheet } from '@orca/secrets';
import { sealForNode, SecretValue } from '@orca/secrets';
import { type AStore, aStore } from './a-store.ts';

const files = (a: AStore): readonly string[] => readdirSync(dirname(a.keyPath)).toSorted();

describe('S1: rotating keys', () => {
  test('gives a new master key and a new data key, and leaves values, revisions, dates and digests as they are', async () => {
    using a = aStore();
    await a.set('A', 'one');
    await a.set('A', 'two');
    await a.set('B', 'three');
    const [names, digests, before] = [await a.store.names(), await a.store.digests(['A', 'B']), JSON.parse(a.raw())];
    const oldKey = readFileSync(a.keyPath, 'utf8');
    const { keptAt, isResumed } = await a.store.rotateKeys();
    expect(isResumed).toBe(false);
    const after = JSON.parse(a.raw());
    expect([after.kid === before.kid, after.kcv === before.kcv, after.gen]).toEqual([false, false, before.gen + 1]);
    expect(after.entries.A.ct).not.toBe(before.entries.A.ct);
    expect([await a.reveal('A'), await a.reveal('B')]).toEqual(['two', 'three']);
    expect(await a.reopened().names()).toEqual(names);
    expect(await a.reopened().digests(['A', 'B'])).toEqual(digests);
    expect(readFileSync(keptAt ?? '', 'utf8')).toBe(oldKey);
    expect(files(a)).toHaveLength(2);
    expect(statSync(a.keyPath).mode & 0o777).toBe(0o600);
  });

  test('with the master key alone, one field is rewritten', async () => {
    using a = aStore();
    await a.set('A', 'one');
    const before = JSON.parse(a.raw());
    await a.store.rotateKeys({ masterOnly: true });
    const after = JSON.parse(a.raw());
    expect(after.wrapped_dek).not.toEqual(before.wrapped_dek);
    expect(after.entries).toEqual(before.entries);
    expect(await a.reopened().get('A')).toBeDefined();
  });

  test('another repository with the same key, and a backup from before, still open', async () => {
    using a = aStore();
    using b = aStore();
    await a.set('A', 'one');
    const backup = a.raw();
    mkdirSync(dirname(b.keyPath), { mode: 0o700 });
    rmSync(dirname(b.keyPath), { recursive: true });
    const other = createFileStore({ path: b.path, keyPath: a.keyPath });
    await other.set('B', SecretValue.of('two'));
    await a.store.rotateKeys();
    await a.store.rotateKeys();
    expect((await other.get('B'))?.reveal()).toBe('two');
    await other.rotateKeys();
    expect((await other.get('B'))?.reveal()).toBe('two');
    expect(await a.reveal('A')).toBe('one');
    writeFileSync(a.path, backup);
    expect((await a.reopened().get('A'))?.reveal()).toBe('one');
  });

  test('is refused where there is nothing to rotate, and where systemd holds the key', async () => {
    using a = aStore();
    await expect(a.store.rotateKeys()).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_MISSING' });
    expect(readdirSync(a.directory)).toEqual([]);
    await a.set('A', 'one');
    const handed = createFileStore({ path: a.path, keyPath: a.keyPath, keyPrivacy: 'credential' });
    await expect(handed.rotateKeys()).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_UNSAFE' });
  });
});

describe('S5: where the master key is', () => {
  const place = (env: Record<string, string>, home = '/home/x/.orca') => findMasterKey({ home, env, cwd: '/srv/here' });

  test('ORCA_MASTER_KEY_FILE comes first, then a credential of the unit, then the home', () => {
    using a = aStore();
    const credentials = join(a.directory, 'credentials');
    mkdirSync(credentials);
    expect(place({}).keyPath).toBe('/home/x/.orca/master.key');
    expect(place({ CREDENTIALS_DIRECTORY: credentials }).keyPath).toBe('/home/x/.orca/master.key');
    writeFileSync(join(credentials, 'master.key'), '');
    const handed = { keyPath: join(credentials, 'master.key'), keyPrivacy: 'credential' };
    expect(place({ CREDENTIALS_DIRECTORY: credentials })).toMatchObject(handed);
    expect(place({ CREDENTIALS_DIRECTORY: credentials, ORCA_MASTER_KEY_FILE: 'k' }).keyPath).toBe('/srv/here/k');
  });

  test('a credential as systemd leaves it (root, group bits of its access list) opens the secrets; one that others read does not', async () => {
    using a = aStore();
    await a.set('A', 'one');
    const credentials = join(a.directory, 'credentials');
    mkdirSync(credentials, { mode: 0o500 });
    for (const [mode, fits] of [
      [0o440, true],
      [0o400, true],
      [0o444, false],
      [0o460, false],
    ] as const) {
      rmSync(join(credentials, 'master.key'), { force: true });
      writeFileSync(join(credentials, 'master.key'), readFileSync(a.keyPath));
      chmodSync(join(credentials, 'master.key'), mode);
      const at = findMasterKey({ home: '/nowhere', env: { CREDENTIALS_DIRECTORY: credentials }, cwd: '/' });
      const got = createFileStore({ path: a.path, ...at }).get('A');
      if (fits) expect((await got)?.reveal()).toBe('one');
      else await expect(got).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_UNSAFE' });
    }
  });

  test('a lost key is never made anew while there are secrets, and the message says where it belongs', async () => {
    using a = aStore();
    await a.set('A', 'one');
    rmSync(a.keyPath);
    for (const use of [() => a.store.get('A'), () => a.set('B', 'x'), () => a.store.verify()]) {
      await expect(use()).rejects.toMatchObject({
        code: 'ORCA_SECRETS_KEY_MISSING',
        message: expect.stringMatching(/home\/master\.key; restore it from a backup/),
      });
    }
    expect(existsSync(a.keyPath)).toBe(false);
  });
});

describe('S5: a master key with a passphrase', () => {
  const withPassphrase = (a: AStore, passphrase: string | undefined) =>
    createFileStore({ path: a.path, keyPath: a.keyPath, passphrase: async () => passphrase });

  test('opens with it, asks once, and not with another or without one', async () => {
    using a = aStore();
    await a.set('A', 'one');
    await a.store.rotateKeys({ passphrase: 'correct horse' });
    expect(readFileSync(a.keyPath, 'utf8')).toMatch(/^orca-master-key-2 argon2id:65536:3:4 /);
    let asked = 0;
    const store = createFileStore({
      path: a.path,
      keyPath: a.keyPath,
      passphrase: async () => ((asked += 1), 'correct horse'),
    });
    expect((await store.get('A'))?.reveal()).toBe('one');
    await store.set('B', SecretValue.of('two'));
    expect((await store.get('B'))?.reveal()).toBe('two');
    expect(asked).toBe(1);
    const before = a.raw();
    for (const wrong of ['correct hors', '', undefined]) {
      const other = withPassphrase(a, wrong);
      await expect(other.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_LOCKED' });
      await expect(other.set('A', SecretValue.of('x'))).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_LOCKED' });
    }
    expect(a.raw()).toBe(before);
  });

  test('a rotation has to say what the new key is to have', async () => {
    using a = aStore();
    await a.set('A', 'one');
    await a.store.rotateKeys({ passphrase: 'first' });
    await expect(withPassphrase(a, 'first').rotateKeys()).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_LOCKED' });
    await withPassphrase(a, 'first').rotateKeys({ passphrase: '' });
    expect((await a.reopened().get('A'))?.reveal()).toBe('one');
  });

  test.each([
    ['more memory than there is', /:65536:/, ':9999999:'],
    ['more passes', /:3:4 /, ':99:4 '],
    ['less memory than lanes', /:65536:/, ':16:'],
    ['another salt', /(:4 )../, '$1AA'],
  ])('a key file that was changed is refused at once: %s', async (_what, from, to) => {
    using a = aStore();
    await a.set('A', 'one');
    await a.store.rotateKeys({ passphrase: 'p' });
    const text = readFileSync(a.keyPath, 'utf8');
    rmSync(a.keyPath);
    writeFileSync(a.keyPath, text.replace(from, to), { mode: 0o600 });
    await expect(withPassphrase(a, 'p').get('A')).rejects.toMatchObject({
      code: expect.stringMatching(/KEY_(INVALID|LOCKED)/),
    });
  });
});

describe('S3: a file put back to an earlier state', () => {
  const remembering = (a: AStore, acceptOlder = false) =>
    createFileStore({ path: a.path, keyPath: a.keyPath, seenPath: join(a.directory, 'seen.json'), acceptOlder });

  test('is refused until it is accepted, and then is the one that counts', async () => {
    using a = aStore();
    const store = remembering(a);
    await store.set('A', SecretValue.of('one'));
    const older = a.raw();
    await store.set('A', SecretValue.of('two'));
    writeFileSync(a.path, older);
    for (const use of [() => store.get('A'), () => store.set('B', SecretValue.of('x')), () => store.verify()]) {
      await expect(use()).rejects.toMatchObject({
        code: 'ORCA_SECRETS_OLDER',
        message: expect.stringMatching(/generation 1, and 2 was seen.*--accept-older/),
      });
    }
    expect(a.raw()).toBe(older);
    expect((await remembering(a, true).get('A'))?.reveal()).toBe('one');
    expect((await store.get('A'))?.reveal()).toBe('one');
  });

  test('is noticed over a rotation of the keys, and another file in its place too', async () => {
    using a = aStore();
    const store = remembering(a);
    await store.set('A', SecretValue.of('one'));
    const older = a.raw();
    await store.rotateKeys();
    writeFileSync(a.path, older);
    await expect(store.get('A')).rejects.toMatchObject({ code: 'ORCA_SECRETS_OLDER' });
    rmSync(a.path);
    await createFileStore({ path: a.path, keyPath: a.keyPath }).set('A', SecretValue.of('new'));
    await expect(store.get('A')).rejects.toMatchObject({ message: expect.stringContaining('another file') });
  });

  test('begun anew on purpose, it counts from there', async () => {
    using a = aStore();
    const store = remembering(a);
    await store.set('A', SecretValue.of('one'));
    await store.set('A', SecretValue.of('two'));
    rmSync(a.path);
    await store.set('A', SecretValue.of('three'));
    expect((await store.get('A'))?.reveal()).toBe('three');
  });

  test('a memory that is lost or damaged stops nothing', async () => {
    using a = aStore();
    const store = remembering(a);
    await store.set('A', SecretValue.of('one'));
    writeFileSync(join(a.directory, 'seen.json'), '{"version":1,"fil');
    expect((await store.get('A'))?.reveal()).toBe('one');
    renameSync(join(a.directory, 'seen.json'), join(a.directory, 'gone'));
    expect((await store.get('A'))?.reveal()).toBe('one');
  });
});

test('S5: the recovery sheet, followed word by word, brings the secrets back', async () => {
  using a = aStore();
  await a.set('A', 'one');
  const { keyId = '' } = (await a.store.verify()) ?? {};
  const sheet = await recoverySheet({ path: a.path, keyPath: a.keyPath, keyId, now: new Date(0) });
  rmSync(dirname(a.keyPath), { recursive: true });
  const command = /\n {3}(\(umask[\s\S]*?\nEND\n)/.exec(sheet)?.[1] ?? '';
  expect(spawnSync('sh', ['-c', command]).status).toBe(0);
  expect((await a.reopened().get('A'))?.reveal()).toBe('one');
  expect(sheet).toContain(keyId);
});

test('S5: a recovery page shows the key that opens the file, not the one that took its place elsewhere', async () => {
  using a = aStore();
  await a.set('A', 'one');
  const { keyId = '' } = (await a.store.verify()) ?? {};
  const sealed = readFileSync(a.path);
  const key = readFileSync(a.keyPath, 'utf8').trim();
  // Another repository with the same key is rotated: this one still asks for the former.
  await a.store.rotateKeys();
  writeFileSync(a.path, sealed);
  const options = { path: a.path, keyPath: a.keyPath, now: new Date(0) };
  expect(await recoverySheet({ ...options, keyId })).toContain(key);
  await expect(recoverySheet({ ...options, keyId: '00000000' })).rejects.toMatchObject({
    code: 'ORCA_SECRETS_KEY_MISSING',
  });
});

describe('S14: values sealed for a node', () => {
  test('open there and nowhere else, and not after a change', async () => {
    const [node, other] = [await createNodeKeyPair(), await createNodeKeyPair()];
    const sealed = await sealForNode(SecretValue.of('pässword\n'), node.publicKey);
    expect(sealed).not.toContain('ssword');
    expect((await openOnNode(sealed, node)).reveal()).toBe('pässword\n');
    expect(await sealForNode(SecretValue.of('pässword\n'), node.publicKey)).not.toBe(sealed);
    await expect(openOnNode(sealed, other)).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_WRONG' });
    const bytes = Buffer.from(sealed, 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await expect(openOnNode(bytes.toString('base64'), node)).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_WRONG' });
    await expect(openOnNode('', node)).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_WRONG' });
    await expect(sealForNode(SecretValue.of('x'), 'AAAA')).rejects.toMatchObject({ code: 'ORCA_SECRETS_KEY_INVALID' });
  });
});
