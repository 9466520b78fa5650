import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { tempDir } from '@orca/tooling-testbed';
import {
  createAcmeIssuer,
  createCertManager,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  createKeyPem,
  createSelfSignedCertificate,
  http01,
  readCertificate,
  type AcmeEvent,
  type CertManager,
  type CertManagerOptions,
  type CertStore,
  type Issuer,
} from '../src/index.ts';
import { emptyRecord } from '../src/host-record.ts';
import { readKey } from '../src/key-pair.ts';
import { authorityFolder } from '../src/store-path.ts';
import { createSelfSigned } from '../src/x509-write.ts';

/** Nobody listens there: whatever is asked fails at once. */
const directory = 'https://127.0.0.1:1/dir';
const day = 86_400_000;
const signal = AbortSignal.timeout(600_000);
let now = 0;
beforeEach(() => {
  now = Date.now();
});

interface Revoking {
  readonly issuer?: Pick<Issuer, 'revoke'>;
}

interface Opened {
  readonly manager: CertManager;
  readonly store: CertStore;
  readonly events: AcmeEvent[];
}

const open = (dir: string, more: Partial<Omit<CertManagerOptions, 'issuer'>> & Revoking = {}): Opened => {
  const clock = (): number => now;
  const store = createFileStore({ dir, directory, now: clock });
  const leaser = createFileLeaser({ dir: join(dir, 'leases') });
  const account = { directory, email: '', termsAgreed: true, accounts: store, leaser };
  const issuer = createAcmeIssuer({ ...account, transport: createHttpsTransport(), now: clock });
  const events: AcmeEvent[] = [];
  const onEvent = (event: AcmeEvent): void => void events.push(event);
  const base = { store, leaser, issuer, solvers: [http01().solver], now: clock, allowLocal: true, onEvent };
  return { manager: createCertManager({ ...base, ...more, issuer: { ...issuer, ...more.issuer } }), store, events };
};

describe('one host and the others', () => {
  test('A19: what is wrong with the files of one host keeps no other from its certificate', async () => {
    await using dir = await tempDir();
    const good = await createSelfSignedCertificate('good.test', now);
    await open(dir.path).store.saveCertificate('good.test', good);
    // Not a torn file, which is moved aside: something that cannot even be read.
    await mkdir(join(dir.path, authorityFolder(directory), 'broken.test', 'state.json'), { recursive: true });
    const { manager, events } = open(dir.path);
    await manager.manage(['broken.test', 'good.test']);
    expect(manager.current('good.test')?.serial).toBe(good.serial);
    const [broken, fine] = manager.state();
    expect(fine).toMatchObject({ host: 'good.test', state: 'valid' });
    expect(broken).toMatchObject({
      host: 'broken.test',
      state: 'failed',
      lastFailure: { kind: 'local', type: 'store', detail: expect.stringContaining('state.json') },
    });
    expect(events).toContainEqual(expect.objectContaining({ type: 'failed', host: 'broken.test' }));
    // Once the folder is in order it goes on by itself.
    await rm(join(dir.path, authorityFolder(directory), 'broken.test'), { recursive: true });
    now += 61_000;
    await manager.tick(signal);
    expect(manager.state()[0]?.lastFailure?.type).toBe('ORCA_ACME_UNREACHABLE');
  });

  test('A19: nor does a folder of a host that nobody wants any more', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, authorityFolder(directory), 'broken.test', 'state.json'), { recursive: true });
    const { manager, store } = open(dir.path, { graceMs: day });
    // Others that nobody wants are tidied all the same.
    await store.saveRecord('old.test', { ...emptyRecord, unmanagedSince: now - 2 * day });
    await manager.manage(['good.test']);
    expect(manager.state()[0]).toMatchObject({ host: 'good.test', state: 'pending' });
    expect(await store.hosts()).toEqual(['broken.test']);
  });

  test('A17: a certificate serves on, and nothing that is known is lost, when the files cannot be read after a failure', async () => {
    await using dir = await tempDir();
    const good = await createSelfSignedCertificate('a.test', now);
    const { store } = open(dir.path);
    await store.saveCertificate('a.test', good);
    await store.saveRecord('a.test', { ...emptyRecord, isForced: true, nextWindowCheckAt: now + day });
    let isBroken = false;
    const { manager, events } = open(dir.path, {
      store: { ...store, load: (host) => (isBroken ? Promise.reject(new Error('EMFILE')) : store.load(host)) },
      // Asked last before the authority, which is not there.
      preflight: () => {
        isBroken = true;
        return Promise.resolve(undefined);
      },
    });
    await manager.manage(['a.test']);
    await manager.tick(signal);
    expect(events).toContainEqual(expect.objectContaining({ type: 'failed', host: 'a.test' }));
    expect(manager.current('a.test')?.serial).toBe(good.serial);
    expect(manager.state()[0]).toMatchObject({ failures: 1, lastFailure: { type: 'ORCA_ACME_UNREACHABLE' } });
    expect((await store.load('a.test')).record).toMatchObject({ isForced: true });
  });

  test('A17: one whose own certificate has expired is shown that of a wildcard, and the other way round', async () => {
    await using dir = await tempDir();
    const { store } = open(dir.path);
    const make = async (name: string, notAfter: number) => {
      const keyPem = await createKeyPem('ecdsa-p256');
      const times = { notBefore: now - 90 * day, notAfter };
      return readCertificate(createSelfSigned({ names: [name], key: readKey(keyPem), ...times }), keyPem);
    };
    const [own, wild] = [await make('www.a.test', now - day), await make('*.a.test', now + 60 * day)];
    await store.saveCertificate('www.a.test', own);
    await store.saveCertificate('*.a.test', wild);
    const dns = { ...http01().solver, type: 'dns-01' as const };
    const { manager } = open(dir.path, { solvers: [dns] });
    await manager.manage(['www.a.test', '*.a.test']);
    expect(manager.current('www.a.test')?.serial).toBe(wild.serial);
    const renewed = await make('www.a.test', now + 30 * day);
    await store.saveCertificate('www.a.test', renewed);
    const again = open(dir.path, { solvers: [dns] }).manager;
    await again.manage(['www.a.test', '*.a.test']);
    expect(again.current('www.a.test')?.serial).toBe(renewed.serial);
  });
});

describe('A24: a clock that is set while this runs', () => {
  test('back by a year: nothing waits for as long as it was ahead', async () => {
    await using dir = await tempDir();
    const right = now;
    now += 365 * day;
    const { manager } = open(dir.path);
    await manager.manage(['a.test']);
    await manager.tick(signal);
    expect(manager.state()[0]?.failures).toBe(1);
    expect(manager.nextAt()).toBeGreaterThan(now);
    now = right;
    expect(manager.nextAt()).toBeLessThanOrEqual(right);
    await manager.tick(signal);
    expect(manager.state()[0]?.failures).toBe(2);
  });

  test('forward: what became due meanwhile is due', async () => {
    await using dir = await tempDir();
    const { manager } = open(dir.path);
    await manager.manage(['a.test']);
    await manager.tick(signal);
    now += day;
    expect(manager.nextAt()).toBeLessThanOrEqual(now);
  });
});

describe('A22: what is shown to an authority', () => {
  const left = { type: 'http-01' as const, name: 'a.test', token: 'left', keyAuthorization: 'left.key' };
  const shown = [left];

  test('and was left by an order that is over, or by a process that died, is taken away', async () => {
    await using dir = await tempDir();
    const answers = http01();
    await answers.solver.present(left, signal);
    // Asked before a new order is placed: by then nothing of the old one is left.
    const before: unknown[] = [];
    const preflight = async (): Promise<undefined> => void before.push(answers.answers());
    const { manager, store } = open(dir.path, { solvers: [answers.solver], preflight });
    await store.saveRecord('a.test', { ...emptyRecord, shown });
    await manager.manage(['a.test']);
    await manager.tick(signal);
    expect([before, answers.answers()]).toEqual([[{}], {}]);
    expect((await store.load('a.test')).record.shown).toEqual([]);
  });

  test('for a host that is not wanted any more is taken away, and its order is kept for its return', async () => {
    await using dir = await tempDir();
    const answers = http01();
    await answers.solver.present(left, signal);
    const { manager, store } = open(dir.path, { solvers: [answers.solver] });
    const keyPem = await createKeyPem('ecdsa-p256');
    const order = { url: 'https://127.0.0.1:1/o', keyPem, startedAt: now, challenge: 'http-01' as const };
    const record = { ...emptyRecord, shown, order: { ...order, nextLookAt: now, isRehearsal: false } };
    await store.saveRecord('a.test', record);
    await manager.manage(['a.test']);
    await manager.manage([]);
    for (let i = 0; i < 10_000 && Object.keys(answers.answers()).length > 0; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(answers.answers()).toEqual({});
    for (let i = 0; i < 10_000 && (await store.load('a.test')).record.shown.length > 0; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await store.load('a.test')).record).toMatchObject({ shown: [], order: { url: order.url } });
  });
});

describe('A23: a certificate that is revoked', () => {
  const isForced = async (store: CertStore): Promise<boolean> => (await store.load('a.test')).record.isForced;

  test('is renewed whatever becomes of this process: that is written down before the authority hears of it', async () => {
    await using dir = await tempDir();
    let wasForced: boolean | undefined;
    const revoke = async (): Promise<void> => void (wasForced = await isForced(store));
    const { manager, store, events } = open(dir.path, { issuer: { revoke } });
    await store.saveCertificate('a.test', await createSelfSignedCertificate('a.test', now));
    await manager.manage(['a.test']);
    await manager.revoke('a.test', signal);
    expect([wasForced, await isForced(store)]).toEqual([true, true]);
    expect(events).toContainEqual({ type: 'revoked', host: 'a.test' });
    expect(manager.nextAt()).toBeLessThanOrEqual(now);
  });

  test('and was not, because the authority would not, serves on and is not replaced', async () => {
    await using dir = await tempDir();
    const { manager, store, events } = open(dir.path, { issuer: { revoke: () => Promise.reject(new Error('no')) } });
    await store.saveCertificate('a.test', await createSelfSignedCertificate('a.test', now));
    await manager.manage(['a.test']);
    await expect(manager.revoke('a.test', signal)).rejects.toThrow('no');
    expect(await isForced(store)).toBe(false);
    expect(manager.state()[0]?.renewal?.why).not.toBe('it was asked for');
    expect(events).toEqual([]);
  });
});
