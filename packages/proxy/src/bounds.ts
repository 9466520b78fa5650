import { ProxyError } from './errors.ts';
import { defaultLimits, defaultTimeouts, type ProxyLimits, type ProxyTimeouts } from './settings.ts';

/** What a timer can wait for, and what HTTP/2 can say of a window: 2^31 - 1 both. */
const most = 2 ** 31 - 1;

/**
 * Refuses limits that would fail only when a client comes (`ORCA_PROXY_SETTINGS_INVALID`). Names that
 * are not known here may be another version's, and limit nothing.
 */
export const checkLimits = (limits: Partial<ProxyLimits>): void => check(limits, defaultLimits, 'limit');

/** The same for times. */
export const checkTimeouts = (timeouts: Partial<ProxyTimeouts>): void => check(timeouts, defaultTimeouts, 'timeout');

/** Where 0 means never, or at once; of the others it would mean that nobody is served, or that nobody ever goes. */
const mayBeZero: ReadonlySet<string> = new Set<keyof ProxyTimeouts>([
  'halfCloseMs',
  'lingerMs',
  'responseHeadersMs',
  'responseIdleMs',
  'targetIdleMs',
  'upgradeGraceMs',
]);

const check = (given: object, known: object, what: string): void => {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) continue;
    const least = mayBeZero.has(name) ? 0 : 1;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) continue;
    throw new ProxyError(
      'ORCA_PROXY_SETTINGS_INVALID',
      `${what} ${name} is ${String(value)}: a whole number from ${least} to ${most} is needed`,
    );
  }
};
