import { createHash } from 'node:crypto';
import { createKeyPem, readKey } from './key-pair.ts';
import type { Challenge, Now, Solver } from './ports.ts';
import { createShownAnswers } from './shown-answers.ts';
import { createSelfSigned } from './x509-write.ts';

/** What a handshake with the protocol `acme-tls/1` and this server name is answered with. Plain data. */
export interface AlpnCertificate {
  readonly name: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TlsAlpn01 {
  readonly solver: Solver;
  readonly certificates: () => readonly AlpnCertificate[];
}

export interface TlsAlpn01Options {
  readonly now: Now;
  /** As for http-01: a challenge is announced, and live here, once it has resolved. */
  readonly publish?: (certificates: readonly AlpnCertificate[]) => Promise<void> | void;
}

type Live = AlpnCertificate & { readonly token: string };

export const alpnProtocol = 'acme-tls/1';

/** Makes the certificates that answer tls-alpn-01 (RFC 8737): for where port 80 cannot be reached. */
export const tlsAlpn01 = ({ now, publish }: TlsAlpn01Options): TlsAlpn01 => {
  const plain = (all: ReadonlyMap<string, Live>): readonly AlpnCertificate[] =>
    [...all.values()].map(({ name, certPem, keyPem }) => ({ name, certPem, keyPem }));
  const shown = createShownAnswers<Live>(publish && ((all) => publish(plain(all))));
  return {
    certificates: () => plain(shown.live()),
    solver: {
      type: 'tls-alpn-01',
      present: async ({ name, token, keyAuthorization }: Challenge) => {
        if (shown.live().get(name)?.token === token) return;
        const keyPem = await createKeyPem('ecdsa-p256');
        const certPem = createSelfSigned({
          names: [name],
          key: readKey(keyPem),
          notBefore: now() - 3_600_000,
          notAfter: now() + 7 * 86_400_000,
          acmeIdentifier: createHash('sha256').update(keyAuthorization).digest(),
        });
        await shown.show(name, { name, token, certPem, keyPem });
      },
      cleanUp: async ({ name, token }: Challenge) => {
        if (shown.live().get(name)?.token === token) await shown.hide(name);
      },
    },
  };
};
