import type { RouteSettings } from './route-settings.ts';

/** Where requests go. The id is the caller's; work in flight is counted under it across tables. */
export interface Target {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /**
   * Its share of the requests beside the other targets' weights; 1 when left out. 0 takes requests
   * only while nothing else can be reached.
   */
  readonly weight?: number;
  /** What it speaks; HTTP/1.1 when left out. `h2c` is HTTP/2 in the clear, which gRPC needs. */
  readonly protocol?: 'http/1.1' | 'h2c';
}

/** What becomes of requests while nobody can take them, instead of a 503 at once. */
export interface Hold {
  /** How long each of them may wait. */
  readonly maxMs: number;
  /** How many may wait at the same time in this process; one more is answered 503. 1,000 when left out. */
  readonly maxRequests?: number;
  /** Raw paths that are answered 200 meanwhile: health checks of a balancer in front, or of a monitor. */
  readonly healthPaths?: readonly string[];
}

/** Keeps a client on its target by a cookie. */
export interface Sticky {
  /** Name of the cookie. */
  readonly cookie: string;
  /** Keys the hash that the cookie holds; the same in every process that serves this route. Secret. */
  readonly key: string;
}

export interface Route extends RouteSettings {
  /** Lower-case host name (A-labels), or `*.example.com` for exactly one more label. */
  readonly host: string;
  /** Starts with `/`; covers itself and everything below it, never a longer segment. */
  readonly pathPrefix: string;
  /** Whether the prefix is taken off before the request is forwarded. */
  readonly stripPrefix: boolean;
  /** None: the route is known and answers 503, at once or after `hold`. */
  readonly targets: readonly Target[];
  readonly hold?: Hold;
  readonly sticky?: Sticky;
  /** Taken off the air by its operator: 503 at once, in words of its own, whatever the targets are. */
  readonly isStopped?: boolean;
}

export interface RouteTable {
  readonly routes: readonly Route[];
  /**
   * Hosts whose certificate is good at the moment (`*.example.com` covers one label): plain HTTP
   * for them is redirected where the route does not say otherwise.
   */
  readonly httpsHosts?: readonly string[];
}

/** The path to forward; the rest is untouched, byte for byte. */
export const forwardedPath = (route: Route, path: string): string => {
  if (!route.stripPrefix) return path;
  const rest = path.slice(trimPrefix(route.pathPrefix).length);
  return rest.startsWith('/') ? rest : `/${rest}`;
};

/** `/` and `/api/` mean what `''` and `/api` mean. */
export const trimPrefix = (prefix: string): string => (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);

/** What the route claims: no two of a table may claim the same. */
export const claimOf = ({ host, pathPrefix }: Route): string => `${host}${trimPrefix(pathPrefix)}`;
