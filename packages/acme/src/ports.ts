/** A key pair's public half as a certificate authority signed it, with its private half. */
export interface Certificate {
  readonly names: readonly string[];
  /** Leaf first. */
  readonly certPem: string;
  readonly keyPem: string;
  /** Milliseconds since the epoch, as read from the certificate: a lifetime is never assumed. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Where certificates survive a restart. `save` is whole or not at all: until it has resolved,
 * `load` gives the one before. An entry that cannot be read is absent, not an error.
 */
export interface CertStore {
  load(name: string): Promise<Certificate | undefined>;
  save(name: string, certificate: Certificate): Promise<void>;
}

/**
 * Time-bound ownership of a name while it is ordered, so that one of several processes asks
 * the authority. `acquire` waits until it has the lease or the signal aborts. Look into the
 * store again once it is yours: somebody may just have renewed.
 */
export interface Leaser {
  acquire(key: string, signal: AbortSignal): Promise<{ release(): Promise<void> }>;
}

/** What the authority wants to see (RFC 8555, section 8). */
export interface Challenge {
  readonly type: 'http-01' | 'dns-01' | 'tls-alpn-01';
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Shows a challenge's answer to the world. `cleanUp` follows every `present`, whatever became of the order. */
export interface Solver {
  readonly type: Challenge['type'];
  present(challenge: Challenge): Promise<void>;
  cleanUp(challenge: Challenge): Promise<void>;
}

/** Obtains a new certificate for names whose challenges `solver` can answer; throws when the authority refuses. */
export interface Issuer {
  /** Stable for the same authority and account: staging certificates never pass for production ones. */
  readonly id: string;
  issue(names: readonly string[], solver: Solver, signal: AbortSignal): Promise<Certificate>;
}

export interface CertManagerPorts {
  readonly store: CertStore;
  readonly leaser: Leaser;
  readonly issuer: Issuer;
  readonly solver: Solver;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Keeps a certificate for every managed name. An old one serves until a new one is stored. */
export interface CertManager {
  /** Replaces the set of names. */
  manage(names: readonly string[]): void;
  /** Answered from memory: it is asked on every handshake. */
  current(name: string): Certificate | undefined;
  /** Orders and renews what is due; to be called every few minutes. */
  tick(signal: AbortSignal): Promise<void>;
}
