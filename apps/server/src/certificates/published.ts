import type { Certificate as Pair } from '@orca/acme';

/** What is shown for one host, and whether a browser would accept it. */
export interface Shown {
  readonly host: string;
  readonly pair: Pair;
  /** Signed by an authority, or brought by the user: not merely something to show. */
  readonly isReal: boolean;
}

export interface Published {
  /** As the proxy takes them. */
  readonly certificates: readonly {
    readonly names: readonly string[];
    readonly certPem: string;
    readonly keyPem: string;
  }[];
  /** Hosts for which plain HTTP may be redirected: the certificate is real, and valid now. */
  readonly httpsHosts: readonly string[];
}

/** What the proxy is to serve, from what there is for each host. Pure. */
export const published = (shown: readonly Shown[], now: number): Published => ({
  certificates: shown.map(({ host, pair }) => ({ names: [host], certPem: pair.certPem, keyPem: pair.keyPem })),
  httpsHosts: shown
    .filter(({ isReal, pair }) => isReal && pair.notBefore <= now && now < pair.notAfter)
    .map(({ host }) => host),
});

/** The same text for the same state: nothing is published that is in force already. */
export const stampOf = ({ certificates, httpsHosts }: Published): string =>
  JSON.stringify([certificates.map(({ names, certPem }) => [names, certPem]), httpsHosts]);
