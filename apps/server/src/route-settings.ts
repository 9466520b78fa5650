import type { RateLimit, Route } from '@orca/proxy';
import type { RatePolicy, RoutePolicy } from '@orca/spec';
import { defined, some } from './defined.ts';

type Settings = Omit<Route, 'host' | 'pathPrefix' | 'stripPrefix' | 'targets' | 'isStopped' | 'service'>;

/** `[service.proxy]` in the words of the proxy: what is not asked for is left out, and means the default there. */
export const routeSettings = (policy: RoutePolicy, stickyKey: string): Settings => {
  const { holdMs: maxMs, holdMaxRequests: maxRequests, holdHealthPaths: healthPaths, stickyCookie: cookie } = policy;
  const { maxBodyBytes, rate, responseHeadersMs, responseIdleMs, compress, strictPath, httpsRedirect, hsts } = policy;
  return defined({
    hold: maxMs === undefined ? undefined : { maxMs, ...defined({ maxRequests, healthPaths }) },
    sticky: cookie === undefined ? undefined : { cookie, key: stickyKey },
    limits: some({ maxBodyBytes, rate: rate && rateOf(rate) }),
    timeouts: some({ responseHeadersMs, responseIdleMs }),
    https: httpsRedirect === false ? 'optional' : undefined,
    hsts,
    compress,
    strictPath,
  });
};

const rateOf = ({ requests, perMs, burst }: RatePolicy): RateLimit => ({ requests, perMs, ...defined({ burst }) });
