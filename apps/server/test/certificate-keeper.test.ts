import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createFileStore,
  createSelfSignedCertificate,
  type AlpnCertificate,
  type Certificate,
  type Http01Answers,
} from '@orca/acme';
import type { AcmeSpec } from '@orca/spec';
import { pino } from 'pino';
import { openAuthority, type AuthorityOptions } from '../src/certificates/authority.ts';
import { ChallengeBoard } from '../src/certificates/challenge-board.ts';
import { createCertificates, type Certificates, type WantedDomains } from '../src/certificates/certificates.ts';
import type { HttpsFront } from '../src/certificates/https-publisher.ts';

const spec: AcmeSpec = {
  email: 'ops@orca.dev',
  directory: undefined,
  caFile: undefined,
  termsAgreed: true,
  profile: undefined,
  externalAccount: undefined,
  challenges: ['http-01'],
  dnsHook: undefined,
  dnsEnv: {},
  resolvers: [],
  preflight: false,
  keyType: 'ecdsa-p256',
  preferredChain: undefined,
};
/** Nobody listens there, and it is on this network. */
const privateDirectory = 'https://127.0.0.1:1/dir';
const day = 86_400_000;

/** What the proxy was told last; it is away for as long as it is said to be. */
class Front implements HttpsFront {
  isAway = false;
  managed: readonly string[] = [];
  answers: Http01Answers = { left: 'by an earlier server' };
  alpn: readonly AlpnCertificate[] | undefined;
  pairs: Parameters<HttpsFront['setCertificates']>[0] = [];
  readonly #server: Server = createServer().listen(0, '127.0.0.1');

  readonly address: HttpsFront['address'] = () => ({
    host: '127.0.0.1',
    port: (this.#server.address() as AddressInfo | null)?.port ?? 1,
  });
  readonly setCertificates: HttpsFront['setCertificates'] = async (certificates) => {
    this.pairs = certificates;
    return [];
  };
  readonly setHttpsHosts: HttpsFront['setHttpsHosts'] = async () => undefined;
  readonly setAnswers: HttpsFront['setAnswers'] = async (managed, answers) => {
    if (this.isAway) throw new Error('the proxy is away');
    [this.managed, this.answers] = [managed, answers];
  };
  readonly setAlpnCertificates: HttpsFront['setAlpnCertificates'] = async (alpn) => {
    if (this.isAway) throw new Error('the proxy is away');
    this.alpn = alpn;
  };
  pairOf(host: string): string | undefined {
    return this.pairs.find(({ names }) => names.includes(host))?.certPem;
  }
  close(): void {
    this.#server.close();
  }
}

let dir = '';
let front: Front;
let opened: Certificates | undefined;
let now = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orca-keeper-'));
  front = new Front();
  now = Date.now();
});
afterEach(async () => {
  await opened?.stop();
  front.close();
  rmSync(dir, { recursive: true, force: true });
});

const keeper = async (acme: Partial<AcmeSpec>, ...wanted: readonly WantedDomains[]): Promise<Certificates> => {
  const log = pino({ level: 'silent' });
  const base = { root: dir, dir: join(dir, 'certs'), version: '0', env: {}, now: () => now, front, log };
  opened = await createCertificates({ ...base, spec: { ...spec, ...acme }, wanted: () => wanted });
  await opened.start();
  return opened;
};
const authorityOptions = (acme: AcmeSpec): AuthorityOptions => {
  const told = (): void => undefined;
  const publish = async (): Promise<void> => undefined;
  return {
    spec: acme,
    root: dir,
    dir: join(dir, 'certs'),
    version: '0',
    env: {},
    now: () => now,
    onEvent: told,
    onTerms: told,
    onCorrupt: told,
    onTakeover: told,
    publishAnswers: publish,
    publishAlpn: publish,
  };
};
const domains = (...names: readonly string[]): WantedDomains => ({ domains: names, tls: undefined });
const own = (host: string, pair: Certificate): WantedDomains => {
  mkdirSync(join(dir, 'own'), { recursive: true });
  writeFileSync(join(dir, 'own', `${host}.pem`), pair.certPem);
  writeFileSync(join(dir, 'own', `${host}.key`), pair.keyPem);
  return { domains: [host], tls: { certFile: `own/${host}.pem`, keyFile: `own/${host}.key` } };
};

describe('A4: which authority is asked for which name', () => {
  it('a public one is not asked for what it cannot sign, and it is said why', async () => {
    const names = ['shop.test', 'www.example.com', 'nas.local', 'db.prod.internal', 'nas'];
    const certificates = await keeper({}, domains(...names));
    for (const state of certificates.state()) {
      expect(state).toMatchObject({ source: 'acme', state: 'none', nextTryAt: undefined, failures: 0 });
      expect(state.reason).toMatch(/no public authority/);
    }
    expect(certificates.state()).toHaveLength(names.length);
    // Challenges of such a host are its service's own affair.
    expect(front.managed).toEqual([]);
  });

  it.each([
    ['that brings its own root', { directory: 'https://ca.orca.dev:1/dir', caFile: 'root.pem' }],
    ['on this network', { directory: privateDirectory }],
    ['on this network, by name', { directory: 'https://ca.internal:1/dir' }],
  ])('a private one %s is', async (_which, acme) => {
    const { certPem } = await createSelfSignedCertificate('ca.orca.dev', now);
    writeFileSync(join(dir, 'root.pem'), certPem);
    // Not run, so nobody is gone to.
    const manager = await openAuthority(authorityOptions({ ...spec, ...acme }));
    await manager.manage(['shop.test']);
    expect(manager.state()[0]).toMatchObject({ host: 'shop.test', state: 'pending', reason: undefined });
  });

  it('challenges of what it is asked for are answered here, and not by the service', async () => {
    await keeper({ directory: privateDirectory }, domains('shop.test'));
    expect(front.managed).toEqual(['shop.test']);
  });

  it('a root of one’s own beside the usual authority makes that no private one', async () => {
    writeFileSync(join(dir, 'root.pem'), (await createSelfSignedCertificate('ca.orca.dev', now)).certPem);
    const certificates = await keeper({ caFile: 'root.pem' }, domains('shop.test'));
    expect(certificates.state()[0]).toMatchObject({ state: 'none' });
  });
});

describe('A25: a certificate of one’s own that has expired', () => {
  it('gives way to that of a wildcard, whoever got it, and is told', async () => {
    const expired = own('www.a.test', await createSelfSignedCertificate('www.a.test', now - 400 * day));
    const wild = await createSelfSignedCertificate('*.a.test', now);
    const store = createFileStore({ dir: join(dir, 'certs'), directory: privateDirectory, now: () => now });
    await store.saveCertificate('*.a.test', wild);
    const acme = { directory: privateDirectory, challenges: ['dns-01'] as const, dnsHook: ['/bin/false'] };
    const certificates = await keeper(acme, expired, domains('*.a.test'));
    expect(front.pairOf('www.a.test')).toBe(wild.certPem);
    expect(certificates.state().find(({ host }) => host === 'www.a.test')).toMatchObject({
      source: 'file',
      state: 'failed',
      reason: 'the certificate in the file has expired',
    });
  });

  it('gives way to a file for the wildcard too; while it is good it wins over both', async () => {
    const files = [
      own('www.a.test', await createSelfSignedCertificate('www.a.test', now - 400 * day)),
      own('*.a.test', await createSelfSignedCertificate('*.a.test', now)),
    ];
    const good = await createSelfSignedCertificate('api.a.test', now);
    await keeper({ email: undefined }, ...files, own('api.a.test', good));
    expect(front.pairOf('www.a.test')).toBe(front.pairOf('*.a.test'));
    expect(front.pairOf('api.a.test')).toBe(good.certPem);
  });

  it('is still shown where nothing else covers the host', async () => {
    const expired = await createSelfSignedCertificate('www.a.test', now - 400 * day);
    await keeper({ email: undefined }, own('www.a.test', expired));
    expect(front.pairOf('www.a.test')).toBe(expired.certPem);
  });
});

describe('A22: challenges in the proxy', () => {
  it('what an earlier server left there is taken away at the start', async () => {
    await keeper({ email: undefined }, domains('shop.test'));
    expect([front.answers, front.alpn]).toEqual([{}, []]);
  });

  it('what could not be told is told again, without a challenge that ended meanwhile', async () => {
    front.isAway = true;
    await keeper({ directory: privateDirectory }, domains('shop.test'));
    expect(front.alpn).toBeUndefined();
    front.isAway = false;
    // Looks every two seconds.
    for (let i = 0; i < 4_800 && front.alpn === undefined; i += 1) await sleep(50);
    expect([front.answers, front.alpn, front.managed]).toEqual([{}, [], ['shop.test']]);
  });

  it('one that failed is not shown with what comes after, one that ended while the proxy was away neither', async () => {
    const board = new ChallengeBoard(front);
    await board.show(['shop.test']);
    await board.publishAnswers({ a: '1' }, () => ({ a: '1' }));
    front.isAway = true;
    await expect(board.publishAnswers({ a: '1', b: '2' }, () => ({ a: '1' }))).rejects.toThrow('away');
    expect(board.isStale).toBe(true);
    await expect(board.publishAnswers({}, () => ({}))).rejects.toThrow('away');
    await expect(board.show()).rejects.toThrow('away');
    expect([board.isStale, front.answers]).toEqual([true, { a: '1' }]);
    front.isAway = false;
    await board.show();
    expect([board.isStale, front.answers, front.managed]).toEqual([false, {}, ['shop.test']]);
    const alpn = { name: 'shop.test', certPem: 'c', keyPem: 'k' };
    front.isAway = true;
    await expect(board.publishAlpn([alpn], () => [])).rejects.toThrow('away');
    front.isAway = false;
    await board.show();
    expect([board.isStale, front.alpn]).toEqual([false, []]);
  });
});
