import type { HstsPolicy, RatePolicy, RoutePolicy } from './model.ts';
import { urlPath } from './names.ts';
import { flag, integer, list, oneOf, seconds, word } from './read.ts';
import { optional, type Read, readTable, required, rows, table, withDefault } from './table.ts';
import { isTable } from './toml.ts';
import { bodySize } from './units.ts';

/** `[service.proxy]` */
export const routePolicy: Read<RoutePolicy> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [service.proxy]');
  const read = readTable(PROXY, value, at);
  for (const key of ['hold_max_requests', 'hold_health_paths'] as const)
    if (read.hold_secs === undefined && read[key] !== undefined) at.at(key).error('has no effect without hold_secs');
  return {
    holdMs: read.hold_secs,
    holdMaxRequests: read.hold_max_requests,
    holdHealthPaths: read.hold_health_paths,
    stickyCookie: read.sticky === false ? undefined : read.sticky,
    maxBodyBytes: read.max_body,
    rate: read.rate_limit,
    httpsRedirect: read.https_redirect,
    hsts: read.hsts === false ? undefined : read.hsts,
    compress: read.compress,
    protocol: read.protocol,
    strictPath: read.strict_path,
    responseHeadersMs: read.response_timeout_secs,
    responseIdleMs: read.idle_timeout_secs,
  };
};

const DEFAULT_COOKIE = 'orca_sticky';

/** RFC 6265 §4.1.1. A prefix such as `__Host-` asks for attributes that only HTTPS can have. */
const cookieName = word(/^(?!__)[\w!#$%&'*+.^`|~-]{1,64}$/, `the name of a cookie such as "${DEFAULT_COOKIE}"`);

const sticky: Read<string | false> = (value, at) => {
  if (typeof value === 'string') return cookieName(value, at);
  return flag(value, at) === true ? DEFAULT_COOKIE : false;
};

/** What browsers that keep lists of such hosts ask for, and most others say: a year. */
const YEAR_SECONDS = 31_536_000;

const HSTS = rows({
  title: '[service.proxy.hsts]',
  keys: {
    max_age_secs: withDefault(integer(0, 2 ** 31), YEAR_SECONDS),
    include_subdomains: withDefault(flag, false),
    preload: withDefault(flag, false),
  },
});

const hsts: Read<HstsPolicy | false> = (value, at) => {
  if (value === false) return false;
  const read = value === true ? readTable(HSTS, {}, at) : table(HSTS)(value, at);
  if (read === undefined) return undefined;
  if (read.preload && (!read.include_subdomains || read.max_age_secs < YEAR_SECONDS))
    at.at('preload').error('needs include_subdomains = true and max_age_secs of a year: the lists take nothing else');
  return { maxAgeSeconds: read.max_age_secs, includeSubDomains: read.include_subdomains, preload: read.preload };
};

const RATE = rows({
  title: '[service.proxy.rate_limit]',
  keys: {
    requests: required(integer(1, 1_000_000)),
    per_secs: withDefault(seconds(1, 86_400), 1000),
    burst: optional(integer(1, 1_000_000)),
  },
});

const rateLimit: Read<RatePolicy> = (value, at) => {
  const read = table(RATE)(value, at);
  if (read?.requests === undefined) return undefined;
  return { requests: read.requests, perMs: read.per_secs, burst: read.burst };
};

const PROXY = rows({
  title: '[service.proxy]',
  keys: {
    hold_secs: optional(seconds(0, 600)),
    hold_max_requests: optional(integer(1, 100_000)),
    hold_health_paths: optional(list(urlPath)),
    sticky: optional(sticky),
    max_body: optional(bodySize),
    rate_limit: optional(rateLimit),
    https_redirect: optional(flag),
    hsts: optional(hsts),
    compress: optional(flag),
    protocol: optional(oneOf('http/1.1', 'h2c')),
    strict_path: optional(flag),
    response_timeout_secs: optional(seconds(0)),
    idle_timeout_secs: optional(seconds(0)),
  },
});
