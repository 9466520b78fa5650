import { isAbsolute, join } from 'node:path';
import type { AcmeEvent, Certificate, CertFile, CertFiles, CertManager } from '@orca/acme';
import type { AcmeSpec } from '@orca/spec';
import type { Logger } from 'pino';
import { messageOf } from '../wire.ts';
import { isAuthorityNamed, openAuthority } from './authority.ts';
import { ChallengeBoard } from './challenge-board.ts';
import { Counts } from './counts.ts';
import { hostCertificates, type HostCertificate } from './host-certificates.ts';
import { HttpsPublisher, type HttpsFront } from './https-publisher.ts';
import { logCertificate, logCertFile } from './log-certificates.ts';
import type { Shown } from './published.ts';

/** A service's domains, and the files of a certificate that it brings itself. */
export interface WantedDomains {
  readonly domains: readonly string[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
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

/** A certificate for every domain: brought by the user, obtained from an authority, or something to show meanwhile. */
export interface Certificates {
  /** Puts in force what is stored, then gets what is missing, in the background. */
  start(): Promise<void>;
  /** Domains may have changed. */
  rewant(): void;
  state(): readonly HostCertificate[];
  renew(host: string): Promise<void>;
  revoke(host: string, signal: AbortSignal): Promise<void>;
  readonly counts: Counts;
  stop(): Promise<void>;
}

type Acme = typeof import('@orca/acme');

const lookEveryMs = 2_000;

export const createCertificates = async (options: CertificatesOptions): Promise<Certificates> => {
  const keeper = new CertificateKeeper(options, await import('@orca/acme'));
  await keeper.open();
  return keeper;
};

class CertificateKeeper implements Certificates {
  readonly counts: Counts = new Counts();
  readonly #o: CertificatesOptions;
  readonly #acme: Acme;
  readonly #files: CertFiles;
  readonly #publisher: HttpsPublisher;
  readonly #board: ChallengeBoard;
  readonly #placeholders = new Map<string, Certificate>();
  readonly #stopping = new AbortController();
  #manager: CertManager | undefined;
  #hosts: readonly string[] = [];
  #isDirty = true;
  #isAskedAgain = false;
  #looking: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CertificatesOptions, acme: Acme) {
    const { now, log } = options;
    this.#o = options;
    this.#acme = acme;
    this.#publisher = new HttpsPublisher(options);
    this.#board = new ChallengeBoard(options.front);
    const onEvent = (event: AcmeEvent): void => this.#hear(event);
    this.#files = acme.createCertFiles({ now, onEvent, onChange: (state) => logCertFile(log, state) });
  }

  async open(): Promise<void> {
    const { spec, front, log } = this.#o;
    if (!isAuthorityNamed(spec) || front.address() === undefined) return;
    this.#manager = await openAuthority({
      ...this.#o,
      onEvent: (event) => this.#hear(event),
      onTerms: (url) =>
        log.info({ terms: url }, 'an account is made: by [acme] in cluster.toml you agree to these terms of service'),
      onCorrupt: (path, as, reason) => log.error({ path, as, reason }, 'a damaged certificate file was moved aside'),
      onTakeover: (key, owner) => log.warn({ key, owner }, 'took over a lease that its owner left behind'),
      publishAnswers: (answers, inForce) => this.#board.publishAnswers(answers, inForce),
      publishAlpn: (certificates, inForce) => this.#board.publishAlpn(certificates, inForce),
    });
  }

  async start(): Promise<void> {
    await this.#look();
    this.#running = this.#manager?.run(this.#stopping.signal);
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
  }

  rewant(): void {
    this.#isDirty = true;
    void this.#look();
  }

  state(): readonly HostCertificate[] {
    return hostCertificates({
      hosts: this.#hosts,
      files: this.#files.state(),
      managed: this.#manager?.state() ?? [],
      whyNobody: this.#whyNobody(),
      now: this.#o.now(),
    });
  }

  async renew(host: string): Promise<void> {
    await this.#known().renew(host);
  }

  async revoke(host: string, signal: AbortSignal): Promise<void> {
    await this.#known().revoke(host, signal);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await Promise.allSettled([this.#running, this.#looking]);
  }

  #hear(event: AcmeEvent): void {
    logCertificate(this.#o.log, event);
    this.counts.hear(event);
    if (event.type === 'issued') void this.#look();
  }

  #known(): CertManager {
    if (this.#manager !== undefined) return this.#manager;
    throw new Error(this.#whyNobody());
  }

  #whyNobody(): string {
    return this.#o.front.address() === undefined
      ? 'there is no HTTPS here: set [proxy] https_port in cluster.toml'
      : 'no authority is named: set [acme] email in cluster.toml';
  }

  /** One at a time; what happens during a look is looked at after it. */
  #look(): Promise<void> {
    if (this.#looking !== undefined) this.#isAskedAgain = true;
    return (this.#looking ??= this.#lookUntilDone().finally(() => (this.#looking = undefined)));
  }

  async #lookUntilDone(): Promise<void> {
    do {
      this.#isAskedAgain = false;
      try {
        if (this.#isDirty) {
          this.#isDirty = false;
          await this.#readWanted();
        }
        await this.#files.refresh();
        if (this.#board.isStale) await this.#board.show();
        await this.#publisher.publish(await Promise.all(this.#hosts.map((host) => this.#shownFor(host))));
      } catch (error) {
        this.#isDirty = true;
        this.#o.log.error({ reason: messageOf(error) }, 'certificates could not be put in force; tries again');
      }
    } while (this.#isAskedAgain && !this.#stopping.signal.aborted);
  }

  async #readWanted(): Promise<void> {
    const { wanted, root } = this.#o;
    const all = wanted();
    const own = all.flatMap(({ domains, tls }) => (tls === undefined ? [] : [certFile(root, domains, tls)]));
    const brought = new Set(own.flatMap(({ hosts }) => hosts));
    this.#hosts = [...new Set(all.flatMap(({ domains }) => domains))].toSorted();
    for (const host of this.#placeholders.keys()) if (!this.#hosts.includes(host)) this.#placeholders.delete(host);
    await this.#files.watch(own);
    await this.#manager?.manage(this.#hosts.filter((host) => !brought.has(host)));
    const states = this.#manager?.state() ?? [];
    await this.#board.show(states.flatMap(({ host, reason }) => (reason === undefined ? [host] : [])));
  }

  async #shownFor(host: string): Promise<Shown> {
    const now = this.#o.now();
    const files = this.#files.state();
    const own = files.find(({ hosts }) => hosts.includes(host))?.certificate;
    const wider = files.filter(({ certificate }) => this.#acme.coversHost(certificate?.names ?? [], host));
    // A file of the user's wins as long as it is any good (A25); after that, whatever else covers the host.
    const candidates = [own, this.#manager?.current(host), ...wider.map(({ certificate }) => certificate)];
    const real = candidates.find((one) => one !== undefined && now < one.notAfter) ?? own;
    if (real !== undefined) return { host, pair: real, isReal: true };
    const pair = this.#placeholders.get(host) ?? (await this.#acme.createSelfSignedCertificate(host, now));
    this.#placeholders.set(host, pair);
    return { host, pair, isReal: false };
  }
}

const certFile = (
  root: string,
  hosts: readonly string[],
  { certFile: cert, keyFile: key }: NonNullable<WantedDomains['tls']>,
): CertFile => {
  const at = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  return { hosts, certPath: at(cert), keyPath: at(key) };
};
