import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { type AStore, aStore, entryOf, type FileContent } from './a-store.ts';

const twoSecrets = async (): Promise<AStore> => {
  const a = aStore();
  await a.set('A', 'first value');
  await a.set('B', 'other value');
  return a;
};

/** Refused for reading and for writing, and left as it was found. */
const expectRefused = async (a: AStore, code: string, message: RegExp = /./): Promise<void> => {
  const before = a.raw();
  const uses = [
    () => a.store.get('B'),
    () => a.store.names(),
    () => a.store.digests(['B']),
    () => a.set('C', 'x'),
    () => a.store.delete('B'),
  ];
  for (const use of uses) {
    await expect(use()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  }
  expect(a.raw()).toBe(before);
};

test('S9: what is told of a file that is no JSON says nothing of what is in it', async () => {
  using a = await twoSecrets();
  writeFileSync(a.path, 'DB_PASSWORD=correct-horse\n');
  const error: unknown = await a.store.names().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ORCA_SECRETS_FILE_INVALID' });
  // As a log writes it: with its causes.
  expect(inspect(error)).not.toMatch(/DB_P|corr|horse/);
});

describe('S2, S3: a secrets file that somebody changed', () => {
  const changes: readonly (readonly [string, (file: FileContent) => void, RegExp])[] = [
    ['an entry deleted', (file) => void delete file.entries['A'], /added, removed or put back/],
    [
      'two entries swapped',
      (file) => {
        const { A, B } = file.entries;
        if (A && B) file.entries = { A: B, B: A };
      },
      /changed: A, B/,
    ],
    ['an entry copied under another name', (file) => void (file.entries['C'] = entryOf(file, 'A')), /changed: C/],
    [
      'a bit of a ciphertext flipped',
      (file) => {
        const entry = entryOf(file, 'A');
        const bytes = Buffer.from(entry.ct, 'base64');
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        entry.ct = bytes.toString('base64');
      },
      /changed: A\b/,
    ],
    [
      'a tag cut to 4 bytes',
      (file) => {
        const entry = entryOf(file, 'A');
        entry.ct = Buffer.from(entry.ct, 'base64').subarray(0, -12).toString('base64');
      },
      /changed: A\b/,
    ],
    ['a ciphertext cut to nothing', (file) => void (entryOf(file, 'A').ct = ''), /changed: A\b/],
    ['another nonce', (file) => void (entryOf(file, 'A').n = entryOf(file, 'B').n), /changed: A\b/],
    [
      'a nonce of another length',
      (file) => void (entryOf(file, 'A').n = Buffer.alloc(16).toString('base64')),
      /changed: A\b/,
    ],
    ['a revision changed', (file) => void (entryOf(file, 'A').rev = 2), /changed: A\b/],
    ['a date changed', (file) => void (entryOf(file, 'A').updated = '2020-01-01T00:00:00.000Z'), /header/],
    ['the generation raised', (file) => void (file.gen += 1), /header/],
    ['another data key id', (file) => void (file.kid = '0'.repeat(16)), /data key/],
    ['the data key cut', (file) => void (file.wrapped_dek.ct = file.wrapped_dek.ct.slice(0, 24)), /data key/],
    ['the MAC emptied', (file) => void (file.mac = ''), /header/],
  ];

  test.each(changes)('is refused: %s', async (_what, change, message) => {
    using a = await twoSecrets();
    a.edit(change);
    await expectRefused(a, 'ORCA_SECRETS_FILE_TAMPERED', message);
  });

  test('is refused: an entry put back as it was before', async () => {
    using a = await twoSecrets();
    const before: FileContent = JSON.parse(a.raw());
    await a.set('A', 'newer value');
    a.edit((file) => void (file.entries['A'] = entryOf(before, 'A')));
    await expectRefused(a, 'ORCA_SECRETS_FILE_TAMPERED', /put back/);
  });

  test('is refused: entries of another file with the same master key', async () => {
    using a = await twoSecrets();
    renameSync(a.path, `${a.path}.kept`);
    await a.set('A', 'foreign');
    const foreign: FileContent = JSON.parse(a.raw());
    renameSync(`${a.path}.kept`, a.path);
    a.edit((file) => void (file.entries['A'] = entryOf(foreign, 'A')));
    await expectRefused(a, 'ORCA_SECRETS_FILE_TAMPERED', /changed: A\b/);
  });

  test('is not refused for its layout: only the content counts', async () => {
    using a = await twoSecrets();
    a.edit((file) => void (file.entries = Object.fromEntries(Object.entries(file.entries).toReversed())));
    expect(await a.reveal('A')).toBe('first value');
  });
});

describe('S4: what is not a secrets file', () => {
  test.each([
    ['an empty file', ''],
    ['text', 'A=b'],
    ['half a file', '{"format":"orca-secrets/2","kid":'],
    ['another format', '{"format":"orca-secrets/9"}'],
    ['a list', '[]'],
    ['missing fields', '{"format":"orca-secrets/2","gen":1}'],
  ])('is refused and kept: %s', async (_what, text) => {
    using a = await twoSecrets();
    writeFileSync(a.path, text);
    await expectRefused(a, 'ORCA_SECRETS_FILE_INVALID');
    expect(readFileSync(a.path, 'utf8')).toBe(text);
  });

  test('is refused when it is a symbolic link, which a write would replace', async () => {
    using a = await twoSecrets();
    renameSync(a.path, `${a.path}.elsewhere`);
    symlinkSync(`${a.path}.elsewhere`, a.path);
    await expectRefused(a, 'ORCA_SECRETS_FILE_INVALID', /symbolic link/);
  });
});
