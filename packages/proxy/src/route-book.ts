import { RouteCounters } from './metrics/counters.ts';
import type { RouteMetrics } from './metrics/snapshot.ts';
import { RateLimiter } from './rate-limiter.ts';
import { claimOf, type Route, type RouteTable } from './route.ts';
import type { RateLimit } from './route-settings.ts';

/** How many routes that are gone keep their counters, so that one that comes back goes on counting. */
const mostGone = 200;

/** What outlives a table: what a route has counted, and whom it limits. */
export interface RouteMemory {
  /** Host and path prefix. */
  readonly claim: string;
  readonly service: string;
  readonly counters: RouteCounters;
  readonly limiter: RateLimiter | undefined;
}

interface Kept extends RouteMemory {
  readonly rate: RateLimit | undefined;
}

/** What is remembered of each route, across tables, by what it claims. */
export class RouteBook {
  /** Requests that found no route. */
  readonly unrouted: RouteMemory = { claim: '', service: '', counters: new RouteCounters(), limiter: undefined };
  /** In the order in which they were last in a table. */
  readonly #kept = new Map<string, Kept>();
  #current: ReadonlyMap<Route, RouteMemory> = new Map();

  replace({ routes }: RouteTable): void {
    const current = new Map<Route, Kept>();
    for (const route of routes) {
      const claim = `${claimOf(route)}/`;
      const kept = keep(this.#kept.get(claim), route, claim);
      this.#kept.delete(claim);
      this.#kept.set(claim, kept);
      current.set(route, kept);
    }
    this.#current = current;
    for (const claim of this.#kept.keys()) {
      if (this.#kept.size <= current.size + mostGone) break;
      this.#kept.delete(claim);
    }
  }

  /** For a route of the table in force. */
  of(route: Route): RouteMemory {
    return this.#current.get(route) ?? this.unrouted;
  }

  metrics(): readonly RouteMetrics[] {
    return [this.unrouted, ...this.#kept.values()].map(({ claim, service, counters }) => ({
      route: claim,
      service,
      requests: [...counters.requests],
      latency: [...counters.latency],
      upstreamErrors: [...counters.upstreamErrors],
      latencySumMs: counters.latencySumMs,
      requestBytes: counters.requestBytes,
      responseBytes: counters.responseBytes,
      inFlight: counters.inFlight,
      limited: counters.limited,
    }));
  }
}

const keep = (before: Kept | undefined, { service = '', limits }: Route, claim: string): Kept => {
  const rate = limits?.rate;
  return {
    claim,
    service,
    counters: before?.counters ?? new RouteCounters(),
    rate,
    limiter: isSame(before?.rate, rate) ? before?.limiter : rate && new RateLimiter(rate),
  };
};

const isSame = (a: RateLimit | undefined, b: RateLimit | undefined): boolean =>
  a === b || (a?.requests === b?.requests && a?.perMs === b?.perMs && a?.burst === b?.burst);
