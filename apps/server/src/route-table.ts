import type { Route, RouteTable, Target } from '@orca/proxy';
import type { InstanceKey } from '@orca/reconcile';
import type { RouteSpec } from '@orca/spec';

/** One instance that takes requests, and for what. */
export interface RoutedInstance {
  readonly key: InstanceKey;
  readonly route: RouteSpec;
  /** Address on the service's network; `undefined` while it does not run. */
  readonly host: string | undefined;
}

/** What the proxy should do, from what is routed: instances of one domain and path share a route. */
export const routeTable = (routed: Iterable<RoutedInstance>): RouteTable => {
  const routes = new Map<string, { route: Omit<Route, 'targets'>; targets: Target[] }>();
  for (const { key, route, host } of routed) {
    for (const domain of route.domains) {
      for (const pathPrefix of route.paths) {
        const id = `${domain}${pathPrefix}`;
        const entry = routes.get(id) ?? {
          route: { host: domain, pathPrefix, stripPrefix: route.stripPrefix },
          targets: [],
        };
        // A known domain without a running instance stays known: 503, not 404.
        if (host !== undefined) entry.targets.push({ id: key, host, port: route.port });
        routes.set(id, entry);
      }
    }
  }
  return { routes: [...routes.values()].map(({ route, targets }) => ({ ...route, targets })) };
};
