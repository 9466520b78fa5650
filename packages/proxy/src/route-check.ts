import { isIP } from 'node:net';
import { parseAuthority } from './authority.ts';
import { ProxyError } from './errors.ts';
import { claimOf, type Route, type RouteTable } from './route.ts';
import { faultOfSettings } from './settings-check.ts';

/** Refuses a table that would serve something else than it says; what is served now stays in force. */
export const checkTable = (table: RouteTable): void => {
  const { httpsHosts = [] } = table;
  if (!Array.isArray(httpsHosts) || httpsHosts.some((host) => typeof host !== 'string'))
    throw new ProxyError('ORCA_PROXY_TABLE_INVALID', 'httpsHosts is no list of host names');
  const claimed = new Set<string>();
  for (const route of table.routes) {
    const fault = routeFault(route);
    if (fault !== undefined) throw invalid(route, fault);
    const claim = claimOf(route);
    if (claimed.has(claim)) throw invalid(route, 'is claimed twice');
    claimed.add(claim);
  }
};

/** Why a route cannot be served as it is, in words that go on after its name; `undefined` when it can. */
export const routeFault = (route: Route): string | undefined =>
  faultOfClaim(route) ?? faultOfTargets(route) ?? faultOfHold(route) ?? faultOfSticky(route) ?? faultOfSettings(route);

const faultOfClaim = ({ host, pathPrefix }: Route): string | undefined => {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (parseAuthority(name)?.name !== name) return 'needs a lower-case host name without port';
  if (!/^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/.test(pathPrefix))
    return 'needs a path prefix that starts with "/" and holds no space, "?" or "#"';
  return undefined;
};

const faultOfTargets = ({ targets }: Route): string | undefined => {
  const ids = new Set<string>();
  for (const { id, host, port, weight = 1, protocol = 'http/1.1' } of targets) {
    if (!isTargetHost(host, protocol)) return `has target ${id} with a host that is neither a name nor an address`;
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      return `has target ${id} with port ${port}, which is none`;
    if (!Number.isFinite(weight) || weight < 0) return `has target ${id} with weight ${weight}: 0 or more is possible`;
    if (protocol !== 'http/1.1' && protocol !== 'h2c') return `has target ${id} with a protocol that nobody speaks`;
    if (ids.has(id)) return `has target ${id} twice`;
    ids.add(id);
  }
  return undefined;
};

/** An address may have a zone, for which HTTP/2 has no way of writing. */
const isTargetHost = (host: string, protocol: string): boolean => {
  if (isIP(host) !== 0) return protocol !== 'h2c' || !host.includes('%');
  return /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/i.test(host);
};

/** What a timer can wait for; longer ones would fire at once. */
const longestMs = 2 ** 31 - 1;

const faultOfHold = ({ hold }: Route): string | undefined => {
  if (hold === undefined) return undefined;
  const { maxMs, maxRequests = 0, healthPaths = [] } = hold;
  if (!Number.isFinite(maxMs) || maxMs < 0 || maxMs > longestMs) return `cannot hold requests for ${maxMs} ms`;
  if (!Number.isInteger(maxRequests) || maxRequests < 0) return `cannot hold ${maxRequests} requests`;
  return healthPaths.every((path) => path.startsWith('/'))
    ? undefined
    : 'has a health path that does not start with "/"';
};

/** RFC 6265 §4.1.1: a cookie's name is a token. */
const cookieName = /^[\w!#$%&'*+.^`|~-]+$/;

const faultOfSticky = ({ sticky }: Route): string | undefined => {
  if (sticky === undefined) return undefined;
  if (typeof sticky.cookie !== 'string' || !cookieName.test(sticky.cookie))
    return 'has a sticky cookie whose name is none';
  return typeof sticky.key !== 'string' || sticky.key.length < 16
    ? 'has a sticky key that can be guessed: 16 characters are the least'
    : undefined;
};

const invalid = ({ host, pathPrefix }: Route, fault: string): ProxyError =>
  new ProxyError('ORCA_PROXY_TABLE_INVALID', `route ${host}${pathPrefix} ${fault}`);
