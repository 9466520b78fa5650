const day = 86_400_000;

/** What of a certificate decides when it is renewed. Times are milliseconds since the epoch. */
export interface Lifetime {
  readonly notBefore: number;
  readonly notAfter: number;
  /** In [0, 1); spreads certificates of the same age, and is the same each time it is asked. */
  readonly spread: number;
}

/** The authority's own wish (RFC 9773, section 4.2), with the instant chosen inside its window. */
export interface SuggestedWindow {
  readonly start: number;
  readonly end: number;
  readonly chosenAt: number;
  readonly explanationUrl: string | undefined;
}

export interface Renewal {
  readonly at: number;
  /** In words, for people. */
  readonly why: string;
}

/** At most this many days of lifetime make a certificate short-lived: half of it has to remain, not a third. */
const shortLivedMs = 10 * day;

/**
 * When to renew (A11). The lifetime is the certificate's own, never assumed (A12): a fixed
 * number of days loops on a certificate that lives for six. Whatever the authority suggests,
 * less than a twentieth of the lifetime is too little to be left.
 */
export const renewalOf = (life: Lifetime, window: SuggestedWindow | undefined): Renewal => {
  const lifetime = life.notAfter - life.notBefore;
  const latest = life.notAfter - lifetime / 20;
  if (window !== undefined) {
    if (window.chosenAt > latest) return { at: latest, why: 'less than 1/20 of its lifetime remains' };
    const link = window.explanationUrl === undefined ? '' : `: ${window.explanationUrl}`;
    return { at: window.chosenAt, why: `the authority suggests it${link}` };
  }
  const isShort = lifetime <= shortLivedMs;
  const remaining = lifetime / (isShort ? 2 : 3);
  return {
    at: life.notAfter - remaining - life.spread * (lifetime / 20),
    why: `less than ${isShort ? '1/2' : '1/3'} of its lifetime remains`,
  };
};

/** The chosen instant is kept while the window is the same; a new window means a new choice. */
export const chooseWithin = (
  window: { readonly start: number; readonly end: number; readonly explanationUrl: string | undefined },
  before: SuggestedWindow | undefined,
  random: () => number,
): SuggestedWindow => {
  const isSame = before !== undefined && before.start === window.start && before.end === window.end;
  const chosenAt = isSame ? before.chosenAt : window.start + random() * Math.max(0, window.end - window.start);
  return { ...window, chosenAt };
};

/** When to ask for the window again: as the authority says, between a minute and a day (A11). */
export const nextWindowCheck = (now: number, retryAt: number | undefined): number =>
  Math.min(Math.max(retryAt ?? now + day / 4, now + 60_000), now + day);

const warnAtDays = [1, 7, 21] as const;

/**
 * The smallest of 21, 7 and 1 days (or 0, expired) that the remaining time is within, for a
 * warning each; `undefined` while all is well. A threshold that a renewed certificate would
 * reach in the ordinary course of its life is left out: it would be an alarm every time.
 */
export const expiryThreshold = (
  { notBefore, notAfter }: Pick<Lifetime, 'notBefore' | 'notAfter'>,
  now: number,
): 21 | 7 | 1 | 0 | undefined => {
  const left = notAfter - now;
  if (left <= 0) return 0;
  const lifetime = notAfter - notBefore;
  const ordinary = lifetime / (lifetime <= shortLivedMs ? 2 : 3);
  return warnAtDays.find((days) => left <= days * day && days * day < ordinary);
};
