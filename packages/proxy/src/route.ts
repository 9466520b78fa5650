import { parseAuthority } from './authority.ts';

/** Where requests go. The id is the caller's; work in flight is counted under it across tables. */
export interface Target {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface Route {
  /** Lower-case host name (A-labels), or `*.example.com` for exactly one more label. */
  readonly host: string;
  /** Starts with `/`; covers itself and everything below it, never a longer segment. */
  readonly pathPrefix: string;
  /** Whether the prefix is taken off before the request is forwarded. */
  readonly stripPrefix: boolean;
  /** None: the route is known and answers 503. */
  readonly targets: readonly Target[];
}

export interface RouteTable {
  readonly routes: readonly Route[];
}

/** The routes of one table, arranged for look-up by host. */
export type RouteIndex = ReadonlyMap<string, readonly Route[]>;

/** The route for a host (with or without port) and a raw path: exact host first, then wildcard, longest prefix. */
export const matchRoute = (table: RouteTable, host: string, path: string): Route | undefined => {
  const authority = parseAuthority(host);
  return authority === undefined ? undefined : findRoute(indexRoutes(table), authority.name, path);
};

/** Per host, longest prefix first, so that the first match is the right one. */
export const indexRoutes = (table: RouteTable): RouteIndex => {
  const byHost = new Map<string, Route[]>();
  for (const route of table.routes) {
    const routes = byHost.get(route.host);
    if (routes === undefined) byHost.set(route.host, [route]);
    else routes.push(route);
  }
  for (const routes of byHost.values()) {
    routes.sort((a, b) => trimPrefix(b.pathPrefix).length - trimPrefix(a.pathPrefix).length);
  }
  return byHost;
};

export const findRoute = (index: RouteIndex, name: string, path: string): Route | undefined =>
  firstMatch(index.get(name), path) ?? firstMatch(index.get(wildcardOf(name)), path);

/** The path to forward; the rest is untouched, byte for byte. */
export const forwardedPath = (route: Route, path: string): string => {
  if (!route.stripPrefix) return path;
  const rest = path.slice(trimPrefix(route.pathPrefix).length);
  return rest.startsWith('/') ? rest : `/${rest}`;
};

/** `/` and `/api/` mean what `''` and `/api` mean. */
export const trimPrefix = (prefix: string): string => (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);

const wildcardOf = (name: string): string => {
  const dot = name.indexOf('.');
  return dot === -1 ? '' : `*${name.slice(dot)}`;
};

const firstMatch = (routes: readonly Route[] | undefined, path: string): Route | undefined =>
  routes?.find(({ pathPrefix }) => {
    const prefix = trimPrefix(pathPrefix);
    if (!path.startsWith(prefix)) return false;
    const next = path.charAt(prefix.length);
    return next === '' || next === '/' || next === '?';
  });
