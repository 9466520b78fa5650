import type { Failure, FailureKind } from './failure.ts';

const minute = 60_000;
const day = 86_400_000;

/**
 * Minutes to wait after the first, second, … failure in a row (A15). An authority such as
 * Let's Encrypt lets five validations of a name fail in an hour, so the first hour has few.
 */
const ordinary = [1, 2, 2, 5, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 60, 60, 60, 120, 180, 360] as const;
/** Nobody counts these: the authority did not get as far as the name. */
const soon = [0.5, 1, 2, 2, 5, 5, 10, 10, 20, 30, 60] as const;

const waitsFor = (kind: FailureKind): readonly number[] => (kind === 'server' ? soon : ordinary);

export interface RetryInput {
  /** Failures in a row, this one included. */
  readonly failures: number;
  readonly failure: Failure;
  readonly now: number;
  /** When the certificate in service expires, if there is one: the schedule hurries as it comes near. */
  readonly notAfter: number | undefined;
  /** In [0, 1): up to a tenth is added, so that many that failed together do not return together. */
  readonly random: number;
}

/** Longest wait that an authority can ask for; beyond that its clock or its mind is not trusted. */
const longestAsked = 7 * day;

/** Earliest time of the next try. `Retry-After` is a lower bound of it, never something to sleep on. */
export const nextTryAt = ({ failures, failure, now, notAfter, random }: RetryInput): number => {
  const asked = failure.retryAt === undefined ? now : Math.min(failure.retryAt, now + longestAsked);
  return Math.max(asked, now + ownWait(failures, failure, remaining(notAfter, now)) * (1 + random / 10));
};

const ownWait = (failures: number, { kind, retryAt }: Failure, left: number): number => {
  // Once a day, and more often while there is a certificate to lose.
  if (kind === 'refused') return Math.min(day, Math.max(left / 4, 10 * minute));
  if (kind === 'rate-limited') return retryAt === undefined ? 60 * minute : minute;
  const waits = waitsFor(kind);
  const wait = (waits[Math.min(failures, waits.length) - 1] ?? 360) * minute;
  return Math.min(wait, Math.max(left / 4, 10_000));
};

/** Time left, where there is any: a certificate that is gone is no reason to hurry more than the schedule does. */
const remaining = (notAfter: number | undefined, now: number): number =>
  notAfter === undefined || notAfter <= now ? Infinity : notAfter - now;
