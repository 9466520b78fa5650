import { chmod, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tempDir } from '@orca/tooling-testbed';
import { readCertificate, type Certificate } from '../src/certificate.ts';
import { createFileStore } from '../src/file-store.ts';
import { emptyRecord, type HostRecord } from '../src/host-record.ts';
import { createKeyPem, readKey } from '../src/key-pair.ts';
import type { AccountStore, CertStore } from '../src/ports.ts';
import { decodeRecord, encodeRecord } from '../src/record-text.ts';
import { authorityFolder } from '../src/store-path.ts';
import { createSelfSigned } from '../src/x509-write.ts';

const directory = 'https://ca.test/directory';
const now = Date.now();
let certificate: Certificate;

beforeAll(async () => {
  const keyPem = await createKeyPem('ecdsa-p256');
  const times = { notBefore: now, notAfter: now + 1e9 };
  certificate = readCertificate(createSelfSigned({ names: ['a.test'], key: readKey(keyPem), ...times }), keyPem);
});

const open = (dir: string, told: string[] = []): CertStore & AccountStore =>
  createFileStore({ dir, directory, now: () => now, onCorrupt: (path, as, why) => told.push(`${path} ${as} ${why}`) });
const place = (dir: string, ...names: readonly string[]): string => join(dir, authorityFolder(directory), ...names);

describe('A19: certificates in files', () => {
  test('come back as they were, for their owner only', async () => {
    await using dir = await tempDir();
    const root = join(dir.path, 'certs');
    await open(root).saveCertificate('a.test', certificate);
    await open(root).saveRecord('a.test', { ...emptyRecord, failures: 3 });
    const read = await open(root).load('a.test');
    expect(read).toEqual({ certificate, record: { ...emptyRecord, failures: 3 } });
    expect(await open(root).hosts()).toEqual(['a.test']);
    for (const [path, mode] of [
      [root, 0o700],
      [place(root, 'a.test'), 0o700],
      [place(root, 'a.test', 'certificate.pem'), 0o600],
      [place(root, 'a.test', 'state.json'), 0o600],
    ] as const)
      expect((await stat(path)).mode & 0o777).toBe(mode);
  });

  test('what is not there is absent', async () => {
    await using dir = await tempDir();
    expect(await open(dir.path).load('a.test')).toEqual({ certificate: undefined, record: emptyRecord });
    expect(await open(dir.path).hosts()).toEqual([]);
    expect(await open(dir.path).loadAccount({ directory, email: '' })).toBeUndefined();
  });

  test('torn at any length: absent, moved aside, and the next one is written', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const store = open(dir.path, told);
    const path = place(dir.path, 'a.test', 'certificate.pem');
    await store.saveCertificate('a.test', certificate);
    const { size } = await stat(path);
    for (const length of [0, 1, 100, Math.floor(size / 2), size - 30]) {
      await store.saveCertificate('a.test', certificate);
      await truncate(path, length);
      expect((await store.load('a.test')).certificate).toBeUndefined();
    }
    expect(told).toHaveLength(5);
    await store.saveCertificate('a.test', certificate);
    expect((await store.load('a.test')).certificate).toEqual(certificate);
    expect((await readdir(place(dir.path, 'a.test'))).some((name) => name.includes('.corrupt-'))).toBe(true);
  });

  test('a key of another certificate, a record of rubbish, an account of rubbish: absent', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const store = open(dir.path, told);
    await store.saveCertificate('a.test', { ...certificate, keyPem: await createKeyPem('ecdsa-p256') });
    for (const text of ['', '{', 'null', '{"version":2}', '\0\0\0']) {
      await writeFile(place(dir.path, 'a.test', 'state.json'), text);
      expect(await store.load('a.test')).toEqual({ certificate: undefined, record: emptyRecord });
    }
    const id = { directory, email: 'a@b.test' };
    await store.saveAccount(id, { keyPem: certificate.keyPem, url: 'https://ca.test/1' });
    expect(await store.loadAccount(id)).toEqual({ keyPem: certificate.keyPem, url: 'https://ca.test/1' });
    const [name = ''] = (await readdir(place(dir.path))).filter((one) => one.startsWith('account-'));
    await writeFile(place(dir.path, name), '{"version":1');
    expect(await store.loadAccount(id)).toBeUndefined();
    expect(told).toHaveLength(7);
  });

  test('what is told of a damaged file says nothing of what is in it', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const store = open(dir.path, told);
    const id = { directory, email: 'a@b.test' };
    const secret = 'MIGHAgEAMBMGByqGSM49';
    await store.saveAccount(id, { keyPem: certificate.keyPem, url: undefined });
    await store.saveRecord('a.test', emptyRecord);
    const [account = ''] = (await readdir(place(dir.path))).filter((one) => one.startsWith('account-'));
    // A parser quotes what it stumbles over, with what is around it.
    for (const path of [place(dir.path, account), place(dir.path, 'a.test', 'state.json')])
      await writeFile(path, `{"version":1,"keyPem":${secret}}`);
    await store.loadAccount(id);
    await store.load('a.test');
    expect(told).toHaveLength(2);
    for (let at = 0; at + 4 <= secret.length; at += 1) expect(told.join()).not.toContain(secret.slice(at, at + 4));
  });

  test('what a writer that was killed has left is swept away, and never read', async () => {
    await using dir = await tempDir();
    const store = open(dir.path);
    await store.saveCertificate('a.test', certificate);
    await writeFile(place(dir.path, 'a.test', 'certificate.pem.0123456789ab.tmp'), 'half');
    await store.assertWritable('a.test');
    expect(await readdir(place(dir.path, 'a.test'))).toEqual(['certificate.pem']);
    expect((await store.load('a.test')).certificate).toEqual(certificate);
  });

  test('a file that others may read is closed to them', async () => {
    await using dir = await tempDir();
    const path = place(dir.path, 'a.test', 'certificate.pem');
    await open(dir.path).saveCertificate('a.test', certificate);
    await chmod(path, 0o644);
    await open(dir.path).load('a.test');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('a symbolic link in place of a file is not followed', async () => {
    await using dir = await tempDir();
    const elsewhere = join(dir.path, 'elsewhere.pem');
    await writeFile(elsewhere, `${certificate.certPem}${certificate.keyPem}`);
    await mkdir(place(dir.path, 'a.test'), { recursive: true });
    await symlink(elsewhere, place(dir.path, 'a.test', 'certificate.pem'));
    await expect(open(dir.path).load('a.test')).rejects.toMatchObject({ code: 'ORCA_ACME_STORE' });
    await open(dir.path).saveCertificate('a.test', certificate);
    expect(await readFile(elsewhere, 'utf8')).toContain('BEGIN');
    expect((await open(dir.path).load('a.test')).certificate).toEqual(certificate);
  });

  test('property: a record comes back as it was', () => {
    const ms = fc.option(fc.integer({ min: 0, max: 2 ** 45 }), { nil: undefined });
    fc.assert(
      fc.property(fc.tuple(fc.nat(40), ms, ms, fc.string(), fc.boolean()), ([failures, at, window, detail, flag]) => {
        const record: HostRecord = {
          ...emptyRecord,
          failures,
          nextTryAt: at,
          isForced: flag,
          isRehearsed: !flag,
          configuration: detail,
          lastFailure: { kind: 'server', type: 'x', detail, at: failures, retryAt: at },
          order: flag
            ? {
                url: 'https://ca.test/o/1',
                keyPem: detail,
                startedAt: failures,
                challenge: 'http-01',
                nextLookAt: 7,
                isRehearsal: flag,
              }
            : undefined,
          window: window === undefined ? undefined : { start: 1, end: 2, chosenAt: window, explanationUrl: detail },
        };
        expect(decodeRecord(encodeRecord(record))).toEqual(record);
      }),
    );
  });
});
