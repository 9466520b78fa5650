import { parseAuthority } from './authority.ts';
import { claimOf, trimPrefix, type Route, type RouteTable } from './route.ts';
import { stickyTokens, type StickyTokens } from './sticky.ts';

/** A route with what would otherwise be worked out again for each request. */
export interface Entry {
  readonly route: Route;
  readonly claim: string;
  /** Without a final slash. */
  readonly prefix: string;
  readonly tokens: StickyTokens | undefined;
}

/** The routes of one table, arranged for look-up: a name that is known exactly costs no allocation. */
export class RouteIndex {
  /** By host, or for a wildcard by what follows its star; each with the longest prefix first. */
  readonly #exact = new Map<string, Entry[]>();
  readonly #wildcards = new Map<string, Entry[]>();
  readonly #byClaim = new Map<string, Entry>();

  constructor(table: RouteTable) {
    for (const route of table.routes) {
      const isWildcard = route.host.startsWith('*.');
      const byHost = isWildcard ? this.#wildcards : this.#exact;
      const host = isWildcard ? route.host.slice(1) : route.host;
      const entry = entryOf(route);
      this.#byClaim.set(entry.claim, entry);
      const entries = byHost.get(host);
      if (entries === undefined) byHost.set(host, [entry]);
      else entries.push(entry);
    }
    for (const byHost of [this.#exact, this.#wildcards]) {
      for (const entries of byHost.values()) entries.sort((a, b) => b.prefix.length - a.prefix.length);
    }
  }

  /** Exact host first, then wildcard; in each the longest prefix. */
  find(name: string, path: string): Entry | undefined {
    return firstMatch(this.#exact.get(name), path) ?? this.#findWildcard(name, path);
  }

  claimed(claim: string): Entry | undefined {
    return this.#byClaim.get(claim);
  }

  #findWildcard(name: string, path: string): Entry | undefined {
    if (this.#wildcards.size === 0) return undefined;
    const dot = name.indexOf('.');
    return dot === -1 ? undefined : firstMatch(this.#wildcards.get(name.slice(dot)), path);
  }
}

/** The route for a host (with or without port) and a raw path: exact host first, then wildcard, longest prefix. */
export const matchRoute = (table: RouteTable, host: string, path: string): Route | undefined => {
  const authority = parseAuthority(host);
  return authority === undefined ? undefined : new RouteIndex(table).find(authority.name, path)?.route;
};

const entryOf = (route: Route): Entry => ({
  route,
  claim: claimOf(route),
  prefix: trimPrefix(route.pathPrefix),
  tokens: route.sticky === undefined ? undefined : stickyTokens(route.sticky, route.targets),
});

const [slash, question] = ['/'.charCodeAt(0), '?'.charCodeAt(0)];

const firstMatch = (entries: readonly Entry[] | undefined, path: string): Entry | undefined => {
  if (entries === undefined) return undefined;
  for (const entry of entries) {
    const { prefix } = entry;
    if (!path.startsWith(prefix)) continue;
    if (path.length === prefix.length) return entry;
    const next = path.charCodeAt(prefix.length);
    if (next === slash || next === question) return entry;
  }
  return undefined;
};
