import type { RouteSettings } from './route-settings.ts';

/**
 * What is wrong with a route's settings, as the end of a sentence about the route; `undefined`
 * for nothing. They may come from a file or from another process, so types are not believed.
 */
export const faultOfSettings = (settings: RouteSettings): string | undefined => {
  const { service, limits, timeouts, https, hsts, compress, strictPath } = settings;
  const rules: readonly (readonly [isFine: boolean, fault: string])[] = [
    [is(service, isText), 'has a service that is no name'],
    [is(https, isWayOfHttps), 'has an `https` that is neither "redirect" nor "optional"'],
    [is(compress, isFlag) && is(strictPath, isFlag), 'has a switch that is neither true nor false'],
    [is(limits?.maxBodyBytes, isCount), 'has a maxBodyBytes that is no number of bytes'],
    [is(limits?.rate, isRate), 'has a rate limit that is not whole numbers from 1'],
    [
      is(timeouts?.responseHeadersMs, isWait) && is(timeouts?.responseIdleMs, isWait),
      'has a timeout that no timer can wait for',
    ],
    [is(hsts, isHsts), 'has an hsts whose maxAgeSeconds is no number'],
  ];
  return rules.find(([isFine]) => !isFine)?.[1];
};

/** Everything may be left out. */
const is = <T>(value: T | undefined, holds: (value: T) => boolean): boolean => value === undefined || holds(value);

const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isWayOfHttps = (value: unknown): boolean => value === 'redirect' || value === 'optional';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isWait = (value: unknown): boolean => isCount(value) && Number(value) < 2 ** 31;
const isRate = ({ requests, perMs, burst = 1 }: NonNullable<NonNullable<RouteSettings['limits']>['rate']>): boolean =>
  [requests, perMs, burst].every((value) => isCount(value) && value >= 1);
const isHsts = ({ maxAgeSeconds }: NonNullable<RouteSettings['hsts']>): boolean => isCount(maxAgeSeconds);
