import { parseAuthority } from './authority.ts';
import { ProxyError } from './errors.ts';
import { trimPrefix, type Route, type RouteTable } from './route.ts';

/** Refuses a table that would serve something else than it says; what is served now stays in force. */
export const checkTable = (table: RouteTable): void => {
  const claimed = new Set<string>();
  for (const route of table.routes) {
    checkRoute(route);
    const claim = `${route.host}${trimPrefix(route.pathPrefix)}`;
    if (claimed.has(claim)) throw invalid(route, 'is claimed twice');
    claimed.add(claim);
  }
};

const checkRoute = (route: Route): void => {
  const name = route.host.startsWith('*.') ? route.host.slice(2) : route.host;
  const authority = parseAuthority(name);
  if (authority?.name !== name) throw invalid(route, 'needs a lower-case host name without port');
  if (!/^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/.test(route.pathPrefix))
    throw invalid(route, 'needs a path prefix that starts with "/" and holds no space, "?" or "#"');
  for (const { id, port } of route.targets) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw invalid(route, `has target ${id} with port ${port}, which is none`);
  }
};

const invalid = ({ host, pathPrefix }: Route, fault: string): ProxyError =>
  new ProxyError('ORCA_PROXY_TABLE_INVALID', `route ${host}${pathPrefix} ${fault}`);
