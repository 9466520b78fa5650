import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { AcmeError, messageOf } from './errors.ts';
import type { AcmeEvent } from './events.ts';
import { HostEntry } from './host-entry.ts';
import { qualifyHost, type Qualified } from './host-name.ts';
import { emptyRecord, type HostRecord } from './host-record.ts';
import type { HostState } from './host-state.ts';
import { busyUntil, leaseKey, loadHost, stepHost, type StepContext } from './host-step.ts';
import { createLimiter } from './limiter.ts';
import type { CertManagerOptions } from './manager-options.ts';
import { OrderClock } from './order-clock.ts';
import type { Lease } from './ports.ts';
import { takeBack } from './shown-challenges.ts';
import { shortHash } from './store-path.ts';
import { keepManaged, sweepUnmanaged } from './sweep.ts';

/** Keeps a certificate for every managed name. An old one serves until a new one is stored. */
export interface CertManager {
  /**
   * Replaces the set of names; resolves once what is stored for them is in memory. Nobody is asked
   * for a name that is not in it any more; its files are kept for a while.
   */
  manage(names: readonly string[]): Promise<void>;
  /** Answered from memory, for a name or what its wildcard covers; never an expired one. */
  current(name: string): Certificate | undefined;
  /** Does what is due now, and resolves once that is done. Waits for no authority. May overlap with itself. */
  tick(signal: AbortSignal): Promise<void>;
  /** When `tick` has something to do again. */
  nextAt(): number;
  /** Ticks when something is due, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** In the order of their names. */
  state(): readonly HostState[];
  /** Renews at once, whatever the time and whatever failed. Throws `ORCA_ACME_CONFIG` for a name that is not managed. */
  renew(name: string): Promise<void>;
  /** Tells the authority that the certificate is not to be trusted any more, and gets a new one with a new key. */
  revoke(name: string, signal: AbortSignal): Promise<void>;
}

/** Longest sleep: a clock that was set, or a machine that slept, is noticed within it. */
const longestSleepMs = 30_000;
const shortestSleepMs = 50;
/** After a failure that could not even be written down. */
const brokenRestMs = 60_000;
const defaultGraceMs = 30 * 86_400_000;

export const createCertManager = (options: CertManagerOptions): CertManager => new Manager(options);

class Manager implements CertManager {
  readonly #o: CertManagerOptions;
  readonly #context: StepContext;
  readonly #entries = new Map<string, HostEntry>();
  readonly #limit: ReturnType<typeof createLimiter>;
  #managing: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(options: CertManagerOptions) {
    this.#o = options;
    this.#limit = createLimiter(options.concurrency ?? 4);
    this.#context = contextOf(options);
  }

  manage(names: readonly string[]): Promise<void> {
    // One after the other: of two at once the later one counts.
    this.#managing = this.#managing.catch(() => undefined).then(() => this.#manage(names));
    return this.#managing;
  }

  current(name: string): Certificate | undefined {
    const host = name.toLowerCase().replace(/\.$/, '');
    const dot = host.indexOf('.');
    const wildcard = dot === -1 ? undefined : this.#entries.get(`*${host.slice(dot)}`);
    const now = this.#o.now();
    return [this.#entries.get(host)?.certificate, wildcard?.certificate].find(
      (one) => one !== undefined && one.notAfter > now,
    );
  }

  async tick(signal: AbortSignal): Promise<void> {
    const now = this.#o.now();
    for (const entry of this.#entries.values()) {
      const warning = entry.warning(now);
      if (warning !== undefined) this.#tell(warning);
    }
    const due = [...this.#entries.values()].filter((entry) => entry.dueAt(now) <= now);
    // Those that never failed first: many bad names are no reason for a good one to wait.
    due.sort((a, b) => a.record.failures - b.record.failures);
    await Promise.all(due.map((entry) => this.#step(entry, signal)));
  }

  nextAt(): number {
    const now = this.#o.now();
    return Math.min(...[...this.#entries.values()].map((entry) => entry.dueAt(now)), Infinity);
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      // Not waited for: one host that takes its time keeps no other from being looked at.
      void this.tick(signal);
      const sleepMs = Math.max(this.nextAt() - this.#o.now(), shortestSleepMs);
      const timer = setTimeout(resolve, Math.min(sleepMs, longestSleepMs));
      await woken;
      clearTimeout(timer);
    }
  }

  state(): readonly HostState[] {
    const now = this.#o.now();
    return [...this.#entries.values()].sort((a, b) => (a.host < b.host ? -1 : 1)).map((entry) => entry.state(now));
  }

  async renew(name: string): Promise<void> {
    await this.#force(this.#entryOf(name));
  }

  async revoke(name: string, signal: AbortSignal): Promise<void> {
    const entry = this.#entryOf(name);
    const { host, certificate } = entry;
    if (certificate === undefined)
      throw new AcmeError('ORCA_ACME_CONFIG', `${host}: there is no certificate to revoke`);
    // Its renewal is written down first: should this process die, what was revoked must not serve on.
    await this.#force(entry, async () => {
      await this.#o.issuer.revoke(certificate, signal);
      this.#tell({ type: 'revoked', host });
    });
  }

  #tell(event: AcmeEvent): void {
    this.#o.onEvent?.(event);
  }

  async #manage(names: readonly string[]): Promise<void> {
    const { store, now, graceMs = defaultGraceMs } = this.#o;
    const managed = new Set<string>();
    for (const name of names) {
      const qualified = this.#qualify(name);
      managed.add(qualified.host);
      if (this.#entries.has(qualified.host)) continue;
      try {
        await this.#add(qualified);
      } catch (error) {
        // What is wrong with the files of one host is no reason to keep another one waiting.
        const entry = new HostEntry(qualified.host, undefined, { certificate: undefined, record: emptyRecord });
        this.#entries.set(qualified.host, entry);
        this.#rest(entry, error);
      }
    }
    for (const host of this.#entries.keys()) if (!managed.has(host)) this.#entries.delete(host);
    // Tidying can wait: the next time it is tried again.
    const lease = this.#leaseOf;
    const shown = await sweepUnmanaged({ store, now: now(), graceMs, managed, lease }).catch(() => []);
    // A hook may take its time: nobody waits for it.
    for (const host of shown) void this.#takeBack(host);
    this.#wake();
  }

  async #add(qualified: Qualified): Promise<void> {
    const { host } = qualified;
    if (!qualified.ok) {
      this.#entries.set(host, new HostEntry(host, qualified.reason, { certificate: undefined, record: emptyRecord }));
      this.#tell({ type: 'unqualified', host, reason: qualified.reason });
      return;
    }
    const known = await loadHost(this.#context, host);
    await keepManaged({ store: this.#o.store, lease: this.#leaseOf }, host);
    this.#entries.set(host, new HostEntry(host, undefined, known));
  }

  #qualify(name: string): Qualified {
    const { solvers, allowLocal = false } = this.#o;
    return qualifyHost(name, { hasDns01: solvers.some(({ type }) => type === 'dns-01'), allowLocal });
  }

  #entryOf(name: string): HostEntry {
    const { host } = this.#qualify(name);
    const entry = this.#entries.get(host);
    if (entry !== undefined && entry.reason === undefined) return entry;
    const why = entry?.reason === undefined ? 'it is not managed' : `it ${entry.reason}`;
    throw new AcmeError('ORCA_ACME_CONFIG', `${host}: there is no certificate to renew or revoke: ${why}`);
  }

  async #step(entry: HostEntry, signal: AbortSignal): Promise<void> {
    const { host } = entry;
    entry.isRunning = true;
    try {
      await this.#limit(async () => {
        if (signal.aborted || this.#entries.get(host) !== entry) return;
        const result = await stepHost(this.#context, host, signal);
        if (result === undefined) {
          entry.notBefore = busyUntil(this.#o.now());
          return;
        }
        entry.take(result);
        // Told once `current` gives it: whoever hears of it asks at once.
        const { certificate, issued } = result;
        if (issued !== undefined && certificate !== undefined)
          this.#tell({ type: 'issued', host, certificate, isRenewal: issued.isRenewal });
      });
    } catch (error) {
      if (!signal.aborted) this.#rest(entry, error);
    } finally {
      entry.isRunning = false;
      if (!this.#entries.has(host)) void this.#takeBack(host);
      this.#wake();
    }
  }

  /** Not even the failure could be dealt with: the leases or the store itself are broken. */
  #rest(entry: HostEntry, error: unknown): void {
    const now = this.#o.now();
    const failure = { kind: 'local' as const, type: 'store', detail: messageOf(error), retryAt: undefined };
    entry.notBefore = now + brokenRestMs;
    entry.record = { ...entry.record, lastFailure: { ...failure, at: now } };
    this.#tell({ type: 'failed', host: entry.host, failure, nextTryAt: entry.notBefore });
  }

  readonly #leaseOf = (host: string): Promise<Lease | undefined> =>
    this.#o.leaser.tryAcquire(leaseKey(this.#o.issuer, host));

  async #takeBack(host: string): Promise<void> {
    const { store, solvers } = this.#o;
    const isManaged = (one: string): boolean => this.#entries.has(one);
    // What cannot be taken away now is tried again with the next change.
    await takeBack(host, { store, solvers, lease: this.#leaseOf, isManaged }).catch(() => undefined);
  }

  /** Between two steps, so that none overwrites it. Undone when `first`, which is its reason, fails. */
  async #force(entry: HostEntry, first?: () => Promise<void>): Promise<void> {
    const { host } = entry;
    const { store, now } = this.#o;
    const lease = await waitForLease(this.#o, host);
    try {
      const { record } = await loadHost(this.#context, host);
      const next = forced(record, now());
      await store.saveRecord(host, next);
      try {
        await first?.();
      } catch (error) {
        await store.saveRecord(host, record);
        throw error;
      }
      entry.record = next;
      entry.notBefore = 0;
    } finally {
      await lease.release();
      this.#wake();
    }
  }
}

const contextOf = (o: CertManagerOptions): StepContext => {
  const orders = new OrderClock(o.now);
  const settings = [o.issuer.id, ...o.solvers.map(({ type }) => type), o.configuration ?? ''];
  return {
    store: o.store,
    leaser: o.leaser,
    issuer: o.issuer,
    rehearsal: o.rehearsal,
    solvers: o.solvers,
    preflight: o.preflight,
    keyType: o.keyType ?? 'ecdsa-p256',
    orderTimeoutMs: o.orderTimeoutMs ?? 600_000,
    configuration: shortHash(settings.join('\n')),
    now: o.now,
    random: o.random ?? Math.random,
    onEvent: (event) => o.onEvent?.(event),
    claimOrder: () => orders.claim(),
  };
};

const forced = (record: HostRecord, now: number): HostRecord => ({
  ...record,
  isForced: true,
  failures: 0,
  nextTryAt: undefined,
  order: record.order && { ...record.order, nextLookAt: now },
});

/** A step takes seconds; whoever has the lease for longer than that is stuck, and the caller is told. */
const waitForLease = async ({ leaser, issuer }: CertManagerOptions, host: string): Promise<Lease> => {
  for (let waited = 0; waited < 300; waited += 1) {
    const lease = await leaser.tryAcquire(leaseKey(issuer, host));
    if (lease !== undefined) return lease;
    await sleep(200);
  }
  throw new AcmeError('ORCA_ACME_TIMEOUT', `${host}: something else has been working on it for a minute; try again`);
};
