import type { Certificate } from './certificate.ts';
import type { HostRecord } from './host-record.ts';

/**
 * Where certificates survive a restart. Each `save` is whole or not at all: until it has
 * resolved, and after a crash at any instant, `load` gives what was there before. An entry
 * that cannot be read is absent, not an error.
 */
export interface CertStore {
  load(host: string): Promise<StoredHost>;
  saveCertificate(host: string, certificate: Certificate): Promise<void>;
  saveRecord(host: string, record: HostRecord): Promise<void>;
  /** Hosts of which anything is kept. */
  hosts(): Promise<readonly string[]>;
  remove(host: string): Promise<void>;
  /** Throws when nothing can be written: asked before an authority is, so that no certificate is lost. */
  assertWritable(host: string): Promise<void>;
}

export interface StoredHost {
  readonly certificate: Certificate | undefined;
  readonly record: HostRecord;
}

/** An account at one authority. The key is what it is known by (RFC 8555, section 7.3). */
export interface StoredAccount {
  readonly keyPem: string;
  /** `undefined` until the authority has confirmed it. */
  readonly url: string | undefined;
}

export interface AccountStore {
  loadAccount(id: AccountId): Promise<StoredAccount | undefined>;
  saveAccount(id: AccountId, account: StoredAccount): Promise<void>;
}

/** Another directory or another e-mail address is another account (A1). */
export interface AccountId {
  readonly directory: string;
  readonly email: string;
}

/**
 * Time-bound ownership of a name while something is done for it, so that one of several
 * processes asks the authority. Look into the store again once it is yours: somebody may just
 * have renewed.
 */
export interface Leaser {
  /** `undefined`, without waiting, while somebody else has it. */
  tryAcquire(key: string): Promise<Lease | undefined>;
}

export interface Lease {
  /** Aborts when it was lost, for instance because this process was suspended for too long. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

export type ChallengeType = 'http-01' | 'dns-01' | 'tls-alpn-01';

/** What the authority wants to see (RFC 8555, section 8; RFC 8737). */
export interface Challenge {
  readonly type: ChallengeType;
  /** Without `*.`: a wildcard is proven by its parent. */
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/**
 * Shows a challenge's answer to the world: once `present` has resolved, the authority may ask.
 * Both may be called again for the same challenge, also by another process after a crash.
 * `cleanUp` follows every `present`, whatever became of the order.
 */
export interface Solver {
  readonly type: ChallengeType;
  present(challenge: Challenge, signal: AbortSignal): Promise<void>;
  cleanUp(challenge: Challenge): Promise<void>;
}

/** What is known of an order under way; it is stored, so that a restart goes on with it. */
export interface OrderRecord {
  readonly url: string;
  /** Of the certificate to be; new for each order. */
  readonly keyPem: string;
  readonly startedAt: number;
  readonly challenge: ChallengeType;
}

export interface OrderRequest {
  readonly host: string;
  readonly keyPem: string;
  readonly challenge: ChallengeType;
  /** The certificate that this one is to take the place of. */
  readonly replaces: Certificate | undefined;
}

export type OrderProgress =
  /** To be looked at again, not before `until` (milliseconds since the epoch). */
  | { readonly state: 'waiting'; readonly until: number }
  /** `warning`: what of it is not as it was asked for, in words. */
  | { readonly state: 'issued'; readonly certPem: string; readonly warning?: string }
  /** The authority has forgotten it, or it ended without a word: begin a new one. */
  | { readonly state: 'gone' };

export interface RenewalInfo {
  readonly start: number;
  readonly end: number;
  readonly explanationUrl: string | undefined;
  /** When to ask again, if the authority says so. */
  readonly retryAt: number | undefined;
}

/**
 * A certificate authority, asked in short steps: nothing here waits for the authority to get
 * on with its work, and nothing sleeps on `Retry-After`. What fails is an `AcmeError`.
 */
export interface Issuer {
  /** Stable for the same authority: staging certificates never pass for production ones. */
  readonly id: string;
  begin(request: OrderRequest, signal: AbortSignal): Promise<OrderRecord>;
  /** Does all that can be done now. May be called any number of times, by any process that knows the record. */
  advance(host: string, order: OrderRecord, solver: Solver, signal: AbortSignal): Promise<OrderProgress>;
  /** Withdraws what an order that is given up has left at the authority. */
  abandon(order: OrderRecord, solver: Solver, signal: AbortSignal): Promise<void>;
  /** `undefined` when the authority has no such advice (RFC 9773). */
  renewalInfo(certPem: string, signal: AbortSignal): Promise<RenewalInfo | undefined>;
  revoke(certificate: Certificate, signal: AbortSignal): Promise<void>;
}

/** One HTTP exchange: no redirect followed, no retry, a limit on time and size. Throws `ORCA_ACME_UNREACHABLE`. */
export type Transport = (request: TransportRequest, signal: AbortSignal) => Promise<TransportResponse>;

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TransportResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

/** Milliseconds since the epoch. */
export type Now = () => number;
