import { routeFault, type DrainOptions, type RouteTable } from '@orca/proxy';
import type { InstanceKey, Router } from '@orca/reconcile';
import { isSameRoute, type RouteSpec, type ServiceSpec } from '@orca/spec';
import { routeTable, type DeclaredRoute, type RoutedInstance } from './route-table.ts';
import { messageOf } from './wire.ts';

export interface ProxyRouter extends Router<ServiceSpec> {
  /** Routed as this route asks: a changed domain counts as not routed yet. */
  isRoutedAs(key: InstanceKey, route: RouteSpec | undefined): boolean;
  /**
   * Takes over what already serves, after a start of the control plane. Before that no table is
   * published: it would take those off the air that are not known yet.
   */
  adopt(found: readonly RoutedInstance[]): Promise<void>;
  /**
   * Resolves when nothing is in flight to an instance that is not routed: a control plane that
   * died while it drained left requests that the proxy still answers.
   */
  settle(key: InstanceKey, signal: AbortSignal): Promise<void>;
  /** Hosts whose certificate is good from now on: plain HTTP for them is redirected. */
  setHttpsHosts(hosts: readonly string[]): Promise<void>;
  /** What services ask for has changed, or one was stopped or taken away. */
  redeclare(): void;
  /** New addresses as seen; an instance that does not run has none. */
  refresh(keys: ReadonlySet<InstanceKey>, addressOf: (key: InstanceKey) => string | undefined): void;
}

export interface ProxyRouterOptions {
  readonly proxy: {
    /** Resolves when no request is routed by an older table any more. */
    replace(table: RouteTable): Promise<void>;
    drain(key: InstanceKey, options: DrainOptions): Promise<void>;
  };
  readonly addressOf: (key: InstanceKey, signal: AbortSignal) => Promise<string | undefined>;
  /** What the services that are kept ask for. */
  readonly declared: () => readonly DeclaredRoute[];
  readonly stickyKey: string;
  /** Those that are redirected already, until `setHttpsHosts` knows better. */
  readonly httpsHosts: readonly string[];
  /** Used when a service's own drain time is not known any more. */
  readonly defaultDrainMs: number;
  /** Told, in words, of a route that cannot be served, and of a table that the proxy does not take. */
  readonly onFault: (message: string) => void;
  /** Told of every change, so that a later control plane knows what served. */
  readonly record: (key: InstanceKey, route: RouteSpec | undefined) => Promise<void>;
}

/** Routes instances through the proxy: every change is a whole new table, swapped at once. */
export const createProxyRouter = (o: ProxyRouterOptions): ProxyRouter => {
  const { proxy, addressOf, stickyKey } = o;
  /** Only a later control plane needs the record: a full disk must not keep anybody from being served. */
  const record = (key: InstanceKey, route: RouteSpec | undefined): Promise<void> =>
    o
      .record(key, route)
      .catch((error: unknown) => o.onFault(`the route of ${key} was not recorded: ${messageOf(error)}`));
  const routed = new Map<InstanceKey, RoutedInstance & { readonly drainMs: number }>();
  let isOpen = false;
  let { httpsHosts } = o;
  const publish = async (): Promise<void> => {
    if (!isOpen) return;
    const { routes } = routeTable({ routed: routed.values(), declared: o.declared(), stickyKey });
    // One that cannot be served, from a record of another version, must not keep the others from being so.
    await proxy.replace({
      httpsHosts,
      routes: routes.filter((route) => {
        const fault = routeFault(route);
        if (fault !== undefined) o.onFault(`${route.host}${route.pathPrefix} is not routed: it ${fault}`);
        return fault === undefined;
      }),
    });
  };
  /** The proxy gets it with the next table, or when it is back. */
  const late = (error: unknown): void => o.onFault(`the proxy does not take the routes yet: ${messageOf(error)}`);
  return {
    routed: () => new Set(routed.keys()),
    isRoutedAs: (key, route) => isSameRoute(routed.get(key)?.route, route),
    adopt: async (found) => {
      for (const instance of found) routed.set(instance.key, { ...instance, drainMs: o.defaultDrainMs });
      isOpen = true;
      await publish();
    },
    redeclare: () => void publish().catch(late),
    setHttpsHosts: (hosts) => {
      httpsHosts = hosts;
      return publish();
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
      if (changed) void publish().catch(late);
    },
    route: async (key, spec, signal) => {
      if (spec.route === undefined) return;
      const host = await addressOf(key, signal);
      if (host === undefined) throw new Error(`${spec.name}: has no address on its network to route to`);
      // The latest one's route counts for its service, so it has to be the last.
      routed.delete(key);
      routed.set(key, { key, route: spec.route, host, drainMs: spec.deploy.drainMs });
      await publish();
      await record(key, spec.route);
    },
    drain: async (key, signal) => {
      const { drainMs = o.defaultDrainMs } = routed.get(key) ?? {};
      if (routed.delete(key)) {
        await publish();
        await record(key, undefined);
      }
      await proxy.drain(key, { timeoutMs: drainMs, signal });
    },
    settle: async (key, signal) => {
      if (!routed.has(key)) await proxy.drain(key, { timeoutMs: o.defaultDrainMs, signal });
    },
  };
};
