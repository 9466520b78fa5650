import { createHash, type X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { checkPair, covers } from './check-pair.ts';

/** A certificate and the names that it is served for: plain data, so that it can cross to another process. */
export interface Certificate {
  /** Lower-case host names (A-labels); `*.example.com` stands for exactly one more label. */
  readonly names: readonly string[];
  /** Leaf first, then what issued it, in order; the root may be left out. */
  readonly certPem: string;
  readonly keyPem: string;
  /** Served also to clients that ask for no name or for one that has no certificate; at most one. */
  readonly isDefault?: boolean;
}

export interface RefusedCertificate {
  readonly names: readonly string[];
  readonly reason: string;
}

/** A certificate ready for handshakes. */
export interface Pair {
  readonly context: SecureContext;
  readonly chainPem: string;
  readonly keyPem: string;
  /** Whether a client that was shown it may ask for this name on the same connection. */
  covers(name: string): boolean;
}

/** The pair to show to who asks for a name; asked on every handshake. */
export interface CertSource {
  pairFor(serverName: string): Pair | undefined;
}

/** The certificates in force. Replacing them touches no connection: only handshakes ask. */
export class Certificates implements CertSource {
  readonly #contextOf: (pem: { readonly cert: string; readonly key: string }) => SecureContext;
  #byName: ReadonlyMap<string, Known> = new Map();
  #default: Known | undefined;

  constructor(contextOf: (pem: { readonly cert: string; readonly key: string }) => SecureContext) {
    this.#contextOf = contextOf;
  }

  get default(): Pair | undefined {
    return this.#default;
  }

  /** Exact name first, then one label's wildcard. */
  pairFor(serverName: string): Pair | undefined {
    const name = serverName.toLowerCase().replace(/\.$/, '');
    const dot = name.indexOf('.');
    return this.#byName.get(name) ?? (dot === -1 ? undefined : this.#byName.get(`*${name.slice(dot)}`));
  }

  /**
   * Puts these in force, all at once. One that cannot be served harms no other: what its names
   * were served with before stays, and the reason is returned.
   */
  set(certificates: readonly Certificate[]): readonly RefusedCertificate[] {
    const byName = new Map<string, Known>();
    const refused: RefusedCertificate[] = [];
    let fallback: Known | undefined;
    for (const certificate of certificates) {
      const { names, isDefault = false } = certificate;
      const loaded = this.#load(certificate);
      if ('reason' in loaded) refused.push({ names, reason: loaded.reason });
      for (const name of names) {
        const known = 'reason' in loaded ? this.#byName.get(name) : loaded;
        if (known !== undefined) byName.set(name, known);
      }
      if (isDefault) fallback = 'reason' in loaded ? this.#default : loaded;
    }
    this.#byName = byName;
    this.#default = fallback;
    return refused;
  }

  #load(certificate: Certificate): Known | { readonly reason: string } {
    const { names, certPem, keyPem } = certificate;
    const id = createHash('sha256')
      .update(JSON.stringify([certPem, keyPem]))
      .digest('base64');
    const known = names.map((name) => this.#byName.get(name)).find((one) => one?.id === id);
    if (known !== undefined && names.every((name) => covers(known.leaf, name))) return known;
    const checked = checkPair(certificate, names);
    if (!checked.ok) return checked;
    const { leaf, chainPem } = checked;
    try {
      const context = this.#contextOf({ cert: chainPem, key: keyPem });
      return { id, leaf, context, chainPem, keyPem, covers: (name) => covers(leaf, name) };
    } catch (cause) {
      // Too weak a key, for instance. OpenSSL's words hold no key.
      return { reason: Error.isError(cause) ? cause.message : 'refused by the TLS library' };
    }
  }
}

interface Known extends Pair {
  readonly id: string;
  readonly leaf: X509Certificate;
}
