import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { decide } from './decide.ts';
import { AcmeError } from './errors.ts';
import { keepManaged, sweepUnmanaged } from './sweep.ts';
import { emptyRecord, type HostRecord } from './host-record.ts';
import { qualifyHost } from './host-name.ts';
import { stateOf, type HostState } from './host-state.ts';
import { busyUntil, loadHost, stepHost, type StepContext, type StepResult } from './host-step.ts';
import { createLimiter } from './limiter.ts';
import type { CertManagerOptions } from './manager-options.ts';
import { nextOrderAt, recentOrders } from './order-rate.ts';
import type { Lease } from './ports.ts';
import { expiryThreshold } from './renewal.ts';
import { shortHash } from './store-path.ts';

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

interface Entry {
  certificate: Certificate | undefined;
  record: HostRecord;
  reason: string | undefined;
  notBefore: number;
  isRunning: boolean;
  /** The last threshold that was warned of, for the certificate with this serial. */
  warned: string;
}

/** Longest sleep: a clock that was set, or a machine that slept, is noticed within it. */
const longestSleepMs = 30_000;

export const createCertManager = (o: CertManagerOptions): CertManager => {
  const { store, now, onEvent = (): void => {} } = o;
  const entries = new Map<string, Entry>();
  const limit = createLimiter(o.concurrency ?? 4);
  let begun: readonly number[] = [];
  let wake: () => void = () => {};
  const hasDns01 = o.solvers.some(({ type }) => type === 'dns-01');
  const context: StepContext = {
    store,
    leaser: o.leaser,
    issuer: o.issuer,
    rehearsal: o.rehearsal,
    solvers: o.solvers,
    preflight: o.preflight,
    keyType: o.keyType ?? 'ecdsa-p256',
    orderTimeoutMs: o.orderTimeoutMs ?? 600_000,
    configuration: shortHash([o.issuer.id, ...o.solvers.map(({ type }) => type), o.configuration ?? ''].join('\n')),
    now,
    random: o.random ?? Math.random,
    onEvent,
    claimOrder: () => {
      const at = nextOrderAt(begun, now());
      if (at <= now()) begun = [...recentOrders(begun, now()), now()];
      return at;
    },
  };

  const add = async (written: string): Promise<string> => {
    const qualified = qualifyHost(written, { hasDns01, allowLocal: o.allowLocal ?? false });
    const { host } = qualified;
    if (entries.has(host)) return host;
    const reason = qualified.ok ? undefined : qualified.reason;
    const loaded = reason === undefined ? await loadHost(context, host) : nothing;
    if (reason === undefined) await keepManaged(store, host);
    if (entries.has(host)) return host;
    entries.set(host, { ...loaded, reason, notBefore: 0, isRunning: false, warned: '' });
    if (reason !== undefined) onEvent({ type: 'unqualified', host, reason });
    return host;
  };
  const dueAt = ({ certificate, record, reason, notBefore, isRunning }: Entry): number => {
    if (reason !== undefined || isRunning) return Infinity;
    const decision = decide({ certificate, record }, now());
    return Math.max(notBefore, decision.do === 'wait' ? decision.until : now());
  };
  /** Told once `current` gives it: whoever hears of it asks at once. */
  const take = (host: string, entry: Entry, { certificate, record, notBefore, issued }: StepResult): void => {
    Object.assign(entry, { certificate, record, notBefore });
    if (issued === undefined || certificate === undefined) return;
    onEvent({ type: 'issued', host, certificate, isRenewal: issued.isRenewal });
  };
  const step = async (host: string, entry: Entry, signal: AbortSignal): Promise<void> => {
    entry.isRunning = true;
    try {
      await limit(async () => {
        if (signal.aborted || entries.get(host) !== entry) return;
        const result = await stepHost(context, host, signal);
        if (result === undefined) entry.notBefore = busyUntil(now());
        else take(host, entry, result);
      });
    } catch (error) {
      if (signal.aborted) return;
      // Not even the failure could be dealt with: the lease or the store itself is broken.
      const failure = { kind: 'local' as const, type: 'store', detail: textOf(error), retryAt: undefined };
      entry.notBefore = now() + 60_000;
      entry.record = { ...entry.record, lastFailure: { ...failure, at: now() } };
      onEvent({ type: 'failed', host, failure, nextTryAt: entry.notBefore });
    } finally {
      entry.isRunning = false;
      wake();
    }
  };
  const warn = (host: string, entry: Entry): void => {
    if (entry.certificate === undefined) return;
    const { serial, notAfter } = entry.certificate;
    const days = expiryThreshold(entry.certificate, now());
    const warned = `${serial} ${days}`;
    if (days === undefined || entry.warned === warned) return;
    entry.warned = warned;
    onEvent({ type: 'expiring', host, days, notAfter });
  };
  const nextAt = (): number => Math.min(...[...entries.values()].map(dueAt), Infinity);
  const tick = async (signal: AbortSignal): Promise<void> => {
    for (const [host, entry] of entries) warn(host, entry);
    const due = [...entries].filter(([, entry]) => dueAt(entry) <= now());
    // Those that never failed first: many bad names are no reason for a good one to wait.
    due.sort(([, a], [, b]) => a.record.failures - b.record.failures);
    await Promise.all(due.map(([host, entry]) => step(host, entry, signal)));
  };
  const entryOf = (name: string): readonly [string, Entry] => {
    const { host } = qualifyHost(name, { hasDns01, allowLocal: o.allowLocal ?? false });
    const entry = entries.get(host);
    if (entry !== undefined && entry.reason === undefined) return [host, entry];
    const why = entry?.reason === undefined ? 'no service has this domain' : `it ${entry.reason}`;
    throw new AcmeError('ORCA_ACME_CONFIG', `${host}: there is no certificate to manage: ${why}`);
  };
  /** A change of a host's record by hand, between two steps. */
  const change = async (host: string, entry: Entry, edit: (record: HostRecord) => HostRecord): Promise<void> => {
    const lease = await waitForLease(o, host);
    try {
      const { record } = await loadHost(context, host);
      entry.record = edit(record);
      entry.notBefore = 0;
      await store.saveRecord(host, entry.record);
    } finally {
      await lease.release();
      wake();
    }
  };
  const force = (record: HostRecord): HostRecord => ({
    ...record,
    isForced: true,
    failures: 0,
    nextTryAt: undefined,
    order: record.order && { ...record.order, nextLookAt: now() },
  });

  return {
    manage: async (names) => {
      const wanted = new Set<string>();
      for (const name of names) wanted.add(await add(name));
      for (const host of entries.keys()) if (!wanted.has(host)) entries.delete(host);
      await sweepUnmanaged({ store, now: now(), graceMs: o.graceMs ?? 30 * 86_400_000, managed: wanted });
      wake();
    },
    current: (name) => {
      const host = name.toLowerCase().replace(/\.$/, '');
      const found = entries.get(host)?.certificate ?? entries.get(`*${host.slice(host.indexOf('.'))}`)?.certificate;
      return found !== undefined && found.notAfter > now() ? found : undefined;
    },
    tick,
    nextAt,
    run: async (signal) => {
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        const { promise: woken, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        void tick(signal);
        const sleepMs = Math.min(Math.max(nextAt() - now(), 50), longestSleepMs);
        const timer = setTimeout(resolve, sleepMs);
        await woken;
        clearTimeout(timer);
      }
    },
    state: () =>
      [...entries]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([host, entry]) => stateOf(host, entry, entry.reason, now())),
    renew: async (name) => {
      const [host, entry] = entryOf(name);
      await change(host, entry, force);
    },
    revoke: async (name, signal) => {
      const [host, entry] = entryOf(name);
      if (entry.certificate === undefined)
        throw new AcmeError('ORCA_ACME_CONFIG', `${host}: there is no certificate to revoke`);
      await o.issuer.revoke(entry.certificate, signal);
      onEvent({ type: 'revoked', host });
      await change(host, entry, force);
    },
  };
};

/** A step takes seconds; whoever has the lease for longer than that is stuck, and the caller is told. */
const waitForLease = async ({ leaser, issuer }: CertManagerOptions, host: string): Promise<Lease> => {
  for (let waited = 0; waited < 300; waited += 1) {
    const lease = await leaser.tryAcquire(`host ${issuer.id} ${host}`);
    if (lease !== undefined) return lease;
    await sleep(200);
  }
  throw new AcmeError('ORCA_ACME_TIMEOUT', `${host}: something else has been working on it for a minute; try again`);
};

const nothing = { certificate: undefined, record: emptyRecord };

const textOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));
