import type { Failure } from './failure.ts';
import type { Challenge, OrderRecord } from './ports.ts';
import type { SuggestedWindow } from './renewal.ts';

/**
 * All that is remembered of a host beside its certificate: what a restart needs in order to go
 * on instead of beginning anew. Times are milliseconds since the epoch.
 */
export interface HostRecord {
  /** In a row. */
  readonly failures: number;
  /** Of those, failed validations: they choose the challenge, and whether to rehearse. */
  readonly validationFailures: number;
  /** The last rehearsal went well, so the authority proper is next. */
  readonly isRehearsed: boolean;
  readonly nextTryAt: number | undefined;
  readonly lastFailure: (Failure & { readonly at: number }) | undefined;
  readonly order: (OrderRecord & { readonly nextLookAt: number; readonly isRehearsal: boolean }) | undefined;
  readonly window: SuggestedWindow | undefined;
  readonly nextWindowCheckAt: number | undefined;
  /** Asked for by hand: renew whatever the time. */
  readonly isForced: boolean;
  /** Identifies the configuration that failures belong to: another one is a fresh start. */
  readonly configuration: string | undefined;
  /** What the world is shown for it, noted before it is; of its order, or left by one that is gone. */
  readonly shown: readonly Challenge[];
  /** What is not as it was asked for with the certificate in service, in words. */
  readonly warning: string | undefined;
  /** Since when nobody wants a certificate for it. */
  readonly unmanagedSince: number | undefined;
}

export const emptyRecord: HostRecord = {
  failures: 0,
  validationFailures: 0,
  isRehearsed: false,
  nextTryAt: undefined,
  lastFailure: undefined,
  order: undefined,
  window: undefined,
  nextWindowCheckAt: undefined,
  isForced: false,
  configuration: undefined,
  shown: [],
  warning: undefined,
  unmanagedSince: undefined,
};

/** After a failure. An order is kept where it may still succeed: it is looked at again, not placed again. */
export const withFailure = (
  record: HostRecord,
  failure: Failure,
  { now, nextTryAt, endsOrder }: { readonly now: number; readonly nextTryAt: number; readonly endsOrder: boolean },
): HostRecord => ({
  ...record,
  failures: record.failures + 1,
  validationFailures: record.validationFailures + (failure.kind === 'validation' ? 1 : 0),
  isRehearsed: record.isRehearsed && failure.kind !== 'validation',
  nextTryAt,
  lastFailure: { ...failure, at: now },
  order:
    record.order !== undefined && !endsOrder && keepsOrder(failure)
      ? { ...record.order, nextLookAt: nextTryAt }
      : undefined,
});

const soonestRenewalMs = 10_000;
const latestPauseMs = 3_600_000;
/** Authorities date certificates back by an hour. */
const youngMs = 2 * 3_600_000;

/**
 * After a certificate was stored. One that took the place of a young one is followed by a pause,
 * a tenth of its life and an hour at most: advice or a clock that is wrong must not make one
 * order after another.
 */
export const withSuccess = (
  record: HostRecord,
  configuration: string,
  o: {
    readonly now: number;
    readonly notAfter: number;
    readonly replaced: { readonly notBefore: number } | undefined;
    readonly warning?: string | undefined;
  },
): HostRecord => ({
  ...emptyRecord,
  configuration,
  nextTryAt:
    o.replaced !== undefined && o.now - o.replaced.notBefore < youngMs
      ? o.now + Math.min(latestPauseMs, Math.max(soonestRenewalMs, (o.notAfter - o.now) / 10))
      : undefined,
  shown: record.shown,
  warning: o.warning,
  unmanagedSince: record.unmanagedSince,
});

/** A changed configuration is a fresh start (A16); the certificate and its window stay. */
export const underConfiguration = (record: HostRecord, configuration: string): HostRecord =>
  record.configuration === configuration
    ? record
    : {
        ...emptyRecord,
        configuration,
        window: record.window,
        nextWindowCheckAt: record.nextWindowCheckAt,
        isForced: record.isForced,
        shown: record.shown,
        warning: record.warning,
        unmanagedSince: record.unmanagedSince,
      };

/** No wait that was ever written down is longer. */
export const longestWaitMs: number = 8 * 86_400_000;

/**
 * A clock that was wrong when a time was written down, and was set since, must not stop a host
 * for years: what lies further ahead than any wait is due now.
 */
export const withSaneTimes = (record: HostRecord, now: number): HostRecord => {
  const sane = (at: number | undefined): number | undefined =>
    at !== undefined && at > now + longestWaitMs ? now : at;
  const { order } = record;
  return {
    ...record,
    nextTryAt: sane(record.nextTryAt),
    nextWindowCheckAt: sane(record.nextWindowCheckAt),
    order: order && { ...order, nextLookAt: sane(order.nextLookAt) ?? now, startedAt: Math.min(order.startedAt, now) },
  };
};

/**
 * What says nothing about the order itself. A certificate that cannot be used is fetched again
 * rather than ordered again: authorities sign few for the same name (Let's Encrypt: five a week).
 */
const keepsOrder = ({ kind, type }: Failure): boolean =>
  kind !== 'refused' && kind !== 'validation' && type !== 'ORCA_ACME_TIMEOUT';
