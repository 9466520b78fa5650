import type { AlpnCertificate, Certificate, CertFiles, CertManager, HostState, Http01Answers } from '@orca/acme';
import type { AcmeSpec } from '@orca/spec';
import type { Logger } from 'pino';
import { isAbsolute, join } from 'node:path';
import { messageOf } from '../wire.ts';
import { isAuthorityNamed, openAuthority } from './authority.ts';
import { Counts } from './counts.ts';
import { shownSerial } from './handshake.ts';
import { logCertificate } from './log-certificates.ts';
import { published, stampOf, type Published, type Shown } from './published.ts';

/** A service's domains, and the files of a certificate that it brings itself. */
export interface WantedDomains {
  readonly domains: readonly string[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** The HTTPS side of the proxy, as certificates need it. Each resolves once it is in force. */
export interface HttpsFront {
  /** Where HTTPS is listened on; `undefined` when it is not. */
  readonly address: () => { readonly host: string; readonly port: number } | undefined;
  readonly setCertificates: (
    certificates: Published['certificates'],
  ) => Promise<readonly { readonly names: readonly string[]; readonly reason: string }[]>;
  /** Hosts whose certificate is good: plain HTTP for them is redirected. */
  readonly setHttpsHosts: (hosts: readonly string[]) => Promise<void>;
  readonly setAnswers: (managedHosts: readonly string[], answers: Http01Answers) => Promise<void>;
  readonly setAlpnCertificates: (certificates: readonly AlpnCertificate[]) => Promise<void>;
}

export interface CertificatesOptions {
  readonly spec: AcmeSpec;
  readonly root: string;
  readonly dir: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  /** Domains of the services that are kept. */
  readonly wanted: () => readonly WantedDomains[];
  readonly front: HttpsFront;
  readonly log: Logger;
}

export interface Certificates {
  /** Loads what is stored and shows it, before anybody may connect; then gets what is missing, in the background. */
  start(): Promise<void>;
  /** Domains may have changed. */
  rewant(): void;
  state(): readonly HostCertificate[];
  renew(host: string): Promise<void>;
  revoke(host: string, signal: AbortSignal): Promise<void>;
  readonly counts: Counts;
  stop(): Promise<void>;
}

export interface HostCertificate extends HostState {
  readonly source: 'acme' | 'file' | 'none';
}

const lookEveryMs = 2_000;

export const createCertificates = async (o: CertificatesOptions): Promise<Certificates> => {
  const { now, front, log } = o;
  const acme = await import('@orca/acme');
  const counts = new Counts();
  const onEvent = (event: Parameters<typeof logCertificate>[1]): void => {
    logCertificate(log, event);
    counts.hear(event);
    if (event.type === 'issued') void look();
  };
  let answers: Http01Answers = {};
  let managed: readonly string[] = [];
  const manager: CertManager | undefined = isAuthorityNamed(o.spec)
    ? await openAuthority({
        ...o,
        onEvent,
        onTerms: (url) =>
          log.info({ terms: url }, 'an account is made: by [acme] in cluster.toml you agree to these terms of service'),
        onCorrupt: (path, as, reason) => log.error({ path, as, reason }, 'a damaged certificate file was moved aside'),
        onTakeover: (key, owner) => log.warn({ key, owner }, 'took over a lease that its owner left behind'),
        publishAnswers: (next) => {
          answers = next;
          return front.setAnswers(managed, answers);
        },
        publishAlpn: (certificates) => front.setAlpnCertificates(certificates),
      })
    : undefined;
  const files: CertFiles = acme.createCertFiles({
    now,
    onEvent,
    onChange: ({ hosts, certificate, fault }) => {
      if (fault === undefined) log.info({ hosts, notAfter: isoOf(certificate?.notAfter) }, 'certificate file in use');
      else log.error({ hosts, reason: fault }, 'a certificate file cannot be used; what was good before serves on');
    },
  });
  const placeholders = new Map<string, Certificate>();
  /** Serial numbers that a handshake has shown, by host: each swap is looked at once. */
  const verified = new Map<string, string>();
  const stopping = new AbortController();
  let hosts: readonly string[] = [];
  let inForce = '';

  const fileOf = (host: string): Certificate | undefined =>
    files.state().find((file) => file.hosts.includes(host))?.certificate;
  const shown = async (host: string): Promise<Shown> => {
    const real = fileOf(host) ?? manager?.current(host);
    if (real !== undefined) return { host, pair: real, isReal: true };
    const pair = placeholders.get(host) ?? (await acme.createSelfSignedCertificate(host, now()));
    placeholders.set(host, pair);
    return { host, pair, isReal: false };
  };
  /** Puts in force what has changed, and redirects to it only after a handshake has shown it. */
  const publish = async (): Promise<void> => {
    const all = await Promise.all(hosts.map(shown));
    const next = published(all, now());
    if (stampOf(next) === inForce) return;
    const refused = await front.setCertificates(next.certificates);
    for (const { names, reason } of refused)
      log.error({ hosts: names, reason }, 'the proxy cannot serve a certificate');
    const bad = new Set(refused.flatMap(({ names }) => names));
    const real = all.filter(({ host }) => next.httpsHosts.includes(host) && !bad.has(host));
    const good: string[] = [];
    for (const { host, pair } of real) if (await verify(host, pair)) good.push(host);
    await front.setHttpsHosts(good);
    // What a handshake did not show is put in force again with the next look.
    inForce = good.length === real.length ? stampOf(next) : '';
  };
  const verify = async (host: string, pair: Certificate): Promise<boolean> => {
    const address = front.address();
    if (address === undefined) return false;
    if (verified.get(host) === pair.serial) return true;
    const serial = await shownSerial({ host, address });
    if (serial === pair.serial) {
      verified.set(host, pair.serial);
      return true;
    }
    verified.delete(host);
    log.warn(
      { host, expected: pair.serial, shown: serial },
      'HTTPS does not show the new certificate yet; tries again',
    );
    return false;
  };
  const rewant = async (): Promise<void> => {
    const wanted = o.wanted();
    const own = wanted.flatMap(({ domains, tls }) => (tls === undefined ? [] : [fileFor(o.root, domains, tls)]));
    const brought = new Set(own.flatMap((file) => file.hosts));
    hosts = [...new Set(wanted.flatMap(({ domains }) => domains))].toSorted();
    for (const host of placeholders.keys()) if (!hosts.includes(host)) placeholders.delete(host);
    await files.watch(own);
    const asked = hosts.filter((host) => !brought.has(host));
    await manager?.manage(asked);
    // For the others a challenge of somebody's own goes to the service.
    managed = (manager?.state() ?? []).flatMap(({ host, reason }) => (reason === undefined ? [host] : []));
    await front.setAnswers(managed, answers);
  };

  let isDirty = true;
  let looking: Promise<void> | undefined;
  const lookOnce = async (): Promise<void> => {
    try {
      if (isDirty) {
        isDirty = false;
        await rewant();
      }
      await files.refresh();
      await publish();
    } catch (error) {
      isDirty = true;
      log.error({ reason: messageOf(error) }, 'certificates could not be put in force; tries again');
    }
  };
  let isAskedAgain = false;
  const lookUntilDone = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      await lookOnce();
    } while (isAskedAgain);
  };
  /** What happens during a look is looked at after it. */
  const look = (): Promise<void> => {
    if (looking !== undefined) isAskedAgain = true;
    return (looking ??= lookUntilDone().finally(() => (looking = undefined)));
  };
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  return {
    counts,
    start: async () => {
      await look();
      running = manager?.run(stopping.signal);
      timer = setInterval(() => void look(), lookEveryMs);
    },
    rewant: () => {
      isDirty = true;
      void look();
    },
    state: () => statesOf(hosts, files, manager),
    renew: async (host) => {
      await managerOf(manager).renew(host);
    },
    revoke: (host, signal) => managerOf(manager).revoke(host, signal),
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled([running, looking]);
    },
  };
};

const managerOf = (manager: CertManager | undefined): CertManager => {
  if (manager !== undefined) return manager;
  throw new Error(notAsked);
};

const notAsked = 'no authority is named: set [acme] email in cluster.toml';

const statesOf = (
  hosts: readonly string[],
  files: CertFiles,
  manager: CertManager | undefined,
): readonly HostCertificate[] => {
  const managed = new Map((manager?.state() ?? []).map((state) => [state.host, state]));
  return hosts.map((host) => {
    const file = files.state().find((one) => one.hosts.includes(host));
    if (file !== undefined) return { ...nothingFor(host), ...fileState(file), source: 'file' as const };
    const state = managed.get(host);
    if (state !== undefined) return { ...state, source: 'acme' as const };
    return { ...nothingFor(host), reason: notAsked, source: 'none' as const };
  });
};

const nothingFor = (host: string): HostState => ({
  host,
  state: 'none',
  certificate: undefined,
  renewal: undefined,
  lastFailure: undefined,
  failures: 0,
  nextTryAt: undefined,
  reason: undefined,
});

const fileState = ({
  certificate,
  fault,
}: ReturnType<CertFiles['state']>[number]): Pick<HostState, 'state' | 'certificate' | 'reason'> => ({
  state: certificate === undefined ? 'failed' : 'valid',
  certificate,
  reason: fault,
});

const fileFor = (
  root: string,
  hosts: readonly string[],
  { certFile, keyFile }: NonNullable<WantedDomains['tls']>,
): { readonly hosts: readonly string[]; readonly certPath: string; readonly keyPath: string } => {
  const at = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  return { hosts, certPath: at(certFile), keyPath: at(keyFile) };
};

const isoOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
