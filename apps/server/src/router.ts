import type { Proxy } from '@orca/proxy';
import type { InstanceKey, Router } from '@orca/reconcile';
import type { RouteSpec, ServiceSpec } from '@orca/spec';
import { routeTable, type RoutedInstance } from './route-table.ts';

export interface ProxyRouter extends Router<ServiceSpec> {
  /** Routed as this route asks: a changed domain counts as not routed yet. */
  isRoutedAs(key: InstanceKey, route: RouteSpec | undefined): boolean;
  /** Takes over what already serves, after a start of the control plane. */
  adopt(key: InstanceKey, route: RouteSpec, host: string | undefined): void;
  /** New addresses as seen; an instance that does not run has none. */
  refresh(keys: ReadonlySet<InstanceKey>, addressOf: (key: InstanceKey) => string | undefined): void;
}

export interface ProxyRouterOptions {
  readonly proxy: Proxy;
  readonly addressOf: (key: InstanceKey, signal: AbortSignal) => Promise<string | undefined>;
  /** Used when a service's own drain time is not known any more. */
  readonly defaultDrainMs: number;
  /** Told of every change, so that a later control plane knows what served. */
  readonly record: (key: InstanceKey, route: RouteSpec | undefined) => Promise<void>;
}

/** Routes instances through the proxy: every change is a whole new table, swapped at once. */
export const createProxyRouter = ({ proxy, addressOf, defaultDrainMs, record }: ProxyRouterOptions): ProxyRouter => {
  const routed = new Map<InstanceKey, RoutedInstance & { readonly drainMs: number }>();
  const publish = (): void => proxy.replace(routeTable(routed.values()));
  return {
    routed: () => new Set(routed.keys()),
    isRoutedAs: (key, route) => isSameRoute(routed.get(key)?.route, route),
    adopt: (key, route, host) => {
      routed.set(key, { key, route, host, drainMs: defaultDrainMs });
      publish();
    },
    refresh: (keys, addressNow) => {
      let changed = false;
      for (const key of keys) {
        const entry = routed.get(key);
        const host = addressNow(key);
        if (entry === undefined || host === entry.host) continue;
        routed.set(key, { ...entry, host });
        changed = true;
      }
      if (changed) publish();
    },
    route: async (key, spec, signal) => {
      if (spec.route === undefined) return;
      const host = await addressOf(key, signal);
      if (host === undefined) throw new Error(`${spec.name}: has no address on its network to route to`);
      routed.set(key, { key, route: spec.route, host, drainMs: spec.deploy.drainMs });
      publish();
      await record(key, spec.route);
    },
    drain: async (key, signal) => {
      const entry = routed.get(key);
      if (entry === undefined) return;
      routed.delete(key);
      publish();
      await record(key, undefined);
      await proxy.drain(key, { timeoutMs: entry.drainMs, signal });
    },
  };
};

/** A route that was read back from its record has its fields in another order. */
const isSameRoute = (a: RouteSpec | undefined, b: RouteSpec | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.port === b.port &&
  a.stripPrefix === b.stripPrefix &&
  a.domains.join() === b.domains.join() &&
  a.paths.join() === b.paths.join();
