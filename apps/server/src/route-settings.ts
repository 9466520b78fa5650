import type { RateLimit, Route } from '@orca/proxy';
import type { RatePolicy, RoutePolicy } from '@orca/spec';

type Settings = Omit<Route, 'host' | 'pathPrefix' | 'stripPrefix' | 'targets' | 'isStopped' | 'service'>;

/** `[service.proxy]` in the words of the proxy: what is not asked for is left out, and means the default there. */
export const routeSettings = (policy: RoutePolicy, stickyKey: string): Settings => {
  const { holdMs: maxMs, holdMaxRequests: maxRequests, holdHealthPaths: healthPaths, stickyCookie: cookie } = policy;
  const { maxBodyBytes, rate, responseHeadersMs, responseIdleMs, compress, strictPath } = policy;
  return defined({
    hold: maxMs === undefined ? undefined : { maxMs, ...defined({ maxRequests, healthPaths }) },
    sticky: cookie === undefined ? undefined : { cookie, key: stickyKey },
    limits: some({ maxBodyBytes, rate: rate && rateOf(rate) }),
    timeouts: some({ responseHeadersMs, responseIdleMs }),
    compress,
    strictPath,
  });
};

const rateOf = ({ requests, perMs, burst }: RatePolicy): RateLimit => ({ requests, perMs, ...defined({ burst }) });

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

// The overload ties the result to what goes in; the body can only know that nothing undefined is left.
function defined<T extends object>(fields: T): Defined<T>;
function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The same, and `undefined` when nothing is left at all. */
const some = <T extends object>(fields: T): Defined<T> | undefined => {
  const left = defined(fields);
  return Object.keys(left).length === 0 ? undefined : left;
};
