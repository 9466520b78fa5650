import type { RouteCounters } from './counters.ts';

/** The counters of one route at one moment. Plain data. */
export interface RouteMetrics extends Readonly<
  Pick<RouteCounters, 'latencySumMs' | 'requestBytes' | 'responseBytes' | 'inFlight' | 'limited'>
> {
  /** Host and path prefix; empty for requests that found no route. */
  readonly route: string;
  readonly service: string;
  readonly requests: readonly number[];
  readonly latency: readonly number[];
  readonly upstreamErrors: readonly number[];
}

/** What one proxy process has counted since it began. Plain data, so that it can cross processes. */
export interface MetricsSnapshot {
  readonly connections: { readonly accepted: number; readonly open: number };
  /** Lines that the access log had no room for. */
  readonly logDropped: number;
  readonly routes: readonly RouteMetrics[];
}

/** Adds up what several processes counted. What a process counted must stay in the sum after its end: keep its last one. */
export const mergeMetrics = (snapshots: readonly MetricsSnapshot[]): MetricsSnapshot => {
  const routes = new Map<string, RouteMetrics>();
  for (const snapshot of snapshots) {
    for (const one of snapshot.routes) {
      const key = `${one.service}\n${one.route}`;
      const sum = routes.get(key);
      routes.set(key, sum === undefined ? one : addRoutes(sum, one));
    }
  }
  return {
    connections: {
      accepted: total(snapshots, ({ connections }) => connections.accepted),
      open: total(snapshots, ({ connections }) => connections.open),
    },
    logDropped: total(snapshots, ({ logDropped }) => logDropped),
    routes: [...routes.values()],
  };
};

/** The snapshot of a process that has ended: what it counted stays, what was in flight in it does not. */
export const endedMetrics = (snapshot: MetricsSnapshot): MetricsSnapshot => ({
  ...snapshot,
  connections: { accepted: snapshot.connections.accepted, open: 0 },
  routes: snapshot.routes.map((route) => ({ ...route, inFlight: 0 })),
});

const addRoutes = (a: RouteMetrics, b: RouteMetrics): RouteMetrics => ({
  route: a.route,
  service: a.service,
  requests: addLists(a.requests, b.requests),
  latency: addLists(a.latency, b.latency),
  upstreamErrors: addLists(a.upstreamErrors, b.upstreamErrors),
  latencySumMs: a.latencySumMs + b.latencySumMs,
  requestBytes: a.requestBytes + b.requestBytes,
  responseBytes: a.responseBytes + b.responseBytes,
  inFlight: a.inFlight + b.inFlight,
  limited: a.limited + b.limited,
});

const addLists = (a: readonly number[], b: readonly number[]): readonly number[] =>
  a.map((value, i) => value + (b[i] ?? 0));

const total = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
