import type { RouteSettings } from './route-settings.ts';

/** What is wrong with a route's settings, as the end of a sentence about the route; `undefined` for nothing. */
export const faultOfSettings = ({ service, limits, timeouts, https, hsts }: RouteSettings): string | undefined => {
  if (service !== undefined && typeof service !== 'string') return 'has a service that is no name';
  if (https !== undefined && https !== 'redirect' && https !== 'optional')
    return 'has an `https` that is neither "redirect" nor "optional"';
  const maxBody = limits?.maxBodyBytes;
  if (maxBody !== undefined && !isCount(maxBody, 0)) return 'has a maxBodyBytes that is no number of bytes';
  for (const ms of [timeouts?.responseHeadersMs, timeouts?.responseIdleMs])
    if (ms !== undefined && !(isCount(ms, 0) && ms < 2 ** 31)) return 'has a timeout that no timer can wait for';
  const rate = limits?.rate;
  if (rate !== undefined && !(isCount(rate.requests, 1) && isCount(rate.perMs, 1) && isCount(rate.burst ?? 1, 1)))
    return 'has a rate limit that is not whole numbers from 1';
  if (hsts !== undefined && !isCount(hsts.maxAgeSeconds, 0)) return 'has an hsts whose maxAgeSeconds is no number';
  return undefined;
};

const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && Number(value) >= least;
