import type { AlpnCertificate, Certificate, Http01Answers } from '@orca/acme';
import type { Logger } from 'pino';
import { shownSerial } from './handshake.ts';
import { published, stampOf, type Published, type Shown } from './published.ts';

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

type Address = NonNullable<ReturnType<HttpsFront['address']>>;

/** Handshakes in one turn that may go without an answer. */
const mostSilent = 2;

export interface HttpsPublisherOptions {
  readonly front: HttpsFront;
  readonly now: () => number;
  readonly log: Logger;
}

/** Puts certificates in force, and redirects to each only after a handshake has shown it. */
export class HttpsPublisher {
  readonly #o: HttpsPublisherOptions;
  /** Serial numbers that a handshake has shown, by host: each swap is looked at once. */
  readonly #shown = new Map<string, string>();
  /** Those that one did not show, told once. */
  readonly #told = new Map<string, string>();
  #inForce = '';

  constructor(options: HttpsPublisherOptions) {
    this.#o = options;
  }

  /** Does nothing when that is in force already. What a handshake did not show is put in force again with the next call. */
  async publish(all: readonly Shown[]): Promise<void> {
    const { front, now, log } = this.#o;
    const next = published(all, now());
    const address = front.address();
    if (address === undefined || stampOf(next) === this.#inForce) return;
    const refused = await front.setCertificates(next.certificates);
    for (const { names, reason } of refused)
      log.error({ hosts: names, reason }, 'the proxy cannot serve a certificate');
    const bad = new Set(refused.flatMap(({ names }) => names));
    const real = all.filter(({ host }) => next.httpsHosts.includes(host) && !bad.has(host));
    const good = await this.#shownOf(real, address);
    await front.setHttpsHosts(good);
    this.#inForce = good.length === real.length ? stampOf(next) : '';
  }

  /** Those that a handshake has shown, now or before. Where nobody answers, not every host has to find that out. */
  async #shownOf(real: readonly Shown[], address: Address): Promise<readonly string[]> {
    const good: string[] = [];
    let silent = 0;
    for (const { host, pair } of real) {
      if (this.#shown.get(host) !== pair.serial) {
        if (silent === mostSilent) continue;
        const shown = await shownSerial({ host, address });
        if (shown === undefined) silent += 1;
        this.#remember(host, pair, shown);
      }
      if (this.#shown.get(host) === pair.serial) good.push(host);
    }
    return good;
  }

  #remember(host: string, { serial }: Certificate, shown: string | undefined): void {
    if (shown === serial) {
      this.#shown.set(host, serial);
      return;
    }
    this.#shown.delete(host);
    if (this.#told.get(host) !== serial)
      this.#o.log.warn({ host, expected: serial, shown }, 'HTTPS does not show the new certificate yet; tries again');
    this.#told.set(host, serial);
  }
}
