import { AcmeError } from './errors.ts';

/** No clock that is right shows an earlier time than this: when this was written. */
export const earliestPlausibleMs: number = Date.UTC(2026, 10, 1);
const toleratedMs = 3_600_000;

/**
 * Throws when the local clock cannot be right (A24): certificates would be judged valid or
 * expired at random, and an order spent on it. `authorityDate` is the answer's `Date` field.
 */
export const assertClock = (now: number, authorityDate: string | undefined): void => {
  if (now < earliestPlausibleMs)
    throw new AcmeError(
      'ORCA_ACME_CLOCK',
      `the clock of this machine says ${iso(now)}, which is before this program was made; set it (ntp) and it goes on by itself`,
    );
  const theirs = authorityDate === undefined ? NaN : Date.parse(authorityDate);
  if (Number.isNaN(theirs) || Math.abs(now - theirs) <= toleratedMs) return;
  throw new AcmeError(
    'ORCA_ACME_CLOCK',
    `the clock of this machine says ${iso(now)}, the authority's ${iso(theirs)}: more than an hour apart; set it (ntp) and it goes on by itself`,
  );
};

const iso = (ms: number): string => new Date(ms).toISOString();
